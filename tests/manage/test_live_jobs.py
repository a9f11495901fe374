"""Whose jobs are alive: Slurm's queue by a stand-in squeue, and processes of this machine for real."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scripts.common.cli import UserError
from scripts.manage import live_jobs

RUN = "1f0c1f0e-0000-4000-8000-000000000001"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the logs of two runs of `mine`, on two executors, and one of another experiment."""
    logs = tmp_path / ".snakemake/log"
    logs.mkdir(parents=True)
    (logs / "1.snakemake.log").write_text(
        f"SLURM run ID: {RUN}\nrule train_sft:\n    output: results/mine/train/a-t1/model\n"
        "Job 3 has been submitted with SLURM jobid 71 (log: x).\n"
    )
    (logs / "2.snakemake.log").write_text(
        "rule pool:\n    output: results/mine/data/pool.parquet\nSubmitted job 4 with external jobid '72'.\n"
    )
    (logs / "3.snakemake.log").write_text(
        "SLURM run ID: other\n    output: results/mine-too/data/pool.parquet\nSubmitted job 4 with external jobid '73'.\n"
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    (folder / "bin").mkdir()
    (folder / "bin/squeue").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "bin/squeue").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder / 'bin'}:{os.environ['PATH']}")


def test_only_the_experiments_own_jobs_are_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [
        f"71|RUNNING|1-02:03:04|{RUN}|{folder}|rule_train_sft_wildcards_a-t1",
        f"75|PENDING|0:00|{RUN}|{folder}|rule_evaluate_model_wildcards_base_x|y",  # not in the log yet: by its run
        f"72|COMPLETING|1:30|prepare_pool|{folder}|(null)",
        "72|RUNNING|1:30|somebody|/elsewhere|(null)",  # the same number, another cluster's folder
        f"73|RUNNING|0:10|other|{folder}|rule_prepare_pool_wildcards_",
        f"99|RUNNING|0:10|snake|{folder}|(null)",
    ]
    stand_in(folder, monkeypatch, "cat <<'END'\n" + "\n".join(lines) + "\nEND")
    assert live_jobs.slurm_jobs("mine") == [
        live_jobs.LiveJob("71", "train_sft", "running", 93784.0, "slurm"),
        live_jobs.LiveJob("75", "evaluate_model", "waiting", 0.0, "slurm"),
        live_jobs.LiveJob("72", "prepare_pool", "running", 90.0, "slurm"),
    ]
    assert live_jobs.slurm_jobs("never-run") == []


def test_a_queue_that_does_not_answer_is_no_empty_queue(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(folder, monkeypatch, "echo 'Unable to contact slurm controller' >&2; exit 1")
    with pytest.raises(UserError, match="Unable to contact slurm controller"):
        live_jobs.slurm_jobs("mine")


def test_a_queue_that_hangs_is_one_sentence(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(folder, monkeypatch, "exec sleep 60")
    monkeypatch.setattr(live_jobs, "ANSWER", 0.2)
    with pytest.raises(UserError, match=r"squeue does not answer.* \(nothing came for 0.2 s\)"):
        live_jobs.slurm_jobs("mine")
    (folder / "bin/squeue").rename(folder / "bin/scancel")
    with pytest.raises(UserError, match="scancel does not answer"):
        live_jobs.end([live_jobs.LiveJob("71", "train_sft", "running", 1.0, "slurm")])


def test_a_queue_that_fails_without_a_word_is_no_empty_queue(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(folder, monkeypatch, "exit 1")
    with pytest.raises(UserError, match=r"squeue does not answer.*exit code 1"):
        live_jobs.slurm_jobs("mine")


def test_other_jobs_may_be_called_anything(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = f"71|RUNNING|0:10|{RUN}|{folder}|rule_train_sft_wildcards_a-t1"
    lines = ["5|RUNNING|0:10|a|b|c|/elsewhere|two", "lines of a comment", "", "6|RUNNING|0:10|\xff%s{x}|/x|(null)", own]
    (folder / "queue").write_bytes("\n".join(lines).encode("latin-1"))
    stand_in(folder, monkeypatch, f"cat {folder}/queue")
    assert [job.id for job in live_jobs.slurm_jobs("mine")] == ["71"]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0:07", 7), ("12:00", 720), ("1:00:01", 3601), ("2-00:00:00", 172_800), ("INVALID", 0), ("", 0)],
)
def test_times_of_slurm(text: str, seconds: float) -> None:
    assert live_jobs.elapsed(text) == seconds


def test_processes_are_found_once_and_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A launcher with a worker, as accelerate's, is one job; a program of another experiment is none."""
    (tmp_path / "scripts/train").mkdir(parents=True)
    program = (
        "import subprocess, sys, time\n"
        "if '--worker' not in sys.argv:\n"
        "    subprocess.Popen([sys.executable, '-m', 'scripts.train.train_sft', *sys.argv[1:], '--worker'])\n"
        "time.sleep(60)\n"
    )
    (tmp_path / "scripts/train/train_sft.py").write_text(program)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    command = [sys.executable, "-m", "scripts.train.train_sft", "--model"]
    started = [subprocess.Popen([*command, f"results/{name}/train/a-t1/model"]) for name in ("mine", "mine-too")]
    try:
        end = time.monotonic() + 20
        while len(live_jobs.local_jobs("mine")) < 1 and time.monotonic() < end:
            time.sleep(0.1)
        time.sleep(0.5)
        (job,) = live_jobs.live_jobs("mine")
        assert (job.id, job.rule, job.state, job.where) == (str(started[0].pid), "train_sft", "running", "local")
        live_jobs.end([job])
        started[0].wait(timeout=10)
        live_jobs.wait_for_end("mine", patience=10, pause=0.1)
        assert started[1].poll() is None
        with pytest.raises(UserError, match=f"do not end: {started[1].pid}"):
            live_jobs.wait_for_end("mine-too", patience=0.2, pause=0.1)
    finally:
        live_jobs.end(live_jobs.local_jobs("mine-too"))
        for process in started:
            process.kill()
            process.wait()
