"""Accuracy against the length of the answers: arms, their runs, and an arrow from each control to its selection."""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from scripts.common import cli
from scripts.common.provenance import recording
from scripts.common.tables import read_csv
from scripts.report import figures
from scripts.report.labels import CONTROLS, arm_label
from scripts.report.report_tables import read_report_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = 2


def draw_benchmark(axes: "Axes", arms: pd.DataFrame, scores: pd.DataFrame, styles: dict[str, dict[str, str]]) -> None:
    """Draw one benchmark: `arms` and `scores` are its rows of those tables."""
    at = {row["arm"]: (row["output_tokens"], 100 * row["score"]) for _, row in arms.iterrows()}
    for _, row in arms.iterrows():
        style, runs = styles[row["arm"]], figures.runs_of(scores, row["arm"])
        dots = {
            "markersize": 2.6,
            "markerfacecolor": "white",
            "markeredgecolor": style["color"],
            "markeredgewidth": 0.8,
        }
        axes.plot(runs["output_tokens"], 100 * runs["score"], "o", **dots)  # type: ignore[arg-type]
        axes.plot(
            [row["output_tokens"]] * 2, [100 * row["ci_low"], 100 * row["ci_high"]], color=style["color"], linewidth=0.9
        )
        axes.plot(
            *at[row["arm"]],
            marker=style["marker"],
            color=style["color"],
            markersize=7,
            markeredgecolor="white",
            zorder=3,
        )
    for arm, end in at.items():
        for control in CONTROLS:
            start = at.get(f"{arm}.{control}")
            if start:
                arrow = {"arrowstyle": "->", "color": figures.GREY, "linewidth": 0.8, "shrinkA": 5, "shrinkB": 5}
                axes.annotate("", xy=end, xytext=start, arrowprops=arrow)
    axes.set_title(str(arms["benchmark"].iloc[0]))
    axes.margins(x=0.15)
    figures.grid_lines(axes, "both")


def plot(arms: pd.DataFrame, scores: pd.DataFrame, path: Path) -> None:
    """Write the figure from the tables `arms` and `scores`."""
    from matplotlib.lines import Line2D

    styles = figures.arm_styles(arms)
    names = list(styles)
    benchmarks = list(dict.fromkeys(arms["benchmark"]))
    columns = min(COLUMNS, len(benchmarks))
    rows = -(-len(benchmarks) // columns)
    figure, grid = figures.new_figure(0.55 + 2.0 * rows, rows, columns)
    for axes, benchmark in zip(grid.flat, benchmarks, strict=False):
        draw_benchmark(axes, arms[arms["benchmark"] == benchmark], scores[scores["benchmark"] == benchmark], styles)
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
    figures.save(figure, path)


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--scores", type=Path, required=True, help="scores.csv")
    parser.add_argument("--arms", type=Path, required=True, help="arms.csv")
    parser.add_argument("--figure", type=Path, required=True, help="the SVG to write")
    arguments = parser.parse_args()
    with recording(outputs=[arguments.figure], inputs=[arguments.scores, arguments.arms]):
        plot(read_report_table("arms", arguments.arms), read_csv("scores", arguments.scores), arguments.figure)


if __name__ == "__main__":
    cli.run(main)
