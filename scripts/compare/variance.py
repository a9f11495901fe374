"""How uncertain a mean over questions is: questions as they were drawn (strata, clusters), training runs, both at once.

The unit is the question. Sources: Miller, 2411.00640 (questions, clusters); Cochran, Sampling Techniques, 5.3 (strata);
Satterthwaite 1946 (degrees of freedom of a sum of variances: those of strata).
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# From this many degrees of freedom on, the variance between runs is taken as known well enough to speak of the method.
FEWEST_RUN_DF = 4


class Questions:
    """How a benchmark's questions were drawn: singly, within fixed subjects (strata), in groups (clusters).

    A stratum with a single unit tells nothing of its own variance: such strata are taken together, and a lone one joins
    the smallest other (Cochran's collapsed strata). Questions drawn together are in the stratum of their first.
    """

    def __init__(
        self, count: int, subjects: Sequence[str | None] | None = None, groups: Sequence[Hashable | None] | None = None
    ) -> None:
        units = [group if group is not None else ("single", q) for q, group in enumerate(groups or [None] * count)]
        place = {unit: number for number, unit in enumerate(dict.fromkeys(units))}
        self.unit = np.array([place[unit] for unit in units])
        """(questions,): the unit that each question was drawn in."""
        first = np.unique(self.unit, return_index=True)[1]
        names = [(subjects or [None] * count)[question] for question in first]
        self.stratum = _collapsed(names)
        """(units,): the stratum of each unit."""
        self.sizes = np.bincount(self.stratum)
        """(strata,): how many units each stratum has."""

    @property
    def simple(self) -> bool:
        """Whether every question was drawn by itself, from one stratum."""
        return len(self.sizes) == 1 and len(self.stratum) == len(self.unit)

    @property
    def df(self) -> int:
        """Degrees of freedom between units within strata."""
        return len(self.stratum) - len(self.sizes)


def _collapsed(names: Sequence[str | None]) -> NDArray[np.int64]:
    counts = {name: names.count(name) for name in dict.fromkeys(names)}
    large = [name for name, count in counts.items() if count > 1]
    place = {name: large.index(name) if name in large else len(large) for name in counts}
    if sum(count == 1 for count in counts.values()) == 1 and large:
        place[next(name for name, count in counts.items() if count == 1)] = large.index(min(large, key=counts.get))  # type: ignore[arg-type]
    return np.array([place[name] for name in names])


def mean_variance(values: Floats, questions: Questions | None = None) -> tuple[Floats, Floats]:
    """Return the squared standard errors (...) of means over questions, and their degrees of freedom.

    `values` is (..., questions); without `questions` each was drawn by itself. Strata weigh what their questions are of
    all, so that the mean stays the mean over questions:
    Var = sum over strata of G / (G - 1) * sum of squares of the units' summed deviations / n^2.
    """
    n = values.shape[-1]
    if questions is None or questions.simple:
        variance = np.asarray(values.var(axis=-1, ddof=1) / n)
        return variance, np.full(variance.shape, n - 1.0)
    of_question = questions.stratum[questions.unit]
    strata = np.eye(len(questions.sizes))[of_question]
    deviations = values - (values @ strata / strata.sum(0)) @ strata.T
    sums = deviations @ np.eye(len(questions.stratum))[questions.unit]
    of_stratum = (sums**2) @ np.eye(len(questions.sizes))[questions.stratum]
    parts = of_stratum * questions.sizes / np.maximum(questions.sizes - 1, 1) / n**2
    squares = (parts**2 / np.maximum(questions.sizes - 1, 1)).sum(-1)
    variance = parts.sum(-1)
    return variance, np.where(squares > 0, variance**2 / np.where(squares > 0, squares, 1), float(questions.df))


class RunVariance(NamedTuple):
    """The variance of run means within an arm, pooled over a benchmark's arms."""

    variance: float
    df: int
    """Degrees of freedom of the benchmark's own runs."""
    noise: float = 0.0
    """The part of `variance` that is the luck of single answers, which shrinks with the number of questions."""
    prior_df: float = 0.0
    """Degrees of freedom that the experiment's other benchmarks add (scripts/compare/moderation.py)."""
    others: int = 0
    """Degrees of freedom of the runs of other kinds of arms."""
    share: float = 1.0
    """What is left of the degrees of freedom of a sum of two kinds' variances (RunVariances.between)."""

    @property
    def known(self) -> bool:
        return self.df > 0 and self.df + self.others >= FEWEST_RUN_DF

    @property
    def total_df(self) -> float:
        """Degrees of freedom with what other benchmarks add."""
        return (self.df + self.prior_df) * self.share

    @property
    def proper(self) -> float:
        """The variance that runs would have left on infinitely many questions."""
        return np.maximum(self.variance - self.noise, 0.0)


def run_variance(arms: Iterable[Floats], questions: Questions | None = None) -> RunVariance:
    """Pool the variance of run means over the trained arms of a benchmark, each (runs, questions)."""
    squares = noise = 0.0
    df = 0
    for arm in arms:
        scores = arm.mean(axis=1)
        df += len(arm) - 1
        squares += float(((scores - scores.mean()) ** 2).sum())
        if len(arm) > 1:
            noise += float(mean_variance(arm - arm.mean(axis=0), questions)[0].sum())
    return RunVariance(squares / df, df, noise / df) if df else RunVariance(0.0, 0)


class Kind(NamedTuple):
    """What the runs of an arm have of their own: arms of one kind vary by the same luck, and are pooled."""

    drawn: bool = False
    """Whether each has its own draw of rows; else all were trained on the same ones."""
    runs: int = 1
    """Training runs that each is the mean of: those of one draw."""


FIXED, DRAWN = Kind(), Kind(drawn=True)


class RunVariances(dict[Kind, RunVariance]):
    """The variances of a benchmark's runs by kind of arm: runs that differ in their rows, too, vary more."""

    @classmethod
    def of(cls, kinds: Mapping[Kind, RunVariance]) -> "RunVariances":
        """Return the variances by kind, each with what the others know.

        Runs with rows of their own vary at least as much as runs with the same ones. Where few of them seem to vary
        less, the two are taken together: the estimate under that order (isotonic regression). Where nothing was seen of
        runs with the same rows, they are taken to vary as much as the others.
        """
        known = dict(kinds)
        fixed, drawn = (known.get(kind, RunVariance(0.0, 0)) for kind in (FIXED, DRAWN))
        if fixed.df and drawn.df and drawn.variance < fixed.variance:
            known[FIXED] = known[DRAWN] = _pooled(fixed, drawn)
        elif FIXED in known and not fixed.df:
            known[FIXED] = drawn
        total = sum(runs.df for runs in kinds.values())
        return cls({kind: runs._replace(others=total - runs.df) for kind, runs in known.items()})

    def between(self, a: tuple[Kind, int], b: tuple[Kind, int]) -> RunVariance:
        """Return the variance of the runs of two arms, given as (kind, how many): the one that, times the sum of their
        1 / R, is the variance of the difference of their means.

        Of two kinds it is a sum of two estimates, with Satterthwaite's degrees of freedom (Welch's).
        """
        first, second = self[a[0]], self[b[0]]
        if first == second:
            return first
        if not first.df or not second.df:
            return RunVariance(0.0, 0)
        h = np.array([1 / a[1], 1 / b[1]])
        parts = h * [first.variance, second.variance]
        df = np.array([first.total_df, second.total_df])
        left = parts.sum() ** 2 / (parts**2 / df).sum() / df.sum() if parts.any() else 1.0
        noise = float(h @ [first.noise, second.noise] / h.sum())
        both = RunVariance(float(parts.sum() / h.sum()), first.df + second.df, noise, first.prior_df + second.prior_df)
        return both._replace(others=first.others - second.df, share=float(left))


def _pooled(a: RunVariance, b: RunVariance) -> RunVariance:
    weights = np.array([a.total_df, b.total_df])
    variance, noise = (float(weights @ pair / weights.sum()) for pair in ([a.variance, b.variance], [a.noise, b.noise]))
    return RunVariance(variance, a.df + b.df, noise, a.prior_df + b.prior_df)


class Variance(NamedTuple):
    """The variance of a mean over questions and runs, in its two parts, and its degrees of freedom."""

    questions: float
    """What more questions would make smaller: how questions differ, and the luck of single answers."""
    runs: float
    """What only more training runs would make smaller."""
    df: float

    @property
    def total(self) -> float:
        return self.questions + self.runs


def combined(between: float, df: float, runs: RunVariance, inverse_runs: float, least: float = 0.0) -> Variance:
    """Add the runs' variance to that over questions; numbers, or arrays of one shape.

    `between` is the squared standard error over questions of the means of all runs, at least `least`, `df` its degrees
    of freedom, and `inverse_runs` (h) the sum of 1 / R over the trained arms in the mean. The luck of single answers is
    in `between` and in the run means, so that it is taken out of these: Var = between + h * max(s_run^2 - noise, 0).
    Its degrees of freedom are the fewer of the two parts': Satterthwaite's, of estimated parts, are too many just where
    the runs' part came out too small. Where the runs' variance is not known, `between` alone.
    """
    between = np.maximum(between, least)
    if not runs.known or not inverse_runs:
        return Variance(between, 0.0, df)
    return Variance(between, inverse_runs * runs.proper, np.minimum(df, runs.total_df))
