"""Accuracy against the length of the answers: arms, their runs, and an arrow from each control to its selection."""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from scripts.common import cli
from scripts.compare.labels import CONTROLS, arm_label
from scripts.report.figures import style
from scripts.report.figures.base import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = 2


FIGURE = Figure(
    caption=(
        "Score against the mean length of an answer; small circles are single training runs. Arrows lead from "
        "each control to the selection that is held against it: up is more often right, left is shorter."
    ),
    alt="Scatter plot of score against mean output tokens by arm, with arrows from controls to selections.",
    section="sec-scores",
    tables=("arms", "scores", "comparisons"),
)


def draw_benchmark(
    axes: "Axes",
    arms: pd.DataFrame,
    scores: pd.DataFrame,
    comparisons: pd.DataFrame,
    styles: dict[str, dict[str, str]],
) -> None:
    """Draw one benchmark: `arms`, `scores` and `comparisons` are its rows of those tables."""
    at = {row["arm"]: (row["output_tokens"], 100 * row["score"]) for _, row in arms.iterrows()}
    for _, row in arms.iterrows():
        look, runs = styles[row["arm"]], style.runs_of(scores, row["arm"])
        dots = {
            "markersize": 2.6,
            "markerfacecolor": "white",
            "markeredgecolor": look["color"],
            "markeredgewidth": 0.8,
        }
        axes.plot(runs["output_tokens"], 100 * runs["score"], "o", **dots)  # type: ignore[arg-type]
        axes.plot(
            [row["output_tokens"]] * 2, [100 * row["ci_low"], 100 * row["ci_high"]], color=look["color"], linewidth=0.9
        )
        axes.plot(
            *at[row["arm"]],
            marker=look["marker"],
            color=look["color"],
            markersize=7,
            markeredgecolor="white",
            zorder=3,
        )
    controlled = comparisons[comparisons["question"].isin(list(CONTROLS))]
    for arm, reference in zip(controlled["subset"], controlled["reference"], strict=True):
        arrow = {"arrowstyle": "->", "color": style.GREY, "linewidth": 0.8, "shrinkA": 5, "shrinkB": 5}
        axes.annotate("", xy=at[arm], xytext=at[reference], arrowprops=arrow)
    axes.set_title(str(arms["benchmark"].iloc[0]))
    axes.margins(x=0.15)
    style.grid_lines(axes, "both")


def plot(arms: pd.DataFrame, scores: pd.DataFrame, comparisons: pd.DataFrame, path: Path) -> None:
    """Write the figure from the tables `arms`, `scores` and `comparisons`."""
    from matplotlib.lines import Line2D

    styles = style.arm_styles(arms)
    names = list(styles)
    benchmarks = list(dict.fromkeys(arms["benchmark"]))
    columns = min(COLUMNS, len(benchmarks))
    rows = -(-len(benchmarks) // columns)
    figure, grid = style.new_figure(0.4 + style.legend_height(len(names)) + 2.0 * rows, rows, columns)
    for axes, benchmark in zip(grid.flat, benchmarks, strict=False):
        own, runs, compared = (table[table["benchmark"] == benchmark] for table in (arms, scores, comparisons))
        draw_benchmark(axes, own, runs, compared, styles)
    for axes in grid.flat[len(benchmarks) :]:
        axes.set_visible(False)
    figure.supxlabel("output tokens, mean an answer", fontsize=8)
    figure.supylabel("score, %", fontsize=8)
    handles = [
        Line2D(
            [],
            [],
            linestyle="none",
            marker=styles[name]["marker"],
            color=styles[name]["color"],
            markersize=6,
            label=arm_label(name),
        )
        for name in names
    ]
    figure.legend(
        handles=handles, loc="outside upper center", ncols=min(4, len(names)), columnspacing=1.2, handletextpad=0.3
    )
    style.save(figure, path)


def main() -> None:
    FIGURE.draw(__doc__, plot)


if __name__ == "__main__":
    cli.run(main)
