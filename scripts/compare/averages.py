"""Named averages of benchmarks: one more benchmark, whose questions are those of its parts.

A question's value counts w_b N / n_b (N questions in all, n_b of its benchmark), so that the mean over all questions is
the weighted average of the benchmarks' scores, run by run. The benchmarks are fixed strata, and the runs' variance is
that of the average itself: runs that are good on one benchmark are often good on others.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from scripts.common.cli import UserError
from scripts.compare.answer_matrix import Arm
from scripts.compare.labels import listed
from scripts.compare.variance import Questions


class Average(NamedTuple):
    """The arms of a named average."""

    arms: dict[str, Arm]
    questions: Questions
    size: float
    """Questions that one benchmark would have to have for a share to be known as well: 1 / sum(w_b^2 / n_b)."""
    least: float
    """The least variance of a difference: what the benchmarks' own are together."""


def average(
    weights: Mapping[str, float], arms: Mapping[str, Mapping[str, Arm]], designs: Mapping[str, Questions]
) -> Average:
    """Return the average of benchmarks by `weights` (their sum is 1), from their arms and designs by name.

    Raises UserError where a run has not answered all of them: without it the average would be of other runs.
    """
    _check_runs(weights, arms)
    counts = {name: len(designs[name].unit) for name in weights}
    total = sum(counts.values())
    factors = {name: weight * total / counts[name] for name, weight in weights.items()}
    first = arms[next(iter(weights))]
    joined = {}
    for arm, found in first.items():
        parts = [factors[name] * _means(arms[name][arm], found.models) for name in weights]
        joined[arm] = found._replace(means=np.concatenate(parts, axis=1))
    subjects = [f"{name} {stratum}" for name in weights for stratum in designs[name].stratum[designs[name].unit]]
    groups = [(name, int(unit)) for name in weights for unit in designs[name].unit]
    return Average(
        joined,
        Questions(total, subjects, groups),
        1 / sum(weight**2 / counts[name] for name, weight in weights.items()),
        sum(weight**2 / (counts[name] + 2) ** 2 for name, weight in weights.items()),
    )


def _check_runs(weights: Mapping[str, float], arms: Mapping[str, Mapping[str, Arm]]) -> None:
    """Raise UserError for a run that has answers to some of the benchmarks only."""
    runs = {name: {run for arm in arms.get(name, {}).values() for run in arm.models} for name in weights}
    for run in sorted(set().union(*runs.values())):
        if lacking := [name for name, own in runs.items() if run not in own]:
            raise UserError(
                f"run '{run}' has no answers to {listed(lacking)}, which an average is of: evaluate it on all of "
                f"{listed(list(weights))}, or take {'them' if len(lacking) > 1 else 'it'} out of report.averages"
            )


def _means(arm: Arm, models: list[str]) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
    """Return an arm's means, its runs in the order of `models`."""
    return arm.means[[arm.models.index(model) for model in models]]
