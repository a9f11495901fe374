"""What share of a benchmark's questions tells models apart: those that not all get right, nor all get wrong."""

from pathlib import Path

import pandas as pd

from scripts.common import cli
from scripts.report.figures import style
from scripts.report.figures.base import Figure

PARTS = (  # column, what it is called, colour, hatch (told apart in grey too)
    ("all_wrong", "every answer wrong", style.VERMILLION, "////"),
    ("telling", "tells models apart", style.LIGHT, ""),
    ("all_right", "every answer right", style.BLUE, ""),
)
NARROW = 4  # percent: a part too narrow for its number


FIGURE = Figure(
    caption=(
        "Questions by what the models make of them: only those that some answer gets right and some answer wrong "
        "can tell models apart."
    ),
    alt=(
        "Stacked bars of the share of questions that every answer gets wrong, that tell models apart, and that "
        "every answer gets right."
    ),
    section="sec-scores",
    tables=("reliability",),
)


def plot(reliability: pd.DataFrame, path: Path) -> None:
    """Write the figure from the table `reliability`."""
    telling = reliability["n_questions"] - reliability["all_right"] - reliability["all_wrong"]
    shares = reliability.assign(telling=telling)
    figure, grid = style.new_figure(0.9 + style.line_height(len(shares), 0.32, 0.2) * len(shares))
    axes, places = grid[0, 0], range(len(shares))
    left = pd.Series(0.0, index=shares.index)
    for column, label, color, hatch in PARTS:
        width = 100 * shares[column] / shares["n_questions"]
        look = {"facecolor": "white" if hatch else color, "edgecolor": color, "hatch": hatch, "linewidth": 0}
        axes.barh(places, width, left=left, height=0.62, label=label, **look)
        for place, (start, share, count) in enumerate(zip(left, width, shares[column], strict=True)):
            if share >= NARROW:
                box = {"facecolor": "white", "edgecolor": "none", "pad": 1.2}
                axes.text(start + share / 2, place, f"{count:,}", ha="center", va="center", fontsize=7.5, bbox=box)
        left = left + width
    axes.set_yticks(
        places,
        [f"{style.short(name)} ({n:,})" for name, n in zip(shares["benchmark"], shares["n_questions"], strict=True)],
    )
    axes.set_ylim(len(shares) - 0.5, -0.5)
    axes.set_xlim(0, 100)
    axes.set_xlabel("% of the questions (inside: how many)")
    axes.tick_params(axis="y", length=0)
    figure.legend(loc="outside upper center", ncols=3)
    style.save(figure, path)


def main() -> None:
    FIGURE.draw(__doc__, plot)


if __name__ == "__main__":
    cli.run(main)
