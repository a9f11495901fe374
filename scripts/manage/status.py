"""Say where a run stands: what is done, running, waiting and to come, and the GPU-hours that are left.

Works beside a running Snakemake. Hours are estimated as in the plan (`python -m scripts.manage.plan`), less what
running jobs have spent. Of each running job it says how far it is, how fast in the last minute, how long the rest takes
at that pace, and what looks wrong so far, as the job itself tells it (`scripts.common.progress`).
"""

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from scripts.common import cli
from scripts.common.config.load import read_experiment
from scripts.common.layout import Layout
from scripts.common.program import Program
from scripts.common.progress import Told, local_id, rate_in_words, read_told
from scripts.manage.estimate import Line, line_of
from scripts.manage.live_jobs import LiveJob, live_jobs
from scripts.manage.prospect import add_options, look_ahead
from scripts.manage.text import aligned, duration

SILENT = 180
"""Seconds after which it is said that a job has told nothing. (A batch of an engine may take a minute or two.)"""


class Standing(NamedTuple):
    """How many jobs of a line of the table are where, and the GPU-hours of those not done."""

    rule: str
    done: int
    running: int
    waiting: int
    to_come: int
    gpu_hours: float


def standings(table: Iterable[Line], live: Sequence[LiveJob]) -> list[Standing]:
    """Return where the jobs of each line stand. A job that runs longer than estimated has nothing left."""
    found = []
    for line in table:
        own = [job for job in live if line_of(job.rule) == line.rule]
        spent = [job.seconds for job in own if job.state == "running"]
        running = min(len(spent), line.left)
        waiting = min(len(own) - len(spent), line.left - running)
        seconds = sum(min(one, line.longest) for one in spent)
        hours = max(0.0, line.gpu_hours - line.gpus * seconds / 3600)
        found.append(Standing(line.rule, line.done, running, waiting, line.left - running - waiting, hours))
    return found


def progress(live: Sequence[LiveJob], told: Sequence[Told], now: float) -> list[str]:
    """Return what each running job tells, a line a job, and its alarm on a line of its own; none of jobs that ended."""
    by_id = {one: each for each in told for one in each.ids}
    rows, alarms = [], []
    for job in live:
        each = by_id.get(local_id(job.id) if job.where == "local" else job.id)
        if job.state != "running" or each is None:
            continue
        of = f" of {each.total:,}" if each.total else ""
        left = f"about {duration(each.seconds_left)} left" if each.seconds_left is not None else ""
        silent = now - each.at
        last = (
            f"nothing told for {duration(silent)}"
            if silent > SILENT
            else rate_in_words(each.per_second, each.counted_in)
        )
        rows.append([job.rule, job.id, each.doing, f"{each.done:,}{of} {each.unit}s", last, left])
        alarms += [f"{job.rule} {job.id}: {each.alarm}"] if each.alarm else []
    return [*(["", *aligned(rows, left=(0, 1, 2))] if rows else []), *(["", *alarms] if alarms else [])]


def report(
    name: str,
    config: Path,
    found: list[Standing],
    live: Sequence[LiveJob],
    results: list[Path],
    told: Sequence[Told] = (),
) -> str:
    """Return the status as text. `results` are the finished reports, `told` is what running jobs tell."""
    counts = [sum(column) for column in zip(*((s.done, s.running, s.waiting, s.to_come) for s in found), strict=True)]
    done, total = counts[0], sum(counts)
    if done == total:
        files = f": {', '.join(map(str, results))}" if results else ""
        return f"{name}: all {total:,} jobs are done{files}\n"
    rows = [["rule", "done", "running", "waiting", "to come", "GPU-hours left"]]
    for s in found:
        hours = f"{s.gpu_hours:,.1f}" if s.gpu_hours else ""
        rows.append([s.rule, *(f"{count:,}" for count in (s.done, s.running, s.waiting, s.to_come)), hours])
    hours = f"{sum(s.gpu_hours for s in found):,.1f}"
    rows.append(["all", *(f"{count:,}" for count in counts), hours])
    lines = [f"{name}: {done:,} of {total:,} jobs done", "", *aligned(rows), *progress(live, told, time.time())]
    if not live:
        lines += ["", f"Nothing runs. To resume: make resume CONFIG={config}"]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = Program(__doc__)
    add_options(parser)
    arguments = parser.parse_args()
    # Those that live are asked for first: what ends while the graph is built then counts as done, not as to come.
    live = live_jobs(read_experiment(arguments.config).name)
    prospect = look_ahead(arguments)
    paths = Layout(prospect.experiment.name)
    reports = [Path(paths.path("report", format=form)) for form in prospect.experiment.report.formats]
    found = standings(prospect.table, live)
    made = [path for path in reports if path.is_file()]
    told = read_told(Path(paths.progress))
    print(report(prospect.experiment.name, arguments.config, found, live, made, told), end="")


if __name__ == "__main__":
    cli.run(main)
