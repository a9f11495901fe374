"""The statistics of the report: what an answer table says about a score and about the difference of two.

The unit is the question: s_q is the mean correctness of question q over its samples and runs. Sources: Miller,
2411.00640 (paired differences, standard errors over questions); Hochlehnert et al., 2504.07086 (training seeds vary);
Bowyer et al., 2503.01747 (small n). docs/statistics.md gives the formulas and the reasons.
"""

from collections.abc import Sequence
from math import nan, sqrt
from typing import Any, NamedTuple

import numpy as np

from scripts.compare.variance import Floats, Questions, RunVariance, Variance, combined, mean_variance


class Score(NamedTuple):
    """A mean over questions with its standard error and interval."""

    score: float
    se: float
    ci_low: float
    ci_high: float


class Difference(NamedTuple):
    """The mean paired difference of two arms, and its variance."""

    difference: float
    variance: Variance

    @property
    def se(self) -> float:
        return sqrt(self.variance.total)

    @property
    def df(self) -> float:
        return self.variance.df

    @property
    def p_value(self) -> float:
        """Two-sided p of the t test against no difference."""
        from scipy import stats

        return float(2 * stats.t.sf(abs(self.difference) / self.se, self.df)) if self.se else float(not self.difference)

    def lower_bound(self, alpha: float) -> float:
        """Return the one-sided lower bound of level 1 - alpha."""
        return self.interval(2 * alpha)[0]

    def interval(self, alpha: float) -> tuple[float, float]:
        """Return the interval of level 1 - alpha from the same t procedure: it holds 0 exactly when p > alpha."""
        from scipy import stats

        half = float(stats.t.isf(alpha / 2, self.df)) * self.se
        return self.difference - half, self.difference + half


def score_interval(
    means: Floats,
    results: int,
    alpha: float,
    questions: Questions,
    runs: RunVariance | None = None,
    size: float | None = None,
) -> Score:
    """Return the mean of an arm's question means (runs, questions), its standard error and its interval.

    `results` is how many zeros and ones each mean is of. `runs` is the variance between runs; None for a model that was
    not trained and for a single run. Without it, or where it is unknown, the interval is one of these runs' expected
    score. `size` is the number of questions where they do not weigh the same (Average.size). Where all questions are
    one unit nothing is known of others: no error and no interval.
    """
    n, p = size or means.shape[1], float(means.mean())
    if questions.df < 1:
        return Score(p, nan, nan, nan)
    between, df = mean_variance(means.mean(axis=0), questions)
    runs = runs or RunVariance(0.0, 0)
    se = sqrt(combined(float(between), float(df), runs, 1 / len(means)).total)
    single = questions.simple and results * len(means) == 1
    low, high = share_interval(
        p, float(between), float(df), n, n * results * len(means), alpha, runs, 1 / len(means), single
    )
    return Score(p, se, float(low), float(high))


def share_interval(
    p: Any,
    between: Any,
    df: Any,
    n: Any,
    answers: Any,
    alpha: float,
    runs: RunVariance,
    inverse_runs: float,
    single: bool,
) -> tuple[Any, Any]:
    """Return the interval of a share `p` of right answers to `n` questions; numbers, or arrays of one shape.

    The interval is Agresti and Coull's (1998): Wilson's centre, never narrower, so that it covers at least 93% where
    Wilson's covers 91.6% (n = 30, p = 0.034). Its n is n_eff = p (1 - p) / SE^2, at most the number of answers, and n
    where each question was drawn by itself and answered once (`single`) and no runs vary. An SE from the few questions
    that are not all wrong is too small: as many pseudo-questions as the interval itself assumes, answered all right or
    all wrong, keep n_eff from running away. Where runs vary the quantile is that of t.
    """
    from scipy import stats

    spread = np.asarray(p) * (1 - np.asarray(p))
    pseudo = float(stats.norm.isf(alpha / 2)) ** 2
    careful = spread / n if single else (between * df + spread / n * pseudo) / (df + pseudo)
    variance = combined(careful, df, runs, inverse_runs)
    n_eff = np.where(spread > 0, np.minimum(spread / np.where(spread > 0, variance.total, 1), answers), n)
    if runs.known:
        alpha = 2 * stats.norm.sf(stats.t.isf(alpha / 2, variance.df))
    return agresti_coull(p, n_eff, alpha)


def agresti_coull(p: Any, n: Any, alpha: Any) -> tuple[Any, Any]:
    """Return Agresti and Coull's interval for a share `p` of `n`; numbers, or arrays of one shape."""
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(np.multiply(p, n), n, alpha=alpha, method="agresti_coull")
    return low, high


def paired_difference(
    subset: Floats,
    reference: Floats,
    runs: RunVariance,
    reference_is_fixed: bool,
    questions: Questions | None = None,
    least: float | None = None,
) -> Difference:
    """Compare two arms on the same questions: arrays (runs, questions) of question means.

    d_q is the difference of a question's means over runs. Its variance over questions and the runs' are combined by
    `variance.combined`; a fixed model has no run term, and none is added where the variance between runs is unknown.
    The variance is at least `least`, for shares of right answers 1 / (n + 2)^2: what Agresti and Min's pseudo-counts
    (2005) give where no question tells the arms apart, since a sample without differences is no proof of none.
    """
    paired = np.mean(subset, axis=0) - np.mean(reference, axis=0)
    n = len(paired)
    between, df = mean_variance(paired, questions)
    inverse_runs = 1 / len(subset) + (0.0 if reference_is_fixed else 1 / len(reference))
    least = 1 / (n + 2) ** 2 if least is None else least
    return Difference(float(paired.mean()), combined(float(between), float(df), runs, inverse_runs, least))


class Adjusted(NamedTuple):
    """One p-value of a family after Holm's procedure."""

    p_holm: float
    alpha: float
    """The level at which Holm decided it: that of its own step, or of the step at which the procedure stopped."""


def holm(p_values: Sequence[float], alpha: float) -> list[Adjusted]:
    """Adjust a family's p-values by Holm's step-down procedure.

    The i-th smallest of m is tested at alpha / (m - i + 1) until one fails; that one and all larger ones are decided at
    the failing step's level. An interval at the level of decision leaves out 0 exactly when the verdict is claimed.
    """
    from statsmodels.stats.multitest import multipletests

    p_holm = multipletests(p_values, alpha=alpha, method="holm")[1]
    m, claimed = len(p_values), int(np.sum(p_holm < alpha))
    step = {int(place): i for i, place in enumerate(np.argsort(p_values, kind="stable"))}
    return [Adjusted(float(p_holm[k]), alpha / (m - min(step[k], claimed, m - 1))) for k in range(m)]


NOTHING = "no detectable difference"


def verdict(difference: float, p_holm: float, alpha: float, words: tuple[str, str] = ("better", "worse")) -> str:
    """Return a verdict: one of two words for more and less, or no detectable difference."""
    return NOTHING if p_holm >= alpha else words[difference < 0]


def mcnemar(subset: Floats, reference: Floats) -> tuple[int, int, float]:
    """Return how many questions only one of two arms answers (arrays of 0 and 1), and McNemar's exact p."""
    from scipy import stats

    only_subset = int(np.sum((subset == 1) & (reference == 0)))
    only_reference = int(np.sum((subset == 0) & (reference == 1)))
    discordant = only_subset + only_reference
    p = float(stats.binomtest(only_subset, discordant, 0.5).pvalue) if discordant else 1.0
    return only_subset, only_reference, p
