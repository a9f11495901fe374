"""The table of controls: what a selection is held against, what each asks, and what it is called.

How a control is drawn is in the file of its name, a function `draw`. The words are here, so that another word draws
nothing anew.
"""

from typing import Any, Literal, NamedTuple


class Control(NamedTuple):
    """One control of a subset."""

    meaning: str
    """What it is, in the page of keys."""
    card: str
    """What it is, in a data set card: 'A control of the subset x: ...'."""
    label: str
    """Its name in tables and figures."""
    asked: str
    """The question that holding the subset against it answers."""
    against: str
    """What the subset is held against, in a sentence: 'against ..., x is better'."""
    marker: str
    """How figures mark it (matplotlib's marker)."""
    line: Any
    """How figures draw its line (matplotlib's line style)."""
    needs: tuple[str, ...] = ()
    """The files that `draw` reads beside the clean pool and the subset, by their names in the layout."""
    alike: Literal["size", "rows", "none"] = "none"
    """Which subsets share one: those of equal size that could have taken the same rows, those of the same rows (a
    sweep), or none."""
    drawn: bool = True
    """Whether each draw of it holds rows, or steps, of its own: its runs differ by the luck of that, too."""
    of_pruned: bool = False
    """Whether it is one only of subsets whose chains lost steps; others go without it."""


CONTROLS = {
    "rows": Control(
        meaning="as many random rows of those that it could have taken, one arm for all subsets of equal size that "
        "could have taken the same ones (random-{size})",
        card="as many rows, drawn at random from those that the subset could have taken",
        label="random rows",
        asked="Does the selection beat as many random rows?",
        against="as many random rows",
        marker="s",
        line="--",
        alike="size",
    ),
    "tokens": Control(
        meaning="random rows up to as many tokens",
        card="rows drawn at random from those that the subset could have taken, up to as many tokens",
        label="random, equal tokens",
        asked="Does the selection beat random rows of as many tokens?",
        against="random rows of as many tokens",
        marker="D",
        line="-.",
    ),
    "unpruned": Control(
        meaning="the same rows whole",
        card="the same rows, whole",
        label="unpruned",
        asked="Is it the band alone, or does pruning add to it?",
        against="the same rows unpruned",
        marker="^",
        line=":",
        alike="rows",
        drawn=False,
        of_pruned=True,
    ),
    "random_prune": Control(
        meaning="the same rows with as many functional steps per pattern left out at random",
        card="the same rows, with as many functional steps per chain and pattern left out at random",
        label="pruned at random",
        asked="Is it the pruning: does PIR choose better than chance?",
        against="the same rows pruned at random",
        marker="v",
        line=(0, (5, 1, 1, 1, 1, 1)),
        needs=("steps", "scores"),
        of_pruned=True,
    ),
}
