"""Learning curves: the score of every arm at shares of its training, with intervals, benchmark by benchmark."""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from scripts.common import cli
from scripts.compare.labels import kind_of
from scripts.report.figures import style
from scripts.report.figures.base import Figure
from scripts.report.needs import learning

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SPREAD = 4.0  # percent of training over which the arms' marks at one share lie side by side


FIGURE = Figure(
    caption=(
        "Scores at shares of training, with their intervals (those of @tbl-learning); marks at one share lie side by "
        "side. All curves begin at the model that is fine-tuned (0%)."
    ),
    alt="Score by share of training, a line with intervals for every arm; the numbers are in learning.csv.",
    section="sec-training",
    tables=("learning",),
    when=learning,
)


def plot(table: pd.DataFrame, path: Path) -> None:
    """Write the figure from the table `learning`."""
    benchmarks = list(dict.fromkeys(table["benchmark"]))
    rows, columns = style.panels(len(benchmarks))
    height = (2.2 if rows == 1 else 1.7) * rows + 0.35 + style.legend_height(table["arm"].nunique())
    figure, grid = style.new_figure(height, rows, columns)
    panels = list(grid.flat)
    for axes, benchmark in zip(panels, benchmarks, strict=False):
        _panel(axes, table[table["benchmark"] == benchmark], benchmark == benchmarks[0])
        style.head(axes, benchmark, columns)
    for axes in panels[len(benchmarks) :]:
        axes.axis("off")
    for axes in grid[:, 0]:
        axes.set_ylabel("score, %")
    for axes in panels[max(0, len(benchmarks) - columns) : len(benchmarks)]:
        axes.set_xlabel("share of training, %")
    figure.legend(loc="outside upper center", ncols=4, columnspacing=1.2)
    style.save(figure, path)


def _panel(axes: "Axes", of: pd.DataFrame, named: bool) -> None:
    start = of[of["percent"] == 0]
    arms = list(dict.fromkeys(of.loc[of["percent"] > 0, "arm"]))
    for place, arm in enumerate(arms):
        rows = pd.concat([start, of[of["arm"] == arm]]).sort_values("percent")
        aside = SPREAD * ((place + 0.5) / len(arms) - 0.5)
        at = rows["percent"] + aside * (rows["percent"] > 0)
        below, above = rows["score"] - rows["ci_low"], rows["ci_high"] - rows["score"]
        axes.errorbar(
            at,
            100 * rows["score"],
            yerr=[100 * below.clip(lower=0), 100 * above.clip(lower=0)],
            label=style.name(arm) if named else None,
            color=style.CYCLE[place % len(style.CYCLE)],
            linestyle=style.LINES[kind_of(arm)],
            marker=style.MARKERS[kind_of(arm)],
            markersize=3.5,
            linewidth=1.0,
            elinewidth=0.8,
            capsize=1.5,
        )
    axes.set_xlim(-4, 104)
    axes.set_xticks(sorted(of["percent"].unique()))
    style.grid_lines(axes, "both")


def main() -> None:
    FIGURE.draw(__doc__, plot)


if __name__ == "__main__":
    cli.run(main)
