"""Accuracy against the length of the answers: arms, their runs, and an arrow from each control to its selection."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from scripts.common import cli
from scripts.common.program import Program, flag_of
from scripts.compare.labels import CONTROLS
from scripts.compare.tables import read_csv
from scripts.report.figures import style
from scripts.report.figures.base import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

AVERAGES = ("average_scores", "average_comparisons")

FIGURE = Figure(
    caption=(
        "Score against the mean length of an answer; small circles are single training runs. Arrows lead from "
        "each control to the selection that is held against it: up is more often right, left is shorter."
    ),
    alt="Scatter plot of score against mean output tokens by arm, with arrows from controls to selections.",
    section="sec-scores",
    tables=("arms", "scores", "comparisons"),
    files=lambda paths, experiment: (
        {name: paths.table(name) for name in AVERAGES} if experiment.report.averages else {}
    ),
    settings=lambda experiment: {"weights": json.dumps(experiment.report.weights())},
)


def averaged(table: pd.DataFrame, by: str, weights: Mapping[str, float]) -> pd.DataFrame:
    """Return score and length of each arm or model (the column `by`, then the index) as an average of benchmarks.

    `weights` are by benchmark and sum to 1.
    """
    own = table[table["benchmark"].isin(weights)].set_index(by)
    parts = own[["score", "output_tokens"]].mul(own["benchmark"].map(weights), axis=0)
    return parts.groupby(level=0, sort=False).sum()


def with_averages(
    arms: pd.DataFrame,
    scores: pd.DataFrame,
    comparisons: pd.DataFrame,
    averages: tuple[pd.DataFrame, pd.DataFrame],
    weights: Mapping[str, Mapping[str, float]],
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return the three tables with the named averages before the benchmarks, each as one: 'average course'.

    `averages` are the tables of AVERAGES, `weights` those of each average.
    """
    found, compared = (table.assign(benchmark="average " + table["average"].astype(str)) for table in averages)
    lengths, runs = [], []
    for name, of in weights.items():
        rows = found[found["average"] == name]
        lengths.append(rows.assign(output_tokens=rows["arm"].map(averaged(arms, "arm", of)["output_tokens"])))
        runs.append(averaged(scores, "model", of).reset_index().assign(benchmark=f"average {name}"))
    return pd.concat([*lengths, arms]), pd.concat([*runs, scores]), pd.concat([compared, comparisons])


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
    axes.margins(x=0.15)
    style.grid_lines(axes, "both")


def plot(arms: pd.DataFrame, scores: pd.DataFrame, comparisons: pd.DataFrame, path: Path) -> None:
    """Write the figure from the tables `arms`, `scores` and `comparisons`."""
    from matplotlib.lines import Line2D

    styles = style.arm_styles(arms)
    names = list(styles)
    benchmarks = list(dict.fromkeys(arms["benchmark"]))
    rows, columns = style.panels(len(benchmarks))
    height = 0.4 + style.legend_height(len(names)) + (2.0 if rows == 1 else 1.15) * rows
    figure, grid = style.new_figure(height, rows, columns)
    for axes, benchmark in zip(grid.flat, benchmarks, strict=False):
        own, runs, compared = (table[table["benchmark"] == benchmark] for table in (arms, scores, comparisons))
        draw_benchmark(axes, own, runs, compared, styles)
        style.head(axes, benchmark, columns)
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
            label=style.name(name),
        )
        for name in names
    ]
    figure.legend(
        handles=handles, loc="outside upper center", ncols=min(4, len(names)), columnspacing=1.2, handletextpad=0.3
    )
    style.save(figure, path)


def main() -> None:
    program = Program(__doc__)
    for name in FIGURE.tables:
        program.add_input(flag_of(name), f"{name}.csv")
    for name in AVERAGES:
        program.add_input(flag_of(name), f"{name}.csv (left out: no average has a name)", optional=True)
    program.add_argument("--weights", type=json.loads, required=True, help="of the averages, by benchmark, as JSON")
    program.add_output("--figure", "the SVG to write")
    arguments = program.parse()
    with program.recording():
        arms, scores, comparisons = (read_csv(name, getattr(arguments, name)) for name in FIGURE.tables)
        if arguments.weights:
            found, compared = (read_csv(name, getattr(arguments, name)) for name in AVERAGES)
            named = with_averages(arms, scores, comparisons, (found, compared), arguments.weights)
            arms, scores, comparisons = named
        plot(arms, scores, comparisons, arguments.figure)


if __name__ == "__main__":
    cli.run(main)
