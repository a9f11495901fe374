"""Say where a run stands: what is done, running, waiting and to come, and the GPU-hours that are left.

Works beside a running Snakemake. Hours are estimated as in the plan (`python -m scripts.manage.plan`), less what
running jobs have spent.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from scripts.common import cli
from scripts.manage.estimate import Line, line_of
from scripts.manage.layout import aligned
from scripts.manage.live_jobs import live_jobs
from scripts.manage.prospect import add_options, look_ahead, read_experiment


class Live(Protocol):
    """What is told of a live job (scripts.manage.live_jobs.LiveJob)."""

    @property
    def rule(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def seconds(self) -> float: ...


class Standing(NamedTuple):
    """How many jobs of a line of the table are where, and the GPU-hours of those not done."""

    rule: str
    done: int
    running: int
    waiting: int
    to_come: int
    gpu_hours: float


def standings(table: Iterable[Line], live: Sequence[Live]) -> list[Standing]:
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


def report(name: str, config: Path, found: list[Standing], live: Sequence[Live], results: list[Path]) -> str:
    """Return the status as text. `results` are the finished reports."""
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
    lines = [f"{name}: {done:,} of {total:,} jobs done", "", *aligned(rows)]
    if not live:
        lines += ["", f"Nothing runs. To go on: make resume CONFIG={config}"]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = cli.parser(__doc__)
    add_options(parser)
    arguments = parser.parse_args()
    # Those that live are asked for first: what ends while the graph is built then counts as done, not as to come.
    live = live_jobs(read_experiment(arguments.config).name)
    prospect = look_ahead(arguments)
    folder = Path("results") / prospect.experiment.name / "report"
    reports = [folder / f"report.{suffix}" for suffix in prospect.experiment.report.formats]
    found = standings(prospect.table, live)
    made = [path for path in reports if path.is_file()]
    print(report(prospect.experiment.name, arguments.config, found, live, made), end="")


if __name__ == "__main__":
    cli.run(main)
