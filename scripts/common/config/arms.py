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

DRAW_OF_CONTROL = re.compile(rf"(?P<arm>{SHARED.pattern}|[^.]+\.[a-z_]+)-d(?P<number>\d+)")
"""Names of draws of a control."""


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
    draws: int | None = None
    """How often it is drawn, the most that a subset held against it asks for; None: once for every training seed."""


class Draw(NamedTuple):
    """One subset file: a subset itself, a control drawn for one training seed, or one of several draws of either."""

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
    number: int | None = None
    """Which of several draws it is, from 1 on, each trained with every training seed; None: there is one."""

    @property
    def of(self) -> str:
        """The file of the subset that a control is counted in: the draw of the same number, where there are several."""
        return f"{self.subset}-d{self.number}" if self.number else self.subset


class Run(NamedTuple):
    """One fine-tuning run."""

    name: str
    """{arm}-t{seed}, of several draws {arm}-d{draw}-t{seed}: the folder under train/, the model's under evaluate/."""
    arm: str
    """What its training data is called in the tables: a subset, or a control (ControlArm.name)."""
    draw: str
    """The subset file that it is trained on."""
    seed: int
    """Training seed."""


def check_no_control(names: Iterable[str]) -> None:
    """Raise ValueError for a name of a subset or a model that could be taken for a control's."""
    for name in names:
        if SHARED.fullmatch(name) or DRAW_OF_CONTROL.fullmatch(name):
            raise ValueError(
                f"the name '{name}' is one of controls (as many random rows as the number says): choose "
                "another, such as 'chance'"
            )


def check_draws(subsets: "Mapping[str, Method]") -> None:
    """Raise ValueError for a subset's name that is one of another's draws."""
    for name, settings in subsets.items():
        if taken := next((f"{name}-d{n}" for n in _numbers(settings.draws) if f"{name}-d{n}" in subsets), None):
            raise ValueError(f"the name '{taken}' is that of a draw of '{name}' (draws: {settings.draws}): rename one")


def control_arms(
    subsets: "Mapping[str, Method]", controls: Mapping[str, Sequence[str]]
) -> dict[str, dict[str, ControlArm]]:
    """Return the arms that each subset is held against, by subset and control; `controls` are the subsets' own."""
    known: dict[str, ControlArm] = {}
    found: dict[str, dict[str, str]] = {}
    for subset, settings in subsets.items():
        arms = [_control_arm(control, subset, subsets) for control in controls[subset]]
        for arm in arms:
            before = known.setdefault(arm.name, arm)
            most = max(before.draws or 0, settings.draws or 0) or None
            known[arm.name] = before._replace(draws=most)
        found[subset] = {arm.control: arm.name for arm in arms}
    return {subset: {control: known[name] for control, name in of.items()} for subset, of in found.items()}


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


def draws_of(
    subsets: "Mapping[str, Method]", controls: Mapping[str, Mapping[str, ControlArm]], seeds: list[int]
) -> list[Draw]:
    """Return every subset file: one per subset, one per control and training seed; or one per draw of either."""
    arms = {arm.name: arm for name in subsets for arm in controls[name].values()}
    found = [Draw(name, name, name) for name, settings in subsets.items() if not settings.draws]
    found += [
        Draw(f"{name}-d{number}", name, name, number=number)
        for name, settings in subsets.items()
        for number in _numbers(settings.draws)
    ]
    for arm in arms.values():
        if arm.draws:
            found += [Draw(f"{arm.name}-d{n}", arm.name, arm.subset, arm, number=n) for n in _numbers(arm.draws)]
        else:
            found += [Draw(f"{arm.name}-t{seed}", arm.name, arm.subset, arm, seed) for seed in seeds]
    return found


def _numbers(draws: int | None) -> range:
    return range(1, (draws or 0) + 1)


def runs_of(arms: Iterable[str], draws: Iterable[Draw], seeds: list[int]) -> list[Run]:
    """Return every fine-tuning run: each draw of each arm with each training seed, or with the one it is drawn for."""
    files: dict[str, list[Draw]] = {}
    for draw in draws:
        files.setdefault(draw.arm, []).append(draw)
    return [
        Run(f"{arm}-d{draw.number}-t{seed}" if draw.number else f"{arm}-t{seed}", arm, draw.name, seed)
        for arm in arms
        for draw in files[arm]
        for seed in (seeds if draw.training_seed is None else [draw.training_seed])
    ]
