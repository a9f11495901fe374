"""The real programs against a stand-in for the hub: pinned, resumed, licence and hashes on record."""

import hashlib
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml
from hub_stand_in import COMMIT, hub

from scripts.common.cli import UserError
from scripts.common.config.dataset import Dataset
from scripts.data.hub_files import choose

DRAW = random.Random(1)
# 24 MB: the hub's client writes parts of 10 MB, and goes on behind the last one written.
LINES = [{"prompt": f"{n}+1?", "completion": DRAW.randbytes(200_000).hex()} for n in range(60)]
FILES = {
    "README.md": b"---\nlicense: cc-by-4.0\n---\n",
    "a.jsonl": "".join(json.dumps(line) + "\n" for line in LINES).encode(),
    "b.jsonl": b'{"prompt": "last?", "completion": "yes"}\n',
}


def run(server: Any, folder: Path, program: str, *options: str) -> subprocess.CompletedProcess:
    environment = os.environ | {
        "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
        "HF_HOME": str(folder / "cache"),
        "HF_HUB_OFFLINE": "0",
        "NO_PROXY": "127.0.0.1",
    }
    command = [sys.executable, "-m", f"scripts.data.{program}", *options]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


def fetch(server: Any, folder: Path, revision: str, path: str = "owner/chains") -> subprocess.CompletedProcess:
    options = ["--source", "hub", "--path", path, "--revision", revision, "--output", str(folder / "raw.parquet")]
    return run(server, folder, "fetch_dataset", *options)


def fetch_model(server: Any, folder: Path, revision: str, name: str = "owner/chains") -> subprocess.CompletedProcess:
    output = str(folder / "model")
    return run(server, folder, "fetch_model", "--name", name, "--revision", revision, "--output", output)


def test_a_broken_connection_is_taken_up_where_it_broke(tmp_path: Path) -> None:
    with hub(FILES, {"license": "cc-by-4.0"}, breaks=1) as server:
        done = fetch(server, tmp_path, COMMIT)
        assert done.returncode == 0, done.stderr
        first, second, third = server.starts
    assert (first, third) == (0, 0) and 0 < second <= len(FILES["a.jsonl"]) // 2
    table = pq.read_table(tmp_path / "raw.parquet")
    assert table["response"].to_pylist() == [line["completion"] for line in LINES] + ["yes"]
    record = json.loads((tmp_path / "raw.parquet.provenance.json").read_text())
    assert record["licence"] == "cc-by-4.0" and record["commit"] == COMMIT
    assert record["files"] == {name: hashlib.sha256(FILES[name]).hexdigest() for name in ("a.jsonl", "b.jsonl")}


def test_mistakes_are_one_sentence(tmp_path: Path) -> None:
    with hub(FILES, {}, breaks=0) as server:
        revision = fetch(server, tmp_path, "f" * 40)
        repository = fetch(server, tmp_path, COMMIT, "owner/other")
    with hub({"README.md": b""}, {}, breaks=0) as server:
        empty = fetch(server, tmp_path, COMMIT)
    unreachable = fetch(server, tmp_path, COMMIT)
    for done, message in (
        (revision, "has no revision"),
        (repository, "has no data set 'owner/other'"),
        (empty, "holds no data file"),
        (unreachable, "could not be fetched"),
    ):
        assert done.returncode == 2 and message in done.stderr, done.stderr
        assert "Traceback" not in done.stderr
    assert not (tmp_path / "raw.parquet").exists()


def test_a_model_is_fetched_whole_and_only_its_safetensors(tmp_path: Path) -> None:
    weights = DRAW.randbytes(200_000)
    files = {"config.json": b"{}", "model.safetensors": weights, "pytorch_model.bin": b"x", "tokenizer.json": b"{}"}
    with hub(files, {}, breaks=1) as server:
        done = fetch_model(server, tmp_path, COMMIT)
    assert done.returncode == 0, done.stderr
    model = tmp_path / "model"
    assert {file.name for file in model.iterdir()} == set(files) - {"pytorch_model.bin"}
    assert (model / "model.safetensors").read_bytes() == weights
    assert json.loads((tmp_path / "model.provenance.json").read_text())["commit"] == COMMIT


def test_a_model_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with hub({"config.json": b"{}"}, {}, breaks=0) as server:
        revision = fetch_model(server, tmp_path, "f" * 40)
        repository = fetch_model(server, tmp_path, COMMIT, "owner/other")
    with hub({"config.json": b"{}"}, {}, gated=True) as server:
        gated = fetch_model(server, tmp_path, COMMIT)
    for done, message in (
        (revision, "has no revision"),
        (repository, "has no model 'owner/other'"),
        (gated, "'owner/chains' is gated: ask for access at https://huggingface.co/owner/chains, then log in"),
    ):
        assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr, done.stderr
    assert not (tmp_path / "model").exists()


SPLITS = {
    "data/train-00000-of-00001.jsonl": b'{"prompt": "train?", "completion": "x"}\n',
    "data/test-00000-of-00001.jsonl": b'{"prompt": "test?", "completion": "x"}\n',
}
CONFIGS = {
    "main/train.jsonl": b'{"prompt": "main?", "completion": "x"}\n',
    "more/train.jsonl": b'{"prompt": "more?", "completion": "x"}\n',
}


def card(*names: str) -> str:
    files = zip(names, CONFIGS, strict=True)
    front = [{"config_name": name, "data_files": [{"split": "train", "path": file}]} for name, file in files]
    return f"---\n{yaml.safe_dump({'configs': front})}\n---\n"


def test_the_train_split_is_read_and_said(tmp_path: Path) -> None:
    with hub(SPLITS, {}) as server:
        done = fetch(server, tmp_path, COMMIT)
    assert done.returncode == 0, done.stderr
    assert pq.read_table(tmp_path / "raw.parquet")["question"].to_pylist() == ["train?"]
    record = json.loads((tmp_path / "raw.parquet.provenance.json").read_text())
    assert record["chosen"] == "configuration default, split train; not read: split test"


def test_configuration_and_split_are_chosen_or_asked_for() -> None:
    def chosen(files: dict[str, bytes], front: str = "", **keys: str) -> list[str]:
        return choose(Dataset(source="hub", path="owner/chains", revision=COMMIT, **keys), list(files), front)[0]

    assert chosen(SPLITS, split="test") == ["data/test-00000-of-00001.jsonl"]
    assert chosen(CONFIGS, card("default", "more")) == ["main/train.jsonl"]
    assert chosen(CONFIGS, card("first", "second"), config="second") == ["more/train.jsonl"]
    assert chosen(CONFIGS) == ["main/train.jsonl", "more/train.jsonl"]  # no card says that they are two
    second = card("first", "second").replace("config_name: second", "config_name: second\n  default: true")
    assert chosen(CONFIGS, second) == ["more/train.jsonl"]
    mixed = choose(Dataset(source="hub", path="owner/chains", revision=COMMIT), ["train.parquet", "train.csv"], "")
    assert mixed[1].endswith("not read: train.csv")
    for files, front, keys, message in (
        (SPLITS, "", {"split": "dev"}, r"has no split 'dev' \(there are: train, test\)"),
        (CONFIGS, card("first", "second"), {}, r"several configurations \(first, second\): name one as dataset.config"),
        (CONFIGS, card("first", "second"), {"config": "x"}, "has no configuration 'x'"),
        (CONFIGS, "---\nconfigs: [\n---\n", {}, "its data files cannot be told"),
    ):
        with pytest.raises(UserError, match=message):
            chosen(files, front, **keys)
