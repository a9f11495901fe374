"""Scores by benchmark and arm: the mean with its interval, and every training run as a dot."""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from scripts.common import cli
from scripts.common.program import Program
from scripts.compare.tables import read_csv
from scripts.report.figures import style
from scripts.report.figures.base import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes


FIGURE = Figure(
    caption="Scores by arm with their intervals (dashed: of these runs only); small circles are single training runs.",
    alt="Dot plot of scores by benchmark and arm, with intervals and single runs.",
    tables=("arms", "scores"),
    files=lambda paths, experiment: {"averages": paths.table("average_scores")} if experiment.report.averages else {},
)


def with_averages(arms: pd.DataFrame, averages: pd.DataFrame) -> pd.DataFrame:
    """Return the table `arms` with the named averages before the benchmarks, each as one: 'average course'."""
    named = averages.assign(benchmark="average " + averages["average"].astype(str))
    return pd.concat([named[[name for name in arms if name in named]], arms], ignore_index=True)


def draw_benchmark(axes: "Axes", arms: pd.DataFrame, scores: pd.DataFrame, styles: dict[str, dict[str, str]]) -> None:
    """Draw one benchmark: `arms` and `scores` are its rows of those tables."""
    for place, (_, arm) in enumerate(arms.iterrows()):
        look = styles[arm["arm"]]
        runs = style.runs_of(scores, arm["arm"])["score"]
        axes.plot(
            [100 * arm["ci_low"], 100 * arm["ci_high"]],
            [place, place],
            color=look["color"],
            linewidth=1.6,
            linestyle=(0, (2, 1)) if arm["level"] == "these runs" else "solid",
            solid_capstyle="butt",
        )
        axes.plot(
            100 * arm["score"],
            place,
            marker=look["marker"],
            color=look["color"],
            markersize=6,
            markeredgecolor="white",
            zorder=3,
        )
        axes.plot(
            100 * runs,
            [place + 0.27] * len(runs),
            "o",
            markersize=2.6,
            markerfacecolor="white",
            markeredgecolor=look["color"],
            markeredgewidth=0.8,
        )
    axes.set_ylim(len(arms) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    style.grid_lines(axes)


def plot(arms: pd.DataFrame, scores: pd.DataFrame, path: Path) -> None:
    """Write the figure from the tables `arms` and `scores`."""
    styles = style.arm_styles(arms)
    names = list(styles)
    benchmarks = list(dict.fromkeys(arms["benchmark"]))
    rows, columns = style.panels(len(benchmarks))
    height = 0.35 + rows * (0.4 + style.line_height(rows * len(names), 0.3) * len(names))
    figure, grid = style.new_figure(height, rows, columns, sharey=True, sharex=True)
    for axes, benchmark in zip(grid.flat, benchmarks, strict=False):
        draw_benchmark(axes, arms[arms["benchmark"] == benchmark], scores[scores["benchmark"] == benchmark], styles)
        style.head(axes, benchmark, columns)
    for axes in grid.flat[len(benchmarks) :]:
        axes.set_visible(False)
    for axes in grid[:, 0]:
        axes.set_yticks(range(len(names)), [style.name(name) for name in names])
    figure.supxlabel("score, % of questions right (mean over samples)", fontsize=8)
    style.save(figure, path)


def main() -> None:
    program = Program(__doc__)
    program.add_input("--arms", "arms.csv")
    program.add_input("--scores", "scores.csv")
    program.add_input("--averages", "average_scores.csv (left out: no average has a name)", optional=True)
    program.add_output("--figure", "the SVG to write")
    arguments = program.parse()
    with program.recording():
        arms = read_csv("arms", arguments.arms)
        if arguments.averages:
            arms = with_averages(arms, read_csv("average_scores", arguments.averages))
        plot(arms, read_csv("scores", arguments.scores), arguments.figure)


if __name__ == "__main__":
    cli.run(main)
