"""The lock of a run is as long-lived as its process; its record says how to start it again."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from scripts.common.cli import UserError
from scripts.common.config.experiment import Experiment
from scripts.common.config.load import load_experiment
from scripts.manage import resume, run_record

ROOT = Path(__file__).resolve().parents[2]
HOLDER = (
    "import sys, time, yaml\n"
    "from scripts.common.config.load import load_experiment\n"
    "from scripts.manage.run_record import begin_run\n"
    "begin_run(load_experiment(yaml.safe_load(open(sys.argv[1]))))\n"
    "print('held', flush=True)\n"
    "time.sleep(60)\n"
)


def experiment(**changes: object) -> Experiment:
    return load_experiment({**yaml.safe_load((ROOT / "experiments/micro.yaml").read_text()), **changes})


def test_a_run_is_alone_until_it_dies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    command = [sys.executable, "-c", HOLDER, str(ROOT / "experiments/micro.yaml"), "--cores", "2", "--rerun-incomplete"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as holder:
        assert holder.stdout and holder.stdout.readline() == "held\n"
        with pytest.raises(
            UserError, match=rf"process {holder.pid} on .* by \S+, .* runs the experiment 'micro' in this folder"
        ):
            run_record.take_lock("micro")
        run_record.take_lock("another")
        holder.send_signal(signal.SIGKILL)
    run_record.take_lock("micro")
    record = run_record.read_record("micro")
    assert record and record.pid == holder.pid and record.state == run_record.state_of(experiment())
    assert resume.again(record) == [*command[3:-1]]
    for lock in run_record._HELD:
        lock.release()
    run_record._HELD.clear()


def test_without_a_run_there_is_no_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_record.read_record("micro") is None
    (tmp_path / "work/micro").mkdir(parents=True)
    (tmp_path / "work/micro/run.json").write_text('{"half": ')
    assert run_record.read_record("micro") is None


def test_the_state_changes_with_what_decides_a_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for file in ("Snakefile", "rules/data.smk", "scripts/data/some.py", "envs/main.txt"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("1")
    monkeypatch.setattr(run_record, "ROOT", tmp_path)
    before = run_record.state_of(experiment())
    assert run_record.state_of(experiment()) == before
    assert run_record.state_of(experiment(seed=7)) != before
    assert run_record.state_of(experiment(resources={"default": {"memory": 9999}})) == before
    for file in ("Snakefile", "rules/data.smk", "scripts/data/some.py", "envs/main.txt"):
        (tmp_path / file).write_text("2")
        now = run_record.state_of(experiment())
        assert now != before, file
        before = now


def test_outputs_without_a_record_are_told_from_the_summary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("seen", "unseen"):
        (tmp_path / name).touch()
    rows = [
        ["output_file", "date", "rule", "log-file(s)", "status", "plan"],
        ["seen", "today", "a", "logs/seen.log", "ok", "no update"],
        ["unseen", "today", "a", "-", "ok", "no update"],
        ["gone", "-", "a", "-", "missing", "update pending"],
    ]
    assert resume.without_record("Building DAG\n" + "\n".join("\t".join(row) for row in rows)) == ["unseen"]


def test_what_would_be_made_anew_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of four outputs one is stale: it alone is deleted, the others are recorded."""
    monkeypatch.chdir(tmp_path)
    names = ["a", "b", "stale", "c"]
    for name in names:
        (tmp_path / name).touch()
    recorded: list[str] = []

    def asked(*arguments: str) -> str:
        if "--dry-run" in arguments:
            return "rule x: stale" if "stale" in arguments else resume.NOTHING
        recorded.extend(word for word in arguments if word in names)
        return ""

    monkeypatch.setattr(resume, "asked", asked)
    resume.keep(names, [])
    assert sorted(recorded) == ["a", "b", "c"] and not (tmp_path / "stale").exists()
