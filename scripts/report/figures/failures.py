"""Answers that were cut off, or hold no answer, by benchmark and arm: drawn where one of the rates is above 1%."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from scripts.common import cli
from scripts.compare.labels import NOTABLE
from scripts.report.figures import style
from scripts.report.figures.base import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RATES = {"truncated_rate": "cut off", "unparsed_rate": "no answer extracted"}


FIGURE = Figure(
    caption=(
        "Answers that were cut off at the length limit, or from which none could be extracted, by arm. Benchmarks "
        "on which no arm is above the dotted line are left out."
    ),
    alt="Bars of the rates of answers cut off and without an answer; the numbers are in the table of scores.",
    tables=("arms",),
)


def notable(arms: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the benchmarks on which an arm's rate of either failure is above 1%."""
    above = (arms[list(RATES)] > NOTABLE).any(axis=1)
    return arms[arms["benchmark"].isin(arms.loc[above, "benchmark"])]


def draw_benchmark(axes: "Axes", arms: pd.DataFrame) -> None:
    """Draw one benchmark's rates, a pair of bars an arm."""
    looks = {"truncated_rate": (style.BLUE, ""), "unparsed_rate": (style.ORANGE, "////")}
    for side, (column, label) in enumerate(RATES.items()):
        color, hatch = looks[column]
        look: dict[str, Any] = {
            "facecolor": "white" if hatch else color,
            "edgecolor": color,
            "hatch": hatch,
            "linewidth": 0.6,
        }
        places = [place - 0.18 + 0.36 * side for place in range(len(arms))]
        axes.barh(places, 100 * arms[column], height=0.33, label=label, **look)
    axes.axvline(100 * NOTABLE, color=style.GREY, linewidth=0.7, linestyle=":")
    axes.set_yticks(range(len(arms)), [style.name(arm) for arm in arms["arm"]])
    axes.set_ylim(len(arms) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    style.grid_lines(axes)


def plot(arms: pd.DataFrame, path: Path) -> None:
    """Write the figure from the table `arms`. Without a rate above 1% it says so."""
    shown = notable(arms)
    benchmarks = list(dict.fromkeys(shown["benchmark"]))
    if not benchmarks:
        figure, grid = style.new_figure(0.6)
        grid[0, 0].axis("off")
        grid[0, 0].text(0, 0.5, "No rate is above 1%.")
        return style.save(figure, path)
    rows, columns = style.panels(len(benchmarks))
    lines = shown["arm"].nunique()
    height = 0.5 + rows * (0.4 + style.line_height(rows * lines, 0.3) * lines)
    figure, grid = style.new_figure(height, rows, columns, sharey=True)
    for axes, benchmark in zip(grid.flat, benchmarks, strict=False):
        draw_benchmark(axes, shown[shown["benchmark"] == benchmark])
        style.head(axes, benchmark, columns)
    for axes in grid.flat[len(benchmarks) :]:
        axes.set_visible(False)
    figure.supxlabel("% of the answers (dotted: 1%)", fontsize=8)
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2)
    style.save(figure, path)


def main() -> None:
    FIGURE.draw(__doc__, plot)


if __name__ == "__main__":
    cli.run(main)
