"""The stages of perf/gpu.py in order of value: what each measures, and how long a case may take.

A stage is one file with `cases(smoke)`, the settings of its cases, and `measure(case, folder)`, which returns the
figures of one; every case runs in a process of its own, so that one that runs out of memory ends alone.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from perf.gpu_stages import answer, machine, score, train, whole

Case = dict[str, Any]


class Stage(NamedTuple):
    """One group of measurements."""

    cases: Callable[[bool], list[Case]]
    measure: Callable[[Case, Path], dict[str, Any]]
    expected: float
    """Seconds that a case takes on one H100, set-up included, as a guess: without so many left it is dropped."""
    limit: float
    """Seconds after which a case is ended."""


STAGES = {
    "machine": Stage(machine.cases, machine.measure, 15, 60),
    "train": Stage(train.cases, train.measure, 45, 120),
    "score": Stage(score.cases, score.measure, 30, 90),
    "answer": Stage(answer.cases, answer.measure, 60, 180),
    "whole": Stage(whole.cases, whole.measure, 150, 400),
}
