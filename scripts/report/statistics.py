"""The statistics of the report: what an answer table says about a score and about the difference of two.

The unit is the question: s_q is the mean correctness of question q over its samples and runs. Sources: Miller,
2411.00640 (paired differences, standard errors over questions); Hochlehnert et al., 2504.07086 (training seeds vary);
Bowyer et al., 2503.01747 (small n). docs/statistics.md gives the formulas and the reasons.
"""

from collections.abc import Sequence
from math import comb, sqrt
from typing import NamedTuple

import numpy as np

from scripts.report.variance import Floats, Questions, RunVariance, Variance, combined, mean_variance


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

    def interval(self, alpha: float) -> tuple[float, float]:
        """Return the interval of level 1 - alpha from the same t procedure: it holds 0 exactly when p > alpha."""
        from scipy import stats

        half = float(stats.t.isf(alpha / 2, self.df)) * self.se
        return self.difference - half, self.difference + half


def score_interval(
    means: Floats, samples: int, alpha: float, questions: Questions, runs: RunVariance | None = None
) -> Score:
    """Return the mean of an arm's question means (runs, questions), its standard error and its interval.

    The interval is Agresti and Coull's (1998): Wilson's centre, never narrower, so that it covers at least 93% where
    Wilson's covers 91.6% (n = 30, p = 0.034). Its n is the number of questions where each was drawn by itself and
    answered once, else n_eff = p (1 - p) / SE^2, at most the number of answers. `runs` is the variance between runs;
    None for a model that was not trained and for a single run.
    """
    from scipy import stats

    n, p = means.shape[1], float(means.mean())
    between, df = mean_variance(means.mean(axis=0), questions)
    runs = runs or RunVariance(0.0, 0)
    se = sqrt(combined(float(between), float(df), runs, 1 / len(means)).total)
    spread, answers, n_eff = p * (1 - p), n * samples * len(means), float(n)
    if spread and not (answers == n and questions.simple):
        # An SE from the few questions that are not all wrong is too small. As many pseudo-questions as the interval
        # itself assumes, answered all right or all wrong, keep n_eff from running away.
        pseudo = float(stats.norm.isf(alpha / 2)) ** 2
        careful = (float(between) * float(df) + spread / n * pseudo) / (float(df) + pseudo)
        n_eff = min(spread / combined(careful, float(df), runs, 1 / len(means)).total, answers)
    low, high = agresti_coull(p, n_eff, alpha)
    return Score(p, se, low, high)


def agresti_coull(p: float, n: float, alpha: float) -> tuple[float, float]:
    """Return Agresti and Coull's interval for a share `p` of `n`."""
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(p * n, n, alpha=alpha, method="agresti_coull")
    return float(low), float(high)


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
    share = 1 / len(subset) + (0.0 if reference_is_fixed else 1 / len(reference))
    least = 1 / (n + 2) ** 2 if least is None else least
    return Difference(float(paired.mean()), combined(float(between), float(df), runs, share, least))


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


def pass_at_k(samples: int, correct: int, k: int) -> float:
    """Return 1 - C(n - c, k) / C(n, k), the unbiased chance of a right answer in k (Chen et al., 2107.03374)."""
    return 1.0 - comb(samples - correct, k) / comb(samples, k)
