"""What a comparison could have seen, and what seeing more would take: differences found with 80% power.

Planning is at a difference that matters, never at the one just seen.
"""

from collections.abc import Callable
from math import sqrt
from typing import NamedTuple

from scripts.compare.statistics import Difference
from scripts.compare.variance import FEWEST_RUN_DF, RunVariance, Variance, combined

POWER = 0.8


def _smallest_effect(variance: Variance, family: int, alpha: float) -> float:
    from scipy import stats

    factor = stats.t.isf(alpha / (2 * family), variance.df) + stats.t.ppf(POWER, variance.df)
    return float(factor) * sqrt(variance.total)


def detectable(difference: Difference, family: int, alpha: float) -> float:
    """Return the smallest true difference found with 80% power in a family of `family` comparisons."""
    return _smallest_effect(difference.variance, family, alpha)


class Larger(NamedTuple):
    """A larger experiment: runs an arm and questions."""

    runs: int
    questions: int


class Plan(NamedTuple):
    """What a larger experiment is planned from: a difference as it was measured, and what is to be found."""

    found: Difference
    n: int
    """Questions that it was measured on."""
    runs: RunVariance
    inverse_runs: float
    """Sum of 1 / R over the trained arms of the difference."""
    arms: int
    """Trained arms of the benchmark: all are taken to get as many runs."""
    fixed: bool
    """Whether the reference is a model that was not trained."""
    effect: float
    family: int
    alpha: float

    def variance(self, questions: int, runs: int | None = None) -> Variance:
        """Return the variance with so many questions and runs an arm (None: those at hand)."""
        if not self.runs.known:
            return combined(self.found.variance.questions * self.n / questions, questions - 1, self.runs, 0.0)
        inverse_runs = self.inverse_runs if runs is None else (1 if self.fixed else 2) / runs
        df = self.runs.df if runs is None else self.arms * (runs - 1)
        noise = self.runs.noise * self.n / questions
        between = max(self.found.variance.questions - self.inverse_runs * self.runs.noise, 0.0) * self.n / questions
        own = max(df, FEWEST_RUN_DF)
        planned = RunVariance(self.runs.proper + noise, own, noise, self.runs.prior_df, share=self.runs.share)
        return combined(between + inverse_runs * noise, questions - 1, planned, inverse_runs)

    def finds(self, questions: int, runs: int | None = None) -> bool:
        """Whether `effect` is found with 80% power."""
        return _smallest_effect(self.variance(questions, runs), self.family, self.alpha) <= self.effect

    def questions_needed(self, runs: int | None = None) -> int | None:
        """Return how many questions it takes. None: the runs vary too much."""
        return _smallest(lambda questions: self.finds(questions, runs), 2)

    def runs_needed(self) -> int | None:
        """Return how many runs an arm it takes. None: too few questions, or the runs' variance is unknown."""
        return _smallest(lambda runs: self.finds(self.n, runs), 2) if self.runs.known else None

    def larger(self) -> Larger | None:
        """Return runs and questions that together do. Of the many such designs, one in which the runs take at most half
        of the variance that the effect allows. None: the variance between runs is unknown."""
        if not self.runs.known:
            return None
        half = self._replace(effect=self.effect / sqrt(2))
        count = _smallest(lambda runs: half.finds(LIMIT, runs), 2)
        questions = None if count is None else self.questions_needed(count)
        return None if count is None or questions is None else Larger(count, questions)


LIMIT = 10_000_000


def _smallest(holds: Callable[[int], bool], low: int) -> int | None:
    """Return the smallest number from `low` to LIMIT for which the monotone condition `holds`, by bisection."""
    if not holds(LIMIT):
        return None
    high = LIMIT
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low
