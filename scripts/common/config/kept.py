"""Models of runs on their way: what a run was at a share of its training, evaluated for learning curves."""

from collections.abc import Iterable
from typing import NamedTuple

from scripts.common.config.arms import Run


class Kept(NamedTuple):
    """A run at a share of its training."""

    name: str
    """{run}.at-{percent}, its name under evaluate/."""
    run: Run
    percent: int


def kept_models(runs: Iterable[Run], percents: Iterable[int]) -> list[Kept]:
    """Return what is kept of every run before its end."""
    shares = list(percents)
    return [Kept(f"{run.name}.at-{percent}", run, percent) for run in runs for percent in shares]


def percent_of(model: str) -> int:
    """Return the share of training, in percent, at which a model was kept: 100 for a run that has ended."""
    _, found, percent = model.rpartition(".at-")
    return int(percent) if found else 100
