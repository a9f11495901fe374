"""Go on with an experiment after its Snakemake was killed, a node was lost, the queue refused its jobs.

Ends what the killed run left behind (or waits for it: --wait), unlocks the folder, keeps what was completed meanwhile,
and starts Snakemake again as it was started, with --rerun-incomplete. Does nothing while the run is still alive.
"""

import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path

from scripts.common import cli
from scripts.common.atomic import INCOMPLETE, remove
from scripts.common.cli import UserError, log
from scripts.common.config.load import read_experiment
from scripts.common.layout import Layout
from scripts.common.program import Program
from scripts.manage.live_jobs import end, live_jobs, wait_for_end
from scripts.manage.records import UNCHECKED
from scripts.manage.run_record import RunRecord, read_record, state_of, take_lock

NOTHING = "Nothing to be done"


def snakemake(*arguments: str) -> list[str]:
    """Return the command of a Snakemake."""
    return [sys.executable, "-m", "snakemake", *arguments]


def asked(*arguments: str, unchecked: bool = False) -> str:
    """Return what a Snakemake prints that runs no job; `unchecked`, also one whose records were lost.

    Raises UserError with its words when it fails.
    """
    environment = os.environ | ({UNCHECKED: "1"} if unchecked else {})
    done = subprocess.run(
        snakemake(*arguments), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment
    )
    if done.returncode:
        raise UserError(f"'snakemake {' '.join(arguments)}' failed:\n{done.stdout[-3000:]}")
    return done.stdout


def again(record: RunRecord) -> list[str]:
    """Return the arguments of the recorded run, to start it once more."""
    return [word for word in record.command if word not in ("--rerun-incomplete", "--ri", "--unlock", "--nolock")]


def without_record(summary: str) -> list[str]:
    """Return the outputs that are there though Snakemake recorded nothing of how they were made.

    `summary` is what `snakemake --summary` prints: file, date, rule, log, status, plan. Every rule has a log, and the
    summary knows it from the record only: without one it is "-".
    """
    rows = [line.split("\t") for line in summary.splitlines()]
    return [row[0] for row in rows if len(row) == 6 and row[3] == "-" and row[4] != "missing" and Path(row[0]).exists()]


def keep(outputs: list[str], source: list[str]) -> None:
    """Record `outputs` as made by this state of the experiment; delete those that would be made anew anyway."""
    if not outputs:
        return
    if NOTHING in asked(*source, "--rerun-incomplete", "--dry-run", *outputs):
        asked("--cores", "1", *source, "--no-hooks", "--touch", "--force", *outputs)
    elif len(outputs) == 1:
        discard(outputs)
    else:
        keep(outputs[: len(outputs) // 2], source)
        keep(outputs[len(outputs) // 2 :], source)


def discard(outputs: list[str]) -> None:
    """Delete outputs: they are made anew."""
    for output in outputs:
        remove(Path(output))


def mend(name: str, record: RunRecord, state: str, source: list[str]) -> None:
    """Put in order what jobs did after their Snakemake was killed.

    Snakemake records the settings and the code of a job when it sees it end. Of one that ended unseen there is no
    record, and a later change of its settings would not make it again: so it is recorded now, if nothing has changed
    since the run was started, and made again otherwise.
    """
    for leftover in Path(Layout(name).results).rglob(f"{INCOMPLETE}*"):
        remove(leftover)
    started = datetime.fromisoformat(record.started).timestamp()
    outputs = [
        path for path in without_record(asked(*again(record), "--summary")) if Path(path).stat().st_mtime >= started
    ]
    if outputs and record.state == state:
        log.info("%d files were completed after the kill and are kept", len(outputs))
        keep(outputs, source)
    elif outputs:
        log.info("%d files were completed after the kill, and settings or code changed since: made again", len(outputs))
        discard(outputs)


def main() -> None:
    parser = Program(__doc__)
    parser.add_argument("--config", type=Path, default=Path("config.yaml"), help="the experiment file")
    parser.add_argument("--wait", action="store_true", help="let live jobs come to their end instead of ending them")
    parser.add_argument(
        "--snakefile", type=Path, default=Path("Snakefile"), help="the graph, where it is not Snakefile"
    )
    arguments = parser.parse_args()
    experiment = read_experiment(arguments.config)
    name, source = experiment.name, ["--snakefile", str(arguments.snakefile), "--configfile", str(arguments.config)]
    record = read_record(name)
    if record is None:
        raise UserError(f"no run of '{name}' was started in this folder: start one with 'make report' or snakemake")
    take_lock(name)
    if jobs := live_jobs(name):
        log.info("the killed run left %d live jobs: %s", len(jobs), ", ".join(f"{job.rule} {job.id}" for job in jobs))
        if not arguments.wait:
            end(jobs)
        wait_for_end(name, None if arguments.wait else 600)
    asked(*source, "--unlock")
    mend(name, record, state_of(experiment), source)
    log.info("snakemake %s", " ".join(again(record)))
    # The lock is let go with this program's image; the next one takes it.
    os.execv(sys.executable, snakemake(*again(record), "--rerun-incomplete"))


if __name__ == "__main__":
    cli.run(main)
