"""Settings of the select stage, from the tables of methods and controls: what a subset and a control may be."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal, Union

from pydantic import Field

from scripts.common.config.measures import OPTIONS
from scripts.select.among import AMONG
from scripts.select.controls import CONTROLS
from scripts.select.methods import METHODS
from scripts.select.methods.base import STEPS_SCORED, Method

if TYPE_CHECKING:  # to the type checker a subset is what all methods are
    Subset = Method
    Control = str
else:
    Subset = Annotated[Union[tuple(METHODS.values())], Field(discriminator="method")]  # noqa: UP007
    Control = Literal[tuple(CONTROLS)]

_NEEDS = [
    STEPS_SCORED,
    *(method.needs for method in METHODS.values()),
    *(control.needs for control in CONTROLS.values()),
    *(among.needs for among in AMONG.values()),
    OPTIONS,
]
NEEDED = tuple(dict.fromkeys(name for needs in _NEEDS for name in needs))
"""Every file that a method, its pruning or a control reads beside the clean pool, by its name in the layout (of what
models measure: by what the method calls it)."""


def controls_in_words() -> str:
    """Return what the controls are, for the page of keys."""
    bare = " or ".join(name for name, method in METHODS.items() if not method.controlled)
    each = (f"{name}, {c.meaning}{' (where chains lost steps)' if c.of_pruned else ''}" for name, c in CONTROLS.items())
    return f"What every subset that is not {bare} is held against: {'; '.join(each)}."


def expand_sweeps(subsets: Mapping[str, Subset]) -> dict[str, Subset]:
    """Return `subsets` with every sweep replaced by the subsets that it stands for, in its place.

    Raises ValueError where one of them has the name of another subset.
    """
    expanded: dict[str, Subset] = {}
    for name, subset in subsets.items():
        parts = subset.expand(name)
        for part in parts:
            if part in expanded or (part != name and part in subsets):
                raise ValueError(f"the sweep '{name}' makes a subset '{part}', and there is another of that name")
        expanded |= parts
    return expanded
