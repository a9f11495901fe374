"""Who runs an experiment in this folder: the lock that a running Snakemake holds, and the record of how it was started.

Snakemake's own lock outlives a kill -9 and does not say whose it was. This one is the operating system's: it is let go
when the process ends, however it ends, so that `make resume` can tell a killed run from one that goes on.
"""

import getpass
import hashlib
import json
import logging
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock

from scripts.common import locks
from scripts.common.atomic import replacing
from scripts.common.cli import UserError
from scripts.common.config.experiment import Experiment
from scripts.common.digest import ROOT
from scripts.common.layout import Layout
from scripts.manage.live_jobs import live_jobs

# Held until this process ends.
_HELD: list[FileLock] = []


class RunRecord(NamedTuple):
    """How a run was started."""

    host: str
    pid: int
    started: str
    command: list[str]
    """Snakemake's arguments."""
    state: str
    """Digest of the settings and the code that its jobs were planned from."""
    user: str = ""


def state_of(experiment: Experiment) -> str:
    """Return a digest of what decides a result: the experiment without resources, rules, programs, locks."""
    digest = hashlib.sha256(experiment.model_dump_json(exclude={"resources"}).encode())
    files = [ROOT / "Snakefile", *(ROOT / "rules").glob("*.smk"), *(ROOT / "scripts").rglob("*.py")]
    for file in sorted([*files, *(ROOT / "envs").glob("*.txt")]):
        digest.update(file.relative_to(ROOT).as_posix().encode() + file.read_bytes())
    return digest.hexdigest()


def _folder(name: str) -> Path:
    return Path(Layout(name).work)


def read_record(name: str) -> RunRecord | None:
    """Return how the latest run of the experiment `name` in this folder was started, or None."""
    try:
        return RunRecord(**json.loads((_folder(name) / "run.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def take_lock(name: str) -> None:
    """Hold the lock of the experiment `name` in this folder until this process ends.

    Raises TryAgain, which names the other process and its user, where one holds it, UserError where the folder cannot
    be written. On a file system without locks a sentence says that nothing is held.
    """

    def held() -> str:
        record = read_record(name)
        whose = f" by {record.user}" if record and record.user else ""
        who = f" (process {record.pid} on {record.host}{whose}, since {record.started})" if record else ""
        return f"another Snakemake{who} runs the experiment '{name}' in this folder: let it run, or stop it with Ctrl-C"

    _HELD.append(locks.lock(_folder(name) / "run.lock", held))


LEFT_BY_A_KILL = ("LockException", "IncompleteFilesException")
"""What Snakemake says after a kill, or beside another run."""


class LockedFolder(logging.Filter):
    """Says in the place of what Snakemake says who holds the folder, or that `make resume` goes on."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._experiment = name

    def filter(self, record: logging.LogRecord) -> bool:
        """Put the sentence into the record of that exception."""
        if getattr(record, "exception", None) in LEFT_BY_A_KILL:
            record.msg, record.args = self.sentence(), ()
        return True

    def sentence(self) -> str:
        """Return why the folder is locked, and what to do."""
        try:
            take_lock(self._experiment)
        except UserError as held:
            return str(held)
        return (
            f"a run of '{self._experiment}' was killed before its end: 'make resume' with its CONFIG ends what is left "
            "of it and goes on"
        )


def say_who_locks(name: str) -> None:
    """Listen for a locked folder or incomplete files in a run of the experiment `name`."""
    logging.getLogger("snakemake.logging").addFilter(LockedFolder(name))


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a number without a name, as in a container
        return str(os.getuid())


def begin_run(experiment: Experiment) -> None:
    """Take the lock and write the record, at the start of a run.

    Raises UserError where another one runs, or where jobs of a killed one are alive: two would write the same files.
    """
    take_lock(experiment.name)
    if jobs := live_jobs(experiment.name):
        listed = ", ".join(f"{job.rule} {job.id}" for job in jobs[:5])
        raise UserError(
            f"{len(jobs)} jobs of an earlier run of '{experiment.name}' are still alive ({listed}): 'make resume' with "
            "this experiment's CONFIG ends them, or awaits them (WAIT=1), and resumes"
        )
    started = datetime.now(UTC).isoformat(timespec="seconds")
    record = RunRecord(os.uname().nodename, os.getpid(), started, sys.argv[1:], state_of(experiment), _user())
    with replacing(_folder(experiment.name) / "run.json") as temporary:
        temporary.write_text(json.dumps(record._asdict(), indent=2) + "\n", encoding="utf-8")
