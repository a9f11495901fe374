"""Scores by subject and arm as a heat map, for benchmarks that have subjects. Without one the figure says so."""

import textwrap
from pathlib import Path

import numpy as np
import pandas as pd

from scripts.common import cli
from scripts.report.figures import style
from scripts.report.figures.base import Figure

ABREAST, LETTERS = 6, 84  # names, and letters of so many of the longest word, that have room beside each other
LEGIBLE = 0.14  # inches of a row that holds a number


FIGURE = Figure(
    caption=(
        "Score by subject and arm, in percent; in brackets the number of questions. Single cells are uncertain: "
        "their intervals are in subjects.csv."
    ),
    alt="Heat map of scores by subject and arm; the numbers are in subjects.csv.",
    tables=("subjects",),
)


def _lines(label: str) -> str:
    """Return an arm's name on several short lines."""
    return "\n".join(textwrap.fill(part, 12, break_long_words=False) for part in label.split(" · "))


def plot(subjects: pd.DataFrame, path: Path) -> None:
    """Write the figure from the table `subjects`, benchmark under benchmark, subjects in the order of their mean."""
    if subjects.empty:
        figure, grid = style.new_figure(0.6)
        grid[0, 0].axis("off")
        grid[0, 0].text(0, 0.5, "No benchmark has subjects.")
        return style.save(figure, path)
    names = list(dict.fromkeys(subjects["arm"]))
    maps = [
        (str(name), rows.pivot_table(index="subject", columns="arm", values="score", sort=False)[names])
        for name, rows in subjects.groupby("benchmark", sort=False)
    ]
    heights = [len(scores) for _, scores in maps]
    row = style.line_height(sum(heights), 0.2, 0.15)
    arms = [style.name(arm) for arm in names]
    slanted = len(arms) > ABREAST or len(arms) * max(map(len, " ".join(arms).split())) > LETTERS
    below = 0.045 * max(map(len, arms)) if slanted else 0.35  # inches of the names below a map
    ratios = {"height_ratios": heights}
    figure, grid = style.new_figure(
        row * sum(heights) + 0.35 * len(maps) + below + 0.3, len(maps), sharex=True, gridspec_kw=ratios
    )
    counts = subjects.drop_duplicates(["benchmark", "subject"]).set_index(["benchmark", "subject"])["n_questions"]
    for axes, (name, scores) in zip(grid[:, 0], maps, strict=True):
        scores = scores.loc[scores.mean(axis=1).sort_values(ascending=False).index]
        image = axes.imshow(100 * scores.to_numpy(), cmap="cividis", vmin=0, vmax=100, aspect="auto")
        letters = min(7.0, 50 * row)
        for place, values in enumerate(scores.to_numpy() if row >= LEGIBLE else ()):
            for column, value in enumerate(np.asarray(values)):
                color = "white" if value < 0.55 else "black"
                axes.text(column, place, f"{100 * value:.0f}", ha="center", va="center", color=color, fontsize=letters)
        labels = [f"{style.short(subject or 'no subject')} ({counts[name, subject]:,})" for subject in scores.index]
        axes.set_yticks(range(len(scores)), labels, fontsize=letters)
        if slanted:
            axes.set_xticks(range(len(arms)), arms, fontsize=letters, rotation=40, ha="right", rotation_mode="anchor")
        else:
            axes.set_xticks(range(len(arms)), [_lines(arm) for arm in arms], fontsize=letters)
        axes.tick_params(length=0)
        axes.set_title(name)
    figure.colorbar(image, ax=grid[:, 0].tolist(), label="score, %", fraction=0.03, pad=0.02)
    style.save(figure, path)


def main() -> None:
    FIGURE.draw(__doc__, plot)


if __name__ == "__main__":
    cli.run(main)
