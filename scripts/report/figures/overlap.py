"""Which rows the arms share: a matrix of every arm with every other."""

from pathlib import Path

import pandas as pd

from scripts.common import cli
from scripts.common.config.experiment import Experiment
from scripts.compare.labels import is_control
from scripts.report.figures import style
from scripts.report.figures.base import Figure

MOST = 20
"""Arms that a page has room for; of more, controls are left out."""


def several(experiment: Experiment) -> bool:
    """Where there is more than one arm."""
    return len(experiment.arms()) > 1


FIGURE = Figure(
    caption=(
        "Rows in common: of the rows of the arm at the left, the share (%) that the arm above holds too. A control is "
        f"the mean over its draws. Of more than {MOST} arms, controls are in `compare/overlap.csv` only."
    ),
    alt="A matrix of all arms by all arms; each cell says and shades which share of rows they have in common.",
    tables=("overlap",),
    when=several,
)


def matrix(overlap: pd.DataFrame) -> pd.DataFrame:
    """Return the share of each arm's rows (index) that each other arm (columns) holds, by name; itself is empty.

    Draws of one arm for several training seeds count in the mean, draws of one arm against each other not at all.
    """
    arms = overlap[["draw", "other"]].replace(r"-t\d+$", "", regex=True)
    table = overlap.assign(draw=arms["draw"], other=arms["other"])
    table = table[table["draw"] != table["other"]]
    order = list(dict.fromkeys(arms["draw"]))
    if len(order) > MOST:
        order = [arm for arm in order if not is_control(arm)]
    shares = table.groupby(["draw", "other"])["share"].mean().unstack()
    return shares.reindex(index=order, columns=order)


def plot(overlap: pd.DataFrame, path: Path) -> None:
    """Write the figure from the table overlap."""
    shares = matrix(overlap)
    names, values = [style.name(str(arm)) for arm in shares.index], 100 * shares.to_numpy()
    # Inches: a line of cells for each arm, and above them the names, which stand aslant.
    figure, grid = style.new_figure(
        0.5 + style.line_height(len(names), 0.26, 0.18) * len(names) + 0.06 * max(map(len, names))
    )
    axes = grid[0, 0]
    # One hue from light to dark: the shades stand in the same order in grey and for every eye.
    axes.imshow(values, cmap="Blues", vmin=0, vmax=100, aspect="auto")
    for row, line in enumerate(values):
        for column, value in enumerate(line):
            text = "·" if row == column else "" if pd.isna(value) else f"{value:.0f}"
            axes.text(column, row, text, ha="center", va="center", color="white" if value > 55 else "black", fontsize=7)
    axes.set_yticks(range(len(names)), names)
    axes.set_xticks(range(len(names)), names, rotation=55, ha="left", rotation_mode="anchor")
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    style.save(figure, path)


def main() -> None:
    FIGURE.draw(__doc__, plot)


if __name__ == "__main__":
    cli.run(main)
