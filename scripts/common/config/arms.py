"""The arms of an experiment: subsets and controls, which subsets share a control, the files that are drawn, the runs.

A control of as many random rows is drawn from what its subset could have taken, and is one arm for all subsets of that
size that could have taken the same rows. Its name says just that, so that another subset renames and retrains nothing.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from scripts.select.controls import CONTROLS

if TYPE_CHECKING:
    from scripts.select.methods.base import Method

SHARED = re.compile(r"random-(?:(?P<size>\d+)(?:-(?P<among>[a-z]+))?|as-(?P<like>.+))")
"""Names of controls of as many random rows: random-{size} of the clean pool, random-{size}-{among} of a part of it (one
of AMONG), random-as-{subset} where only the subset's own files tell how many rows of which kind."""


class ControlArm(NamedTuple):
    """What one or several subsets are held against."""

    name: str
    """What it is called in the tables: random-{size} and its like, or {subset}.{control}."""
    control: str
    """Which of CONTROLS it is."""
    subset: str
    """The first subset that is held against it."""
    size: int | None = None
    """Rows, where they follow from no subset's file; None: they are counted in that of `subset`."""
    among: str = ""
    """Where `size` is given, what is drawn from (one of AMONG); else what `subset` could have taken."""


class Draw(NamedTuple):
    """One subset file: a subset itself, or a control drawn for one training seed."""

    name: str
    """Stem of the file under select/subsets/."""
    arm: str
    """The arm that is trained on it."""
    subset: str
    """The subset in the config; of a control the first that is held against it."""
    control: ControlArm | None = None
    """The control, or None for the subset itself."""
    training_seed: int | None = None
    """The training seed that a control is drawn for, or None."""


class Run(NamedTuple):
    """One fine-tuning run."""

    name: str
    """{arm}-t{seed}, the folder under train/ and the model's name under evaluate/."""
    arm: str
    """What its training data is called in the tables: a subset, or a control (ControlArm.name)."""
    draw: str
    """The subset file that it is trained on."""
    seed: int
    """Training seed."""


def check_no_control(names: Iterable[str]) -> None:
    """Raise ValueError for a subset's name that could be taken for a control's."""
    for name in names:
        if SHARED.fullmatch(name):
            raise ValueError(
                f"the name '{name}' is one of controls (as many random rows as the number says): name the subset "
                "otherwise, such as 'chance'"
            )


def control_arms(
    subsets: "Mapping[str, Method]", controls: Mapping[str, Sequence[str]]
) -> dict[str, dict[str, ControlArm]]:
    """Return the arms that each subset is held against, by subset and control; `controls` are the subsets' own."""
    known: dict[str, ControlArm] = {}
    found: dict[str, dict[str, ControlArm]] = {}
    for subset in subsets:
        arms = (_control_arm(control, subset, subsets) for control in controls[subset])
        found[subset] = {arm.control: known.setdefault(arm.name, arm) for arm in arms}
    return found


def _control_arm(control: str, subset: str, subsets: "Mapping[str, Method]") -> ControlArm:
    settings, alike = subsets[subset], CONTROLS[control].alike
    if alike == "none":
        return ControlArm(f"{subset}.{control}", control, subset)
    # What is trained by settings of its own shares no control with what is not.
    among, size = settings.among(), settings.exact_rows() if settings.training is None else None
    if alike == "size" and among is not None and size is not None and settings.strata() is None:
        return ControlArm("-".join(filter(None, ("random", str(size), among))), control, subset, size, among)
    owner = _owner(subset, subsets)
    return ControlArm(f"random-as-{owner}" if alike == "size" else f"{owner}.{control}", control, subset)


def _owner(subset: str, subsets: "Mapping[str, Method]") -> str:
    """Return the name that stands for the rows of a subset: of its sweep where all of it holds the same rows."""
    name = subsets[subset].drawn_by(subset)
    alike = [settings.rows_settings() for other, settings in subsets.items() if settings.drawn_by(other) == name]
    return name if all(settings == alike[0] for settings in alike) else subset


def draws_of(subsets: Iterable[str], controls: Mapping[str, Mapping[str, ControlArm]], seeds: list[int]) -> list[Draw]:
    """Return every subset file: one per subset, one per control and training seed."""
    names = list(subsets)
    arms = {arm.name: arm for name in names for arm in controls[name].values()}
    own = [Draw(name, name, name) for name in names]
    return own + [
        Draw(f"{arm.name}-t{seed}", arm.name, arm.subset, arm, seed) for arm in arms.values() for seed in seeds
    ]


def runs_of(arms: Iterable[str], draws: Iterable[Draw], seeds: list[int]) -> list[Run]:
    """Return every fine-tuning run: each arm with each training seed."""
    files = {(draw.arm, draw.training_seed): draw.name for draw in draws}
    return [
        Run(f"{arm}-t{seed}", arm, files.get((arm, seed)) or files[arm, None], seed) for arm in arms for seed in seeds
    ]
