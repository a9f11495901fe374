"""Training loss and learning rate of every run by epoch, arm by arm: a run that diverged or stopped early is seen."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from scripts.common import cli
from scripts.common.provenance import recording
from scripts.report import figures
from scripts.report.labels import arm_label, kind_of

SMOOTHED = 25  # a line of more points than twice this is a running mean over 1/25 of them


def smooth(loss: "pd.Series[float]") -> "pd.Series[float]":
    """Return the running mean of a loss over 1/25 of its points."""
    window = max(1, len(loss) // SMOOTHED)
    return loss.rolling(window, min_periods=1, center=True).mean() if window > 1 else loss


def plot(logs: dict[str, pd.DataFrame], path: Path) -> None:
    """Write the curves of the runs' logs (columns epoch, loss and learning_rate), by run name."""
    figure, grid = figures.new_figure(3.2, rows=2, sharex=True, height_ratios=[3, 1])
    above, below = grid[:, 0]
    arms = list(dict.fromkeys(run.rpartition("-t")[0] for run in logs))
    for place, arm in enumerate(arms):
        of_arm = [log for run, log in logs.items() if run.rpartition("-t")[0] == arm]
        style = {
            "color": figures.CYCLE[place % len(figures.CYCLE)],
            "linestyle": figures.LINES[kind_of(arm)],
            "linewidth": 1.0,
            "alpha": 0.85,
        }
        for number, log in enumerate(of_arm):
            label = arm_label(arm) if number == 0 else None
            above.plot(log["epoch"], smooth(log["loss"]), label=label, **style)
            below.plot(log["epoch"], log["learning_rate"], **style)
    above.set_ylabel("training loss, nats a token")
    below.set_ylabel("learning rate")
    below.set_xlabel("epoch")
    below.set_xlim(left=0)
    below.set_ylim(bottom=0)
    below.ticklabel_format(axis="y", style="sci", scilimits=(0, 0))
    for axes in (above, below):
        figures.grid_lines(axes, "both")
    figure.legend(loc="outside upper center", ncols=4, columnspacing=1.2)
    figures.save(figure, path)


def read_logs(files: Sequence[Path]) -> dict[str, pd.DataFrame]:
    """Return train/{run}/log.csv by run."""
    return {file.parent.name: pd.read_csv(file).dropna(subset=["loss"]) for file in files}


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--logs", type=Path, nargs="+", required=True, help="train/{run}/log.csv")
    parser.add_argument("--figure", type=Path, required=True, help="the SVG to write")
    arguments = parser.parse_args()
    with recording(outputs=[arguments.figure], inputs=arguments.logs):
        plot(read_logs(arguments.logs), arguments.figure)


if __name__ == "__main__":
    cli.run(main)
