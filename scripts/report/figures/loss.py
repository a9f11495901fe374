"""Training loss and learning rate of every run by epoch, arm by arm: a run that diverged or stopped early is seen."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from scripts.common import cli
from scripts.common.program import Program
from scripts.compare.labels import kind_of
from scripts.report.figures import style
from scripts.report.figures.base import Figure
from scripts.report.needs import trained

SMOOTHED = 25  # a line of more points than twice this is a running mean over 1/25 of them


FIGURE = Figure(
    caption="Training loss (a running mean where a run logged many points) and learning rate of every run by epoch.",
    alt="Training loss and learning rate by epoch, a line for every run.",
    section="sec-training",
    files=lambda paths, experiment: {"logs": [paths.path("run_log", run=run.name) for run in experiment.runs()]},
    when=trained,
)


def smooth(loss: "pd.Series[float]") -> "pd.Series[float]":
    """Return the running mean of a loss over 1/25 of its points."""
    window = max(1, len(loss) // SMOOTHED)
    return loss.rolling(window, min_periods=1, center=True).mean() if window > 1 else loss


def plot(logs: dict[str, pd.DataFrame], path: Path) -> None:
    """Write the curves of the runs' logs (columns epoch, loss and learning_rate), by run name."""
    arms = list(dict.fromkeys(run.rpartition("-t")[0] for run in logs))
    height = 2.5 + style.legend_height(len(arms))
    figure, grid = style.new_figure(height, rows=2, sharex=True, height_ratios=[3, 1])
    above, below = grid[:, 0]
    for place, arm in enumerate(arms):
        of_arm = [log for run, log in logs.items() if run.rpartition("-t")[0] == arm]
        look = {
            "color": style.CYCLE[place % len(style.CYCLE)],
            "linestyle": style.LINES[kind_of(arm)],
            "linewidth": 1.0,
            "alpha": 0.85,
        }
        for number, log in enumerate(of_arm):
            label = style.name(arm) if number == 0 else None
            above.plot(log["epoch"], smooth(log["loss"]), label=label, **look)
            below.plot(log["epoch"], log["learning_rate"], **look)
    above.set_ylabel("loss, nats a token")
    below.set_ylabel("learning rate")
    below.set_xlabel("epoch")
    below.set_xlim(left=0)
    below.set_ylim(bottom=0)
    below.ticklabel_format(axis="y", style="sci", scilimits=(0, 0))
    for axes in (above, below):
        style.grid_lines(axes, "both")
    figure.legend(loc="outside upper center", ncols=4, columnspacing=1.2)
    style.save(figure, path)


def read_logs(files: Sequence[Path]) -> dict[str, pd.DataFrame]:
    """Return train/{run}/log.csv by run."""
    return {file.parent.name: pd.read_csv(file).dropna(subset=["loss"]) for file in files}


def main() -> None:
    program = Program(__doc__)
    program.add_input("--logs", "train/{run}/log.csv", many=True)
    program.add_output("--figure", "the SVG to write")
    arguments = program.parse()
    with program.recording():
        plot(read_logs(arguments.logs), arguments.figure)


if __name__ == "__main__":
    cli.run(main)
