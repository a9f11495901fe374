"""The jobs of an experiment and which of them are left, as Snakemake's own summary of its output files tells."""

import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from scripts.common.cli import UserError
from scripts.common.layout import benchmark_file, key_of


class Job(NamedTuple):
    """One job of the graph."""

    rule: str
    key: str
    """What tells it from the rule's others: run, model/benchmark, shard; empty for a rule with one job."""
    left: bool
    """Whether a run would start it: its outputs are missing or out of date."""

    def benchmark_file(self) -> str:
        """Return the name of the file of its run time (log and benchmark files are named after rule and wildcards)."""
        return benchmark_file(self.rule, self.key)


def read_summary(text: str) -> list[Job]:
    """Return the jobs that `snakemake --summary` lists, a line per output file, in its order."""
    jobs: dict[tuple[str, str], bool] = {}
    for line in text.splitlines():
        cells = line.split("\t")
        if len(cells) == 6 and cells[0] != "output_file":
            name = cells[2], key_of(cells[0])
            jobs[name] = jobs.get(name, False) or cells[5] == "update pending"
    return [Job(rule, key, left) for (rule, key), left in jobs.items()]


def planned_jobs(config: Path, target: str | None = None) -> list[Job]:
    """Return every job behind `target` (default: the report). Works beside a running Snakemake: nothing is locked.

    Raises UserError with Snakemake's own words when it cannot plan.
    """
    targets = [target] if target else []
    command = [sys.executable, "-m", "snakemake", *targets, "--summary", "--rerun-incomplete"]
    done = subprocess.run([*command, "--configfile", str(config)], capture_output=True, text=True)
    if done.returncode:
        raise UserError(f"Snakemake cannot plan this experiment: {_reason(done.stderr)}")
    return read_summary(done.stdout)


def _reason(stderr: str) -> str:
    """Return what is worth telling of Snakemake's last words."""
    skipped = ("Building DAG", "Assuming unrestricted", "Error: Directory cannot be locked")
    lines = [line.strip() for line in stderr.splitlines() if line.strip() and not line.startswith(skipped)]
    return " ".join(lines[-4:]) or "it gave no reason"
