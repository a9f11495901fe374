"""Where rows and steps went: the account of the pool, PIR by pattern, and the functional steps that pruning left."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from scripts.common import cli
from scripts.compare.labels import FUNCTIONAL, PATTERNS, is_control
from scripts.report.figures import style
from scripts.report.figures.base import Figure
from scripts.report.needs import trained

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STAGES = ("raw", "pool", "clean", "scored")


FIGURE = Figure(
    caption=(
        "Where rows and steps went. PIR, where steps were scored: median (circle), middle half (bar) and 5th to "
        "95th percentile (line) of each functional pattern."
    ),
    alt="Bars of rows left by stage, quantiles of PIR by pattern, and functional steps kept and pruned.",
    tables=("pool_account", "subsets", "pir"),
    when=trained,
)


def draw_account(axes: "Axes", account: pd.DataFrame, subsets: pd.DataFrame) -> None:
    """Draw how many rows are left after each stage, down to every subset."""
    left = [
        (stage, int(account.loc[account["stage"] == stage, "rows"].iloc[0]))
        for stage in STAGES
        if stage in set(account["stage"])
    ]
    left += [(style.short(str(draw)), int(rows)) for draw, rows in subsets[["draw", "rows"]].itertuples(index=False)]
    names, rows = [name for name, _ in left], [count for _, count in left]
    axes.barh(range(len(left)), rows, color=style.SKY, edgecolor="white", height=0.7)
    for place, count in enumerate(rows):
        axes.text(count, place, f" {count:,}", va="center", fontsize=7.5)
    axes.set_yticks(range(len(left)), names)
    axes.set_ylim(len(left) - 0.4, -0.6)
    axes.set_xlim(0, max(rows) * 1.2)
    axes.set_title("Rows left")
    axes.tick_params(axis="y", length=0)


def draw_pir(axes: "Axes", pir: pd.DataFrame) -> None:
    """Draw the quantiles of PIR of each functional pattern."""
    for place, row in pir.iterrows():
        if row["steps"]:
            axes.plot([row["q05"], row["q95"]], [place, place], color=style.GREY, linewidth=1)
            axes.plot([row["q25"], row["q75"]], [place, place], color=style.BLUE, linewidth=5, solid_capstyle="butt")
            axes.plot(row["median"], place, "o", markersize=4, color="white", markeredgecolor="black", zorder=3)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks(
        range(len(pir)), [f"{_two_lines(row['pattern'])}\n{row['steps']:,} steps" for _, row in pir.iterrows()]
    )
    axes.set_ylim(len(pir) - 0.5, -0.5)
    axes.set_title("PIR by pattern")
    axes.set_xlabel("nats an answer token")
    axes.tick_params(axis="y", length=0)
    style.grid_lines(axes)


def draw_steps(axes: "Axes", subset: "pd.Series[int]") -> None:
    """Draw how many functional steps of a pruned subset's rows stayed and how many were left out."""
    pruned = [int(subset[f"pruned_{pattern}"]) for pattern in FUNCTIONAL]
    kept = [int(subset[f"steps_{pattern}"]) - left_out for pattern, left_out in zip(FUNCTIONAL, pruned, strict=True)]
    places = range(len(FUNCTIONAL))
    axes.barh(places, kept, height=0.6, color=style.GREEN, linewidth=0, label="kept")
    # No outline: a bar of no length would still show one.
    look: dict[str, Any] = {"facecolor": "white", "edgecolor": style.VERMILLION, "linewidth": 0, "hatch": "////"}
    axes.barh(places, pruned, left=kept, height=0.6, label="pruned", **look)
    axes.set_yticks(range(len(FUNCTIONAL)), [_two_lines(pattern) for pattern in FUNCTIONAL])
    axes.set_ylim(len(FUNCTIONAL) - 0.5, -0.5)
    axes.set_title("Functional steps")
    axes.set_xlabel(f"in {subset['draw']}")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.32), ncols=2)
    axes.tick_params(axis="y", length=0)
    style.grid_lines(axes)


def _two_lines(pattern: str) -> str:
    return PATTERNS[pattern].replace(" validation", "\nvalidation")


def plot(account: pd.DataFrame, subsets: pd.DataFrame, pir: pd.DataFrame, path: Path) -> None:
    """Write the figure from the tables pool_account, subsets and pir. Controls are left out: they are as large."""
    arms = subsets.assign(draw=subsets["draw"].replace(r"-t\d+$", "", regex=True)).drop_duplicates("draw")
    chosen = arms[~arms["draw"].map(is_control)]
    pruned = chosen[chosen["pruned_steps"] > 0]
    panels = 1 + bool(len(pir)) + bool(len(pruned))
    figure, grid = style.new_figure(
        max(2.1, 0.8 + style.line_height(4 + len(chosen), 0.22) * (4 + len(chosen))), 1, panels
    )
    draw_account(grid[0, 0], account, chosen)
    if len(pir):
        draw_pir(grid[0, 1], pir)
    if len(pruned):
        draw_steps(grid[0, -1], pruned.iloc[0])
    style.save(figure, path)


def main() -> None:
    FIGURE.draw(__doc__, plot)


if __name__ == "__main__":
    cli.run(main)
