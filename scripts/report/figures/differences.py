"""The figure of the front page: every paired difference with its interval, question by question."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from scripts.common import cli
from scripts.common.config.experiment import Experiment
from scripts.common.program import Program
from scripts.compare.labels import FAMILIES, is_control, points
from scripts.compare.tables import read_csv
from scripts.report.figures import style
from scripts.report.figures.base import Figure
from scripts.report.markdown import escape
from scripts.report.plain import asked_in_words, decided

if TYPE_CHECKING:
    from matplotlib.axes import Axes


LOOKS: dict[str, dict[str, Any]] = {
    "better": {"color": style.BLUE, "marker": "o", "markerfacecolor": style.BLUE},
    "worse": {"color": style.VERMILLION, "marker": "D", "markerfacecolor": style.VERMILLION},
    "no detectable difference": {"color": style.GREY, "marker": "o", "markerfacecolor": "white"},
}


def _caption(experiment: Experiment) -> str:
    effect = points(experiment.report.interesting_effect, sign=False)
    controlled = any(is_control(run.arm) for run in experiment.runs())
    controls = " Controls against the baseline are in @tbl-comparisons." if controlled else ""
    target = experiment.primary_target()
    first = f" Against random rows on {escape(target)} it is that of the first family (@tbl-primary)." if target else ""
    return (
        "Paired differences in score over the same questions, by question of the experiment. A point is the mean "
        "difference, its bar the interval at the level at which Holm's procedure decided the comparison; it leaves "
        f"out zero exactly where a verdict is claimed.{first} The grey band is what would be too small to matter "
        f"(±{effect} points).{controls}"
    )


FIGURE = Figure(
    caption=_caption,
    alt="Forest plot of paired differences with intervals; the numbers are in the table of comparisons.",
    tables=("comparisons",),
    files=lambda paths, experiment: (
        ({"averages": paths.table("average_comparisons")} if experiment.report.averages else {})
        | ({"primary": paths.table("primary")} if experiment.primary_target() else {})
    ),
    settings=lambda experiment: {
        "interesting_effect": experiment.report.interesting_effect,
        "asked": json.dumps({question: asked_in_words(question, experiment) for question in FAMILIES}),
    },
)


def with_averages(comparisons: pd.DataFrame, averages: pd.DataFrame) -> pd.DataFrame:
    """Return the comparisons with those of the named averages before them."""
    named = averages.rename(columns={"average": "benchmark"})
    return pd.concat([named.assign(benchmark="average " + named["benchmark"].astype(str)), comparisons])


def row_label(comparison: "pd.Series[str]", subsets: int) -> str:
    """Return what one line of the figure compares: benchmark, and the selection where there are several."""
    benchmark = style.short(str(comparison["benchmark"]), 24)
    return f"{benchmark}: {style.short(comparison['subset'], 24)}" if subsets > 1 else benchmark


def draw_row(axes: "Axes", place: float, row: "pd.Series[float]", mark: str, size: float) -> None:
    """Draw one difference: point, interval, and its numbers at the right in letters of `size` points."""
    look = LOOKS[str(row["verdict"])]
    low, middle, high = (100 * row[name] for name in ("ci_low", "difference", "ci_high"))
    axes.plot([low, high], [place, place], color=look["color"], linewidth=1.4, solid_capstyle="butt")
    axes.plot(middle, place, markersize=5, markeredgewidth=1.2, linestyle="none", **look)
    numbers = f"{points(row['difference'])}  [{points(row['ci_low'])}, {points(row['ci_high'])}]{mark}"
    weight = "normal" if row["verdict"] == "no detectable difference" else "bold"
    beside = axes.get_yaxis_transform()
    axes.text(1.02, place, numbers, transform=beside, va="center", fontsize=size, fontweight=weight)


def plot(comparisons: pd.DataFrame, interesting_effect: float, asked: Mapping[str, str], path: Path) -> None:
    """Write the forest plot of the table `comparisons`; controls against the baseline are left to the table.

    `asked` has each question in words.
    """
    comparisons = comparisons[~comparisons["subset"].map(is_control)]
    questions = [question for question in FAMILIES if question in set(comparisons["question"])]
    subsets = comparisons["subset"].nunique()
    lines = len(comparisons) + 1.3 * len(questions)
    line = style.line_height(round(lines), 0.205)
    figure, grid = style.new_figure(0.75 + line * lines)
    axes = grid[0, 0]
    size = min(7.5, 50 * line)  # points: letters stay lower than their line
    edge = 100 * interesting_effect
    axes.axvspan(-edge, edge, color=style.LIGHT, alpha=0.6, linewidth=0)
    axes.axvline(0, color="black", linewidth=0.8)
    place, ticks, headings = 0.0, [], []
    for question in questions:
        headings.append((place, asked[question]))
        place += 1
        for _, row in comparisons[comparisons["question"] == question].iterrows():
            draw_row(axes, place, row, "" if row["level"] == "method" else " †", size)
            ticks.append((place, row_label(row, subsets)))
            place += 1
        place += 0.3
    axes.set_yticks([at for at, _ in ticks], [label for _, label in ticks], fontsize=size)
    axes.set_ylim(place - 0.5, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    left = -0.57 * size * max(len(label) for _, label in ticks) - 6
    for at, heading in headings:
        axes.annotate(
            heading,
            (0, at),
            xycoords=("axes fraction", "data"),
            xytext=(left, 0),
            textcoords="offset points",
            va="center",
            fontweight="bold",
            fontsize=size + 0.5,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
        )
    right = axes.get_yaxis_transform()
    axes.text(1.02, 0, "points [interval]", transform=right, va="center", fontsize=size, color=style.GREY)
    axes.set_xlabel("difference in score, percentage points (right is better)")
    style.grid_lines(axes)
    _legend(axes, [verdict for verdict in LOOKS if verdict in set(comparisons["verdict"])])
    style.save(figure, path)


def _legend(axes: "Axes", verdicts: list[str]) -> None:
    from matplotlib.artist import Artist
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Artist] = [
        Line2D([], [], markersize=5, linewidth=1.4, markeredgewidth=1.2, label=verdict, **LOOKS[verdict])
        for verdict in verdicts
    ]
    handles.append(Patch(color=style.LIGHT, label="smaller than what would matter"))
    axes.figure.legend(handles=handles, loc="outside lower center", ncols=4, handlelength=1.6, columnspacing=1.2)


def main() -> None:
    program = Program(__doc__)
    program.add_input("--comparisons", "comparisons.csv")
    program.add_input("--averages", "average_comparisons.csv (left out: no average has a name)", optional=True)
    program.add_input("--primary", "primary.csv (left out: the experiment has no first family)", optional=True)
    program.add_argument("--interesting-effect", type=float, required=True, help="half the width of the grey band")
    program.add_argument("--asked", required=True, help="the questions in words, as JSON")
    program.add_output("--figure", "the SVG to write")
    arguments = program.parse()
    with program.recording():
        primary = read_csv("primary", arguments.primary) if arguments.primary else None
        comparisons = decided(read_csv("comparisons", arguments.comparisons), primary)
        if arguments.averages:
            averages = decided(read_csv("average_comparisons", arguments.averages), primary, "average")
            comparisons = with_averages(comparisons, averages)
        plot(comparisons, arguments.interesting_effect, json.loads(arguments.asked), arguments.figure)


if __name__ == "__main__":
    cli.run(main)
