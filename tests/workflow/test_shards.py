"""A shard that is killed half-way costs that shard: it alone runs again, and the joined answers are whole."""

import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from scripts.common.tables import read_table
from scripts.evaluate.tables import ANSWERS
from tests.workflow.conftest import Checkout

pytestmark = pytest.mark.workflow
TARGET = "results/micro/evaluate/base/late.parquet"


def job_of_shard(folder: Path, shard: int) -> int | None:
    """Return the process id of the evaluation of a shard that runs in `folder`, if it does."""
    for process in Path("/proc").iterdir():
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            here = (process / "cwd").resolve() == folder.resolve()
        except OSError:  # it is gone, or no process
            continue
        options = dict(pairwise(words))
        if here and b"scripts.evaluate.evaluate_model" in words and options.get(b"--shard") == str(shard).encode():
            return int(process.name)
    return None


def test_a_killed_shard_is_repeated_alone(micro: Checkout, tmp_path: Path) -> None:
    config = micro.experiment(
        "sharded",
        pool__decontaminate__against=["chains"],
        evaluation__benchmarks__late={"demo": {"operations": 3, "questions": 9}, "samples": 2, "shards": 3},
    )
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--keep-going", TARGET, "--configfile", config]
    said = tmp_path / "snakemake.log"
    with said.open("w") as stream:
        run = subprocess.Popen(command, cwd=micro.folder, stdout=stream, stderr=stream)
    while (job := job_of_shard(micro.folder, 1)) is None:
        assert run.poll() is None, f"shard 1 was never seen: {said.read_text()[-2000:]}"
        time.sleep(0.05)
    time.sleep(2)  # it is at its imports by now
    os.kill(job, signal.SIGKILL)
    assert run.wait(timeout=600) != 0

    folder = micro.folder / "results/micro/evaluate/base/late"
    kept = {path: path.stat().st_mtime_ns for path in folder.glob("*.*")}
    assert {path.name for path in kept if not path.name.endswith(".provenance.json")} == {
        f"{shard}.{kind}" for shard in (0, 2) for kind in ("json", "parquet")
    }
    assert not list(folder.glob(".incomplete-*")), "nothing half-written"
    assert micro.plan(TARGET, "--configfile", config) == {"evaluate_shard": 1, "merge_shards": 1}

    micro.snakemake(TARGET, "--configfile", config)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept, "no other shard ran again"
    answers = read_table(ANSWERS, micro.folder / TARGET).to_pylist()
    assert [(row["question_id"], row["sample"]) for row in answers] == [
        (f"{q:04d}", s) for q in range(9) for s in (0, 1)
    ]
    assert micro.plan(TARGET, "--configfile", config) == {}
