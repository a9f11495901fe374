"""Jobs of an experiment that are alive, whoever started them: Slurm's, and processes on this machine.

A Snakemake that is killed leaves its jobs behind. Slurm's are known by the run ids and job numbers in Snakemake's own
logs under .snakemake/log, processes by the experiment's folders in their commands.
"""

import os
import re
import shutil
import subprocess
import time
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from scripts.common.cli import UserError, log
from scripts.common.layout import Layout

LOGS = Path(".snakemake") / "log"
RUN_ID = re.compile(r"SLURM run ID: (\S+)")
JOB_NUMBER = re.compile(r"(?:SLURM jobid |with external jobid ')(\d+)")
WAITING = {"PENDING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT", "RESV_DEL_HOLD"}
COLUMNS = "%i|%T|%M|%j|%Z|%k"
ANSWER = 120
"""Seconds that Slurm's controller is given to answer: where it has much to do, its programs wait."""


class LiveJob(NamedTuple):
    """A job that waits or runs."""

    id: str
    """Slurm's job number, or the process number."""
    rule: str
    state: str
    """running or waiting."""
    seconds: float
    """For how long it has run."""
    where: str
    """slurm or local."""


def elapsed(text: str) -> float:
    """Return the seconds of Slurm's [days-][hours:]minutes:seconds; 0 for what is no time."""
    days, _, clock = text.rpartition("-")
    parts = clock.split(":")
    if not all(part.isdigit() for part in [*parts, days or "0"]):
        return 0.0
    seconds = 0
    for part in parts:
        seconds = 60 * seconds + int(part)
    return float(seconds + 86_400 * int(days or 0))


def submitted(name: str) -> tuple[set[str], set[str]]:
    """Return the run ids and the job numbers of all runs of the experiment `name` that were started in this folder."""
    runs: set[str] = set()
    numbers: set[str] = set()
    for file in LOGS.glob("*.snakemake.log"):
        text = file.read_text(encoding="utf-8", errors="replace")
        if f"{Layout(name).results}/" in text:
            runs.update(RUN_ID.findall(text))
            numbers.update(JOB_NUMBER.findall(text))
    return runs, numbers


def _rule(name: str, comment: str) -> str:
    # snakemake-executor-plugin-slurm names its jobs by the run and puts the rule into the comment; profiles/sbatch
    # names them by the rule.
    return re.sub(r"_wildcards_.*", "", comment.removeprefix("rule_")) if comment.startswith("rule_") else name


def slurm_jobs(name: str) -> list[LiveJob]:
    """Return the experiment's jobs in Slurm's queue. Raises UserError where there is a Slurm that does not answer."""
    runs, numbers = submitted(name)
    if not (runs or numbers) or shutil.which("squeue") is None:
        return []
    command = ["squeue", "--me", "--noheader", "--array", "--format", COLUMNS]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=ANSWER)
        silent = f"{done.stderr.strip()} (exit code {done.returncode})" if done.returncode else ""
    except subprocess.TimeoutExpired:
        silent = f"nothing came for {ANSWER} s"
    if silent:
        raise UserError(
            f"squeue does not answer, so jobs of earlier runs cannot be known ({silent}); try again, and where their "
            "Slurm is gone for good, delete .snakemake/log"
        )
    jobs = []
    for line in done.stdout.splitlines():
        # Of other runs' jobs a name or comment may hold anything, also what ends a column or a line.
        number, state, ran, job, folder, comment = [*line.split("|", 5), *([""] * 5)][:6]
        # Numbers begin anew with a new controller: one counts in this folder only.
        same_folder = os.path.realpath(folder) == os.path.realpath(Path.cwd())
        if job in runs or (number in numbers and same_folder):
            state = "waiting" if state in WAITING else "running"
            jobs.append(LiveJob(number, _rule(job, comment), state, elapsed(ran), "slurm"))
    return jobs


def _rule_of_command(command: list[str], name: str) -> str | None:
    """Return the rule of a program of this project that works on the experiment `name`, or None for other commands."""
    paths = Layout(name)
    modules = [word for flag, word in pairwise(command) if flag == "-m" and word.startswith("scripts.")]
    if not modules or not any(
        re.search(rf"(?:{re.escape(paths.results)}|{re.escape(paths.work)})/", word) for word in command
    ):
        return None
    rule = modules[0].rpartition(".")[2]
    return "evaluate_shard" if rule == "evaluate_model" and "--shards" in command else rule


def local_jobs(name: str) -> list[LiveJob]:
    """Return the experiment's programs that run on this machine in this folder, without those of Slurm's jobs."""
    import psutil

    found = {}
    for process in psutil.process_iter():
        try:
            rule = _rule_of_command(process.cmdline(), name)
            if rule is None or process.cwd() != str(Path.cwd()):
                continue
            if process.environ().get("SLURM_JOB_ID") != os.environ.get("SLURM_JOB_ID"):
                continue
            seconds = time.time() - process.create_time()
            found[process.pid] = (process.ppid(), LiveJob(str(process.pid), rule, "running", seconds, "local"))
        except psutil.Error:  # it has ended, or is another user's
            continue
    # A launcher and its workers are one job.
    return [job for parent, job in found.values() if parent not in found]


def live_jobs(name: str) -> list[LiveJob]:
    """Return the live jobs of the experiment `name` in this folder."""
    return [*slurm_jobs(name), *local_jobs(name)]


def end(jobs: list[LiveJob]) -> None:
    """Tell jobs to end. Training saves a checkpoint first, for as long as Slurm's KillWait lets it."""
    import psutil

    numbers = [job.id for job in jobs if job.where == "slurm"]
    # Long lists are cut up: a command line has a longest length.
    for first in range(0, len(numbers), 500):
        try:
            subprocess.run(["scancel", *numbers[first : first + 500]], check=False, timeout=ANSWER)
        except subprocess.TimeoutExpired:
            raise UserError(f"scancel does not answer (nothing came for {ANSWER} s): try again") from None
    for job in jobs:
        if job.where == "local":
            try:
                process = psutil.Process(int(job.id))
                for one in [*process.children(recursive=True), process]:
                    one.terminate()
                    one.resume()  # a suspended process hears of it only then
            except psutil.NoSuchProcess:
                continue


def wait_for_end(name: str, patience: float | None = None, pause: float = 2.0) -> None:
    """Return when the experiment has no live job any more.

    Raises UserError when some live on for `patience` seconds (None: waits for ever).
    """
    start, noted = time.monotonic(), 0.0
    while jobs := live_jobs(name):
        now = time.monotonic()
        if patience is not None and now - start > patience:
            raise UserError(f"jobs of '{name}' do not end: {', '.join(job.id for job in jobs)}; end them and try again")
        if now - noted > 60:
            log.info("%d jobs still live", len(jobs))
            noted = now
        time.sleep(pause)
