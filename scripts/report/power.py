"""What a comparison could have seen, and what seeing more would take: differences found with 80% power.

Planning is at a difference that matters, never at the one just seen.
"""

from collections.abc import Callable
from math import sqrt
from typing import NamedTuple

from scripts.report.statistics import Difference, RunVariance, welch_satterthwaite

POWER = 0.8


def _power_factor(df: float, family: int, alpha: float) -> float:
    from scipy import stats

    return float(stats.t.isf(alpha / (2 * family), df) + stats.t.ppf(POWER, df))


def detectable(difference: Difference, family: int, alpha: float) -> float:
    """Return the smallest true difference found with 80% power in a family of `family` comparisons."""
    return _power_factor(difference.df, family, alpha) * difference.se


def questions_needed(
    found: Difference, n: int, runs: RunVariance, effect: float, family: int, alpha: float
) -> int | None:
    """Return how many questions find `effect` with 80% power with the runs at hand.

    None: the runs vary too much. `found` was measured on `n` questions; its variance per question is kept.
    """

    def finds(questions: int) -> bool:
        part = found.question_variance * n / questions
        df = welch_satterthwaite([(part, questions - 1), (found.run_variance, runs.df)])
        return _power_factor(df, family, alpha) * sqrt(part + found.run_variance) <= effect

    return _smallest(finds, 2)


def runs_needed(
    found: Difference, n: int, runs: RunVariance, arms: int, fixed: bool, effect: float, family: int, alpha: float
) -> int | None:
    """Return how many runs an arm find `effect` with 80% power with the questions at hand.

    None: too few questions, or the variance between runs is unknown. `arms` is how many arms the benchmark has; all
    are taken to get as many runs. `fixed` says whether the reference is a model that was not trained.
    """
    if not runs.known:
        return None

    def finds(count: int) -> bool:
        part = runs.variance * (1 if fixed else 2) / count
        df = welch_satterthwaite([(found.question_variance, n - 1), (part, arms * (count - 1))])
        return _power_factor(df, family, alpha) * sqrt(found.question_variance + part) <= effect

    return _smallest(finds, 2)


class Design(NamedTuple):
    """A larger experiment: runs an arm and questions."""

    runs: int
    questions: int


def design_needed(
    found: Difference, n: int, runs: RunVariance, arms: int, fixed: bool, effect: float, family: int, alpha: float
) -> Design | None:
    """Return runs and questions that together find `effect` with 80% power.

    Of the many such designs, the one in which the runs take at most half of the variance that the effect allows. None:
    the variance between runs is unknown.
    """
    if not runs.known:
        return None

    def part(count: int) -> float:
        return runs.variance * (1 if fixed else 2) / count

    def leaves_half(count: int) -> bool:
        return _power_factor(arms * (count - 1), family, alpha) * sqrt(2 * part(count)) <= effect

    count = _smallest(leaves_half, 2)
    if count is None:
        return None
    larger = found._replace(run_variance=part(count))
    questions = questions_needed(larger, n, runs._replace(df=arms * (count - 1)), effect, family, alpha)
    return None if questions is None else Design(count, questions)


def _smallest(holds: Callable[[int], bool], low: int, limit: int = 10_000_000) -> int | None:
    """Return the smallest number from `low` to `limit` for which the monotone condition `holds`, by bisection."""
    if not holds(limit):
        return None
    high = limit
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low
