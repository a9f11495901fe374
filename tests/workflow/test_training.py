"""Training as a rule starts it: killed and gone on, and on several processes."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.train.conftest import (
    answers_of_all_lengths,
    assert_same_model,
    break_letter,
    options,
    steps_made,
    weights,
    write_subset,
)
from tests.workflow.conftest import ROOT

pytestmark = pytest.mark.workflow


def launch(folder: Path, base: Path, data: Path, profile: str = "single", processes: int = 1, **settings: Any) -> Any:
    """Start a run as the rule does, in a process group of its own; its output goes to {folder}.log."""
    command = [sys.executable, "-m", "accelerate.commands.launch", "--main_process_port", "0"]
    command += ["--config_file", str(ROOT / f"profiles/accelerate/{profile}.yaml"), "--num_processes", str(processes)]
    command += ["-m", "scripts.train.train_sft", *options(folder, base, data, **settings)]
    with Path(f"{folder}.log").open("a") as log:
        return subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
        )


def finish(run: Any, folder: Path) -> Path:
    assert run.wait(timeout=300) == 0, Path(f"{folder}.log").read_text()[-3000:]
    return folder


def interrupt(run: Any, folder: Path, after: int, pause: float, by: signal.Signals) -> None:
    """Send a signal to all processes of a run when `after` more steps are made, and `pause` seconds later."""
    before = steps_made(folder / "work")
    while steps_made(folder / "work") < before + after:
        assert run.poll() is None, Path(f"{folder}.log").read_text()[-3000:]
        time.sleep(0.01)
    time.sleep(pause)
    os.killpg(run.pid, by)
    run.wait()


def test_killed_three_times_and_told_to_stop_once_the_result_is_the_same(tmp_path: Path, tiny_model: Path) -> None:
    """A run of 60 steps with a checkpoint every 5, against one that nothing disturbed."""
    data = write_subset(tmp_path / "some.parquet", tiny_model, answers_of_all_lengths(80))
    settings = {"epochs": 3, "save_steps": 5}
    whole, folder = tmp_path / "whole", tmp_path / "killed"
    undisturbed = launch(whole, tiny_model, data, **settings)
    rng = random.Random(time.time_ns())
    for _ in range(3):
        after, pause = rng.randint(2, 16), rng.uniform(0, 0.3)
        print(f"kill -9 after {after} steps and {pause:.3f} s")
        interrupt(launch(folder, tiny_model, data, **settings), folder, after, pause, signal.SIGKILL)
        assert not (folder / "model").exists()
    interrupt(launch(folder, tiny_model, data, **settings), folder, 2, 0, signal.SIGTERM)
    finish(launch(folder, tiny_model, data, **settings), folder)
    finish(undisturbed, whole)

    summaries = [json.loads((run / "summary.json").read_text()) for run in (whole, folder)]
    assert [summary["steps"] for summary in summaries] == [60, 60]
    assert [summary["attempts"] for summary in summaries] == [1, 5]
    logs = [pd.read_csv(run / "log.csv") for run in (whole, folder)]
    for column in ("step", "epoch", "learning_rate", "loss"):
        assert list(logs[0][column]) == pytest.approx(list(logs[1][column]), abs=1e-6), column
    assert_same_model(whole, folder)
    assert summaries[1]["seconds_spent"] > summaries[1]["seconds"] > 0
    assert "asked to stop at step" in Path(f"{folder}.log").read_text()


@pytest.mark.parametrize("profile", ["ddp", "fsdp2"])
def test_two_processes_and_one_have_the_same_losses(tmp_path: Path, tiny_model: Path, profile: str) -> None:
    """On the CPU (gloo), 20 steps at equal effective batch; rows of a number that does not divide."""
    data = write_subset(tmp_path / "some.parquet", tiny_model, answers_of_all_lengths(78))
    one, two = tmp_path / "one", tmp_path / "two"
    runs = [launch(one, tiny_model, data), launch(two, tiny_model, data, profile, 2)]
    for run, folder in zip(runs, (one, two), strict=True):
        finish(run, folder)
    logs = [pd.read_csv(folder / "log.csv") for folder in (one, two)]
    assert len(logs[0]) == len(logs[1]) == 20
    assert list(logs[0]["loss"]) == pytest.approx(list(logs[1]["loss"]), abs=1e-4)
    for name, weight in weights(one).items():
        assert (weight - weights(two)[name]).abs().max() < 1e-4, name
    summaries = [json.loads((folder / "summary.json").read_text()) for folder in (one, two)]
    for key in ("rows", "tokens", "trained_tokens", "parameters", "steps", "model_flops"):
        assert summaries[0][key] == summaries[1][key], key


def test_processes_end_with_their_launcher_and_the_next_attempt_goes_on(tmp_path: Path, tiny_model: Path) -> None:
    """torchrun's workers are in sessions of their own: kill -9 of the launcher reaches none of them."""
    data, folder = write_subset(tmp_path / "some.parquet", tiny_model, answers_of_all_lengths(80)), tmp_path / "run"
    settings = {"epochs": 3, "save_steps": 5}
    interrupt(launch(folder, tiny_model, data, "ddp", 2, **settings), folder, 3, 0, signal.SIGKILL)
    finish(launch(folder, tiny_model, data, "ddp", 2, **settings), folder)
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["steps"] == 60 and summary["attempts"] == 2
    text = Path(f"{folder}.log").read_text()
    assert "asked to stop at step" in text and "resuming from" in text


def test_a_mistake_on_one_of_two_processes_ends_both(tmp_path: Path, tiny_model: Path) -> None:
    """The second process meets a loss that is no number: no hanging, a sentence, no outputs."""
    broken, folder = break_letter(tiny_model, tmp_path / "broken", "z"), tmp_path / "run"
    data = write_subset(tmp_path / "some.parquet", broken, ["abc"] * 15 + ["fuzz"])
    run = launch(folder, broken, data, "ddp", 2)
    assert run.wait(timeout=120) != 0
    text = Path(f"{folder}.log").read_text()
    assert "error: the loss is nan at step" in text and "row15" in text
    assert not any((folder / name).exists() for name in ("model", "log.csv", "summary.json"))
