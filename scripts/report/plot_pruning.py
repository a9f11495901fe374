"""Tokens left against the prune ratio, beside the paper's; and, where there is a sweep, the score against it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from scripts.common import cli
from scripts.common.provenance import recording
from scripts.report import figures
from scripts.report.paper import LIMO_LEFT, LIMO_TOKENS
from scripts.report.report_tables import read_report_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_left(axes: "Axes", pruning: pd.DataFrame, subsets: pd.DataFrame) -> None:
    """Draw the share of tokens left: of all scored rows, of the subsets as they are, of the paper's LIMO."""
    paper = [(0.0, 100.0), *((ratio, 100 * left / LIMO_TOKENS) for ratio, left in LIMO_LEFT.items())]
    axes.plot(
        *zip(*paper, strict=True), "s--", color=figures.GREY, markersize=4, linewidth=1, label="LIMO, in the paper"
    )
    ours = [(0.0, 100.0), *zip(pruning["ratio"], 100 * pruning["tokens"] / pruning["tokens_before"], strict=True)]
    axes.plot(*zip(*ours, strict=True), "o-", color=figures.BLUE, markersize=4, linewidth=1, label="all scored rows")
    left = 100 * subsets["tokens"] / subsets["tokens_before"]
    look: dict[str, Any] = {"markersize": 6, "markerfacecolor": "none", "markeredgewidth": 1.3}
    axes.plot(subsets["ratio"], left, "D", color=figures.VERMILLION, label="training sets", **look)
    axes.set_title("Tokens left")
    axes.set_xlabel("prune ratio")
    axes.set_ylabel("%")
    axes.set_xlim(-0.02, max(0.82, *pruning["ratio"], *subsets["ratio"]) + 0.03)
    axes.legend(loc="best")
    figures.grid_lines(axes, "y")


def draw_scores(axes: "Axes", arms: pd.DataFrame) -> None:
    """Draw the score of a sweep's subsets with intervals, a line for every sweep and benchmark."""
    lines = arms.groupby(["sweep", "benchmark"], sort=False)
    several = arms["sweep"].nunique() > 1
    for number, (key, rows) in enumerate(lines):
        sweep, benchmark = key
        rows = rows.sort_values("ratio")
        score, low, high = (100 * rows[name] for name in ("score", "ci_low", "ci_high"))
        # Side by side, so that bars do not hide each other.
        places = rows["ratio"] + 0.008 * (number - (len(lines) - 1) / 2)
        look: dict[str, Any] = {"color": figures.CYCLE[number % len(figures.CYCLE)], "markersize": 4, "linewidth": 1}
        label = f"{sweep}: {benchmark}" if several else str(benchmark)
        axes.errorbar(places, score, [score - low, high - score], fmt="o-", label=label, **look)
    axes.set_title("Score in the sweep")
    axes.set_xlabel("prune ratio")
    axes.set_ylabel("%")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.22), ncols=2)
    figures.grid_lines(axes, "y")


def plot(pruning: pd.DataFrame, subsets: pd.DataFrame, arms: pd.DataFrame, settings: pd.DataFrame, path: Path) -> None:
    """Write the figure from the tables pruning, subsets and arms; `settings` has subset, ratio and sweep (or null)."""
    chosen = settings.merge(subsets, left_on="subset", right_on="draw")
    swept = settings.dropna(subset=["sweep"]).merge(arms, left_on="subset", right_on="arm")
    figure, grid = figures.new_figure(2.5 if len(swept) else 2.2, 1, 2 if len(swept) else 1)
    draw_left(grid[0, 0], pruning, chosen)
    if len(swept):
        draw_scores(grid[0, 1], swept)
    figures.save(figure, path)


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--pruning", type=Path, required=True, help="pruning.csv")
    parser.add_argument("--subsets", type=Path, required=True, help="subsets.csv")
    parser.add_argument("--arms", type=Path, required=True, help="arms.csv")
    parser.add_argument("--settings", required=True, help="[{subset, ratio, sweep}] as JSON, sweep null outside one")
    parser.add_argument("--figure", type=Path, required=True, help="the SVG to write")
    arguments = parser.parse_args()
    with recording(outputs=[arguments.figure], inputs=[arguments.pruning, arguments.subsets, arguments.arms]):
        plot(
            read_report_table("pruning", arguments.pruning),
            read_report_table("subsets", arguments.subsets),
            read_report_table("arms", arguments.arms),
            pd.DataFrame(json.loads(arguments.settings), columns=["subset", "ratio", "sweep"]),
            arguments.figure,
        )


if __name__ == "__main__":
    cli.run(main)
