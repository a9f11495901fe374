"""Exported training sets: what `datasets` reads back is what the Parquet file holds, and the card says what it is."""

import json
import sys
from pathlib import Path

import pytest
import yaml

from scripts.common.tables import write_table
from scripts.select import export_subset
from scripts.select.methods.limopro import Limopro
from scripts.select.methods.random import Random
from scripts.select.tables import SUBSET

# What breaks careless writers: separators that some readers take for line ends, quotes, other scripts.
TEXTS = ["plain", 'a "quoted" \\boxed{3}\n\ttab', "line\u2028sep\u2029par\u0085nel", "等等 🤔 é", "{'json': null}"]


@pytest.fixture
def subset(tmp_path: Path) -> Path:
    """A subset file of every text, every other row with a system prompt."""
    rows = []
    for number, text in enumerate(TEXTS):
        system = [{"role": "system", "content": "Be brief."}] if number % 2 else []
        turns = [{"role": "user", "content": f"{number}? {text}"}, {"role": "assistant", "content": f"<think>\n{text}"}]
        counted = {"tokens": 90, "tokens_before": 100, "pruned_steps": [1, 2]}
        rows.append({"id": f"{number:016x}", "messages": [*system, *turns], **counted})
    write_table(SUBSET, rows, tmp_path / "subset.parquet")
    (tmp_path / "raw.parquet").touch()
    (tmp_path / "raw.parquet.provenance.json").write_text('{"artefact": "a", "licence": "cc-by-4.0"}')
    return tmp_path / "subset.parquet"


def export(subset: Path, name: str, monkeypatch: pytest.MonkeyPatch, settings: Limopro | Random, *more: str) -> Path:
    folder = subset.parent / "exports" / name
    source = json.dumps({"source": "hub", "path": "nobody/chains", "revision": "abc123"})
    arguments = ["--subset", str(subset), "--raw", str(subset.parent / "raw.parquet"), "--of", "limopro", *more]
    arguments += ["--settings", settings.model_dump_json(), "--source", source, "--seed", "1", "--export", str(folder)]
    monkeypatch.setattr(sys, "argv", ["export_subset", *arguments])
    export_subset.main()
    return folder


LIMOPRO = Limopro(method="limopro", prune_ratio=0.4, band=(0.3, 0.9))


def test_datasets_reads_what_the_parquet_file_holds(subset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets
    import pyarrow.parquet as pq

    folder = export(subset, "limopro", monkeypatch, LIMOPRO)
    held = pq.read_table(subset).to_pylist()
    cache = str(subset.parent / "cache")
    # By the card's header, as from the hub.
    read = {
        name: datasets.load_dataset(str(folder), name, split="train", cache_dir=cache).to_list()
        for name in ("messages", "alpaca")
    }
    assert read["messages"] == [{"id": row["id"], "messages": row["messages"]} for row in held]
    assert len(read["alpaca"]) == len(held)
    for row, made in zip(held, read["alpaca"], strict=True):
        turns = {message["role"]: message["content"] for message in row["messages"]}
        assert made == {
            "id": row["id"],
            "instruction": turns["user"],
            "input": "",
            "output": turns["assistant"],
            "system": turns.get("system", ""),
        }
    for name in ("messages", "alpaca"):
        assert len((folder / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()) == len(held)


def test_llama_factory_finds_files_and_columns(subset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = export(subset, "limopro", monkeypatch, LIMOPRO)
    info = json.loads((folder / "dataset_info.json").read_text())
    assert set(info) == {"limopro", "limopro.messages"}
    for entry in info.values():
        first = json.loads((folder / entry["file_name"]).read_text(encoding="utf-8").splitlines()[0])
        assert set(entry["columns"].values()) <= set(first)
    tags = info["limopro.messages"]["tags"]
    message = json.loads((folder / "messages.jsonl").read_text(encoding="utf-8").splitlines()[0])["messages"][0]
    assert set(message) == {tags["role_tag"], tags["content_tag"]} and message["role"] == tags["user_tag"]


def test_the_card_says_what_it_is(subset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (export(subset, "limopro", monkeypatch, LIMOPRO) / "README.md").read_text(encoding="utf-8")
    header = yaml.safe_load(text.split("---\n")[1])
    assert header["license"] == "cc-by-4.0" and header["size_categories"] == ["n<1K"]
    for line in (
        "| rows | 5 |",
        "| tokens | 450 (",
        "| tokens before pruning | 500 (10.0% left out) |",
        "| steps left out | 10 |",
        "| `band` | `[0.3, 0.9]` |",
        "[nobody/chains](https://huggingface.co/datasets/nobody/chains) at revision `abc123`",
        "The answer stands in `\\boxed{...}`",
    ):
        assert line in text, line
    assert (subset.parent / "exports/limopro.provenance.json").is_file()


def test_the_card_of_a_control(subset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (subset.parent / "raw.parquet.provenance.json").unlink()
    more = ["--control", "rows", "--training-seed", "3"]
    text = (export(subset, "random-400-t3", monkeypatch, LIMOPRO, *more) / "README.md").read_text(encoding="utf-8")
    assert "license" not in yaml.safe_load(text.split("---\n")[1])
    assert "| licence of the source | not recorded |" in text
    assert "A control of the subset `limopro`: as many rows, drawn at random" in text
    assert "| drawn for training seed | `3` |" in text
