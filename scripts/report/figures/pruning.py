"""Tokens left against the prune ratio, beside the paper's; and, where there is a sweep, the score against it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from scripts.common import cli
from scripts.common.config.experiment import Experiment
from scripts.common.program import Program
from scripts.compare.paper import LIMO_LEFT, LIMO_TOKENS
from scripts.compare.tables import read_csv
from scripts.report.figures import style
from scripts.report.figures.base import Figure
from scripts.report.needs import pruned

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def _ratios(experiment: Experiment) -> list[dict[str, Any]]:
    """Return subset, ratio and sweep (or None) of every subset that prunes."""
    return [{"subset": name, **how._asdict()} for name, how in experiment.pruned_subsets().items()]


def _caption(experiment: Experiment) -> str:
    swept = any(row["sweep"] for row in _ratios(experiment))
    also = " Right: the score of the sweep's subsets, with intervals." if swept else ""
    return f"Tokens left against the prune ratio, beside the paper's LIMO.{also}"


FIGURE = Figure(
    caption=_caption,
    alt="Tokens left against the prune ratio; the numbers are in the table.",
    tables=("pruning", "subsets", "arms"),
    settings=lambda experiment: {"settings": json.dumps(_ratios(experiment))},
    when=pruned,
)


def draw_left(axes: "Axes", pruning: pd.DataFrame, subsets: pd.DataFrame) -> None:
    """Draw the share of tokens left: of all scored rows, of the subsets as they are, of the paper's LIMO."""
    paper = [(0.0, 100.0), *((ratio, 100 * left / LIMO_TOKENS) for ratio, left in LIMO_LEFT.items())]
    axes.plot(*zip(*paper, strict=True), "s--", color=style.GREY, markersize=4, linewidth=1, label="LIMO, in the paper")
    ours = [(0.0, 100.0), *zip(pruning["ratio"], 100 * pruning["tokens"] / pruning["tokens_before"], strict=True)]
    axes.plot(*zip(*ours, strict=True), "o-", color=style.BLUE, markersize=4, linewidth=1, label="all scored rows")
    left = 100 * subsets["tokens"] / subsets["tokens_before"]
    look: dict[str, Any] = {"markersize": 6, "markerfacecolor": "none", "markeredgewidth": 1.3}
    axes.plot(subsets["ratio"], left, "D", color=style.VERMILLION, label="training sets", **look)
    axes.set_title("Tokens left")
    axes.set_xlabel("prune ratio")
    axes.set_ylabel("%")
    axes.set_xlim(-0.02, max(0.82, *pruning["ratio"], *subsets["ratio"]) + 0.03)
    axes.legend(loc="best")
    style.grid_lines(axes, "y")


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
        look: dict[str, Any] = {"color": style.CYCLE[number % len(style.CYCLE)], "markersize": 4, "linewidth": 1}
        label = f"{sweep}: {benchmark}" if several else str(benchmark)
        axes.errorbar(places, score, [score - low, high - score], fmt="o-", label=label, **look)
    axes.set_title("Score in the sweep")
    axes.set_xlabel("prune ratio")
    axes.set_ylabel("%")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.22), ncols=2)
    style.grid_lines(axes, "y")


def plot(pruning: pd.DataFrame, subsets: pd.DataFrame, arms: pd.DataFrame, settings: pd.DataFrame, path: Path) -> None:
    """Write the figure from the tables pruning, subsets and arms; `settings` has subset, ratio and sweep (or null)."""
    files = set(subsets["draw"])
    first = [name if name in files else f"{name}-d1" for name in settings["subset"]]  # of several draws the first
    chosen = settings.assign(draw=first).merge(subsets, on="draw")
    swept = settings.dropna(subset=["sweep"]).merge(arms, left_on="subset", right_on="arm")
    figure, grid = style.new_figure(2.5 if len(swept) else 2.2, 1, 2 if len(swept) else 1)
    draw_left(grid[0, 0], pruning, chosen)
    if len(swept):
        draw_scores(grid[0, 1], swept)
    style.save(figure, path)


def main() -> None:
    program = Program(__doc__)
    program.add_input("--pruning", "pruning.csv")
    program.add_input("--subsets", "subsets.csv")
    program.add_input("--arms", "arms.csv")
    program.add_argument("--settings", required=True, help="[{subset, ratio, sweep}] as JSON, sweep null outside one")
    program.add_output("--figure", "the SVG to write")
    arguments = program.parse()
    with program.recording():
        plot(
            read_csv("pruning", arguments.pruning),
            read_csv("subsets", arguments.subsets),
            read_csv("arms", arguments.arms),
            pd.DataFrame(json.loads(arguments.settings), columns=["subset", "ratio", "sweep"]),
            arguments.figure,
        )


if __name__ == "__main__":
    cli.run(main)
