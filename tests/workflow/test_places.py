"""Where a checkout lies, and from where it is run, changes nothing: what is in the files decides."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.conftest import make_tokenizer
from tests.workflow.conftest import Checkout

pytestmark = pytest.mark.workflow
MICRO = ("--configfile", "experiments/micro.yaml")
MADE = ("results", "logs", "work", ".snakemake")

MODULE = """
configfile: "mine.yaml"

module sft_report:
    snakefile: {snakefile!r}
    config: config

use rule * from sft_report as sft_*
"""


def copy_made(source: Path, target: Path) -> None:
    """Copy what a finished run has made, times and links as they are."""
    for part in MADE:
        shutil.copytree(source / part, target / part, symlinks=True)


def snakemake(folder: Path, *arguments: str) -> str:
    """Run Snakemake in a folder that is no checkout; return what it prints."""
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *arguments]
    done = subprocess.run(command, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


def files_of(folder: Path) -> set[Path]:
    """Return the files of a checkout, without what Python keeps for itself."""
    return {path for path in folder.rglob("*") if "__pycache__" not in path.parts and ".venv" not in path.parts}


def test_a_copy_of_a_finished_checkout_has_nothing_to_do(micro: Checkout, tmp_path: Path) -> None:
    copy = Checkout(tmp_path)
    copy_made(micro.folder, copy.folder)
    assert copy.plan(*MICRO) == {}


def test_another_working_folder_and_a_module_run_what_is_left(micro: Checkout, tmp_path: Path) -> None:
    """With --directory, then through a module of another workflow with a config of its own; the checkout stays as it
    is, as one that cannot be written to."""
    before = files_of(micro.folder)
    elsewhere = tmp_path / "else where"
    elsewhere.mkdir()
    copy_made(micro.folder, elsewhere)
    config = str(micro.folder / "experiments" / "micro.yaml")
    for path in (
        "evaluate/few-t1/chains.parquet",
        "compare/answers.parquet",
        "compare/scores.csv",
        "report/report.html",
    ):
        (elsewhere / "results/micro" / path).unlink()
    source = ("--snakefile", str(micro.folder / "Snakefile"), "--directory", str(elsewhere))
    ran = snakemake(tmp_path, *source, "--configfile", config)
    assert "evaluate_model" in ran and "train_sft" not in ran
    assert (elsewhere / "results/micro/report/report.html").is_file()

    shutil.copy(config, elsewhere / "mine.yaml")
    (elsewhere / "Snakefile").write_text(MODULE.format(snakefile=str(micro.folder / "Snakefile")), encoding="utf-8")
    assert "Nothing to be done" in snakemake(elsewhere, "sft_all")
    table = "results/micro/compare/comparisons.csv"
    (elsewhere / table).unlink()
    assert "sft_compare_models" in snakemake(elsewhere, table)
    assert (elsewhere / table).read_bytes() == (micro.folder / table).read_bytes()
    assert files_of(micro.folder) == before


@pytest.fixture(scope="module")
def own_files(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout whose experiment has a model, data, a template and a benchmark of the user's own, its pool made. Tests
    that change these put them back."""
    checkout = Checkout(tmp_path_factory.mktemp("own"))
    folder = checkout.folder / "my {files}"
    model = folder / "demo model"
    model.mkdir(parents=True)
    tokenizer = make_tokenizer()
    tokenizer.save_pretrained(model)
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    shape |= {"num_key_value_heads": 2, "vocab_size": len(tokenizer), "max_position_embeddings": 4096}
    (model / "config.json").write_text(json.dumps({"model_type": "qwen2", **shape}))
    weights = np.frombuffer(os.urandom(2 * 2**20), np.float32)
    save_file({"weights": weights}, model / "model.safetensors")
    (folder / "template.jinja").write_text(tokenizer.chat_template)
    rows = [{"question": f"What is {n} + 1?", "response": f"<think>{n} + 1 = {n + 1}.</think>\\boxed{{{n + 1}}}"}
            for n in range(30)]  # fmt: skip
    (folder / "a{b} 'c'.jsonl").write_text("\n".join(map(json.dumps, rows)))
    questions = [{"question": f"{n} times 7 is what number?", "answer": str(n * 7)} for n in range(3)]
    (folder / "few.jsonl").write_text("\n".join(map(json.dumps, questions)))
    checkout.experiment(
        "own",
        name="own",
        title=r"Does {x} \emph{help}?",
        dataset={"source": "file", "path": "my {files}/a{b} 'c'.jsonl", "system_prompt": r"Put it in \boxed{answer}."},
        model={"name": "./my {files}/demo model", "chat_template": "my {files}/template.jinja", "dtype": "float32"},
        pool={},
        evaluation__system_prompt='"{model}" null',
        evaluation__benchmarks={"few": {"path": "my {files}/few.jsonl"}},
    )
    checkout.snakemake("pool", "--configfile", "experiments/own.yaml")
    return checkout


def test_braces_quotes_and_spaces_are_text(own_files: Checkout) -> None:
    import polars as pl

    pool = pl.read_parquet(own_files.folder / "results/own/data/clean.parquet")
    assert len(pool) == 30 and set(pool["system"]) == {r"Put it in \boxed{answer}."}
    target = "results/own/report/experiment.json"
    own_files.snakemake(target, "--configfile", "experiments/own.yaml")
    written = json.loads((own_files.folder / target).read_text(encoding="utf-8"))
    assert written["title"] == r"Does {x} \emph{help}?"
    assert written["evaluation"]["system_prompt"] == '"{model}" null'
    shown = own_files.snakemake("scores", "--dry-run", "--printshellcmds", "--configfile", "experiments/own.yaml")
    assert """--system-prompt '"{model}" null'""" in shown


def test_a_change_in_place_is_noticed(own_files: Checkout) -> None:
    """Also where the file has its old time, as after `cp -p`."""
    config = ("pool", "--configfile", "experiments/own.yaml")
    folder = own_files.folder / "my {files}"
    for name, rule, old_time in [
        ("demo model/model.safetensors", "prepare_pool", True),
        ("demo model/model.safetensors", "prepare_pool", False),
        ("template.jinja", "prepare_pool", True),
        ("a{b} 'c'.jsonl", "fetch_dataset", True),
        ("few.jsonl", "fetch_benchmark", True),
    ]:
        file = folder / name
        content, stat = file.read_bytes(), file.stat()
        file.write_bytes(content[:-1] + (b"x" if content[-1:] != b"x" else b"y"))
        if old_time:
            os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        assert rule in own_files.plan(*config), f"{name} has changed"
        file.write_bytes(content)
    assert own_files.plan(*config) == {}, "all is as it was"


def test_a_moved_file_is_the_same(own_files: Checkout) -> None:
    text = (own_files.folder / "experiments/own.yaml").read_text(encoding="utf-8")
    (own_files.folder / "experiments/moved.yaml").write_text(text.replace("my {files}", "moved"), encoding="utf-8")
    (own_files.folder / "my {files}").rename(own_files.folder / "moved")
    plan = own_files.plan("pool", "--configfile", "experiments/moved.yaml")
    (own_files.folder / "moved").rename(own_files.folder / "my {files}")
    assert plan == {}


def test_provenance_lacks_no_file_that_a_program_reads(micro: Checkout) -> None:
    inputs: dict[str, set[str]] = {}
    for file in (micro.folder / "results").rglob("*.provenance.json"):
        record = json.loads(file.read_text(encoding="utf-8"))
        module = record["program"].removesuffix(".py").replace("/", ".")
        inputs.setdefault(module, set()).update(str(micro.folder / path) for path in record["inputs"])
        inputs[module].add(str(micro.folder / record["artefact"]))
    lines = (micro.folder / "opened.tsv").read_text(encoding="utf-8").splitlines()
    opened = {tuple(line.split("\t")) for line in lines}
    assert len({module for module, _ in opened}) > 15, "programs were watched"
    # Code and Python's own files are the code digest's and the lock's; work/ and temporary files the program's own.
    own = [str(micro.folder / part) for part in ("scripts", "envs", ".venv", "work", ".git", "opened.tsv")]
    for module, path in sorted(opened):
        inside = path.startswith(f"{micro.folder}/") and not path.startswith(tuple(own))
        known = any(path == one or path.startswith(f"{one}/") for one in inputs[module])
        record = path.endswith(".provenance.json") or ".incomplete-" in path
        assert not inside or known or record, f"{module} reads {path}"
