"""The statistics of the report: what an answer table says about a score and about the difference of two.

The unit is the question: s_q is the mean correctness of question q over its samples and runs. Sources: Miller,
2411.00640 (paired differences, standard errors over questions); Hochlehnert et al., 2504.07086 (training seeds vary);
Bowyer et al., 2503.01747 (small n). docs/statistics.md gives the formulas and the reasons.
"""

from collections.abc import Iterable, Sequence
from math import comb, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# From this many degrees of freedom on, the variance between runs is taken as known well enough to speak of the method.
FEWEST_RUN_DF = 4


class RunVariance(NamedTuple):
    """The variance of run means within an arm, pooled over a benchmark's arms."""

    variance: float
    df: int

    @property
    def known(self) -> bool:
        return self.df >= FEWEST_RUN_DF


class Score(NamedTuple):
    """A mean over questions with its standard error and Wilson interval."""

    score: float
    se: float
    ci_low: float
    ci_high: float


class Difference(NamedTuple):
    """The mean paired difference of two arms, and the two parts of its variance."""

    difference: float
    question_variance: float
    """Squared standard error due to the questions."""
    run_variance: float
    """Squared standard error due to the runs; 0 where it is unknown."""
    df: float

    @property
    def se(self) -> float:
        return sqrt(self.question_variance + self.run_variance)

    @property
    def p_value(self) -> float:
        """Two-sided p of the t test against no difference."""
        from scipy import stats

        return float(2 * stats.t.sf(abs(self.difference) / self.se, self.df))

    def interval(self, alpha: float) -> tuple[float, float]:
        """Return the interval of level 1 - alpha from the same t procedure: it holds 0 exactly when p > alpha."""
        from scipy import stats

        half = float(stats.t.isf(alpha / 2, self.df)) * self.se
        return self.difference - half, self.difference + half


def run_variance(arms: Iterable[Floats]) -> RunVariance:
    """Pool the variance of run means over arms, each an array (runs,) of one benchmark's run scores."""
    arms = [np.asarray(arm, float) for arm in arms]
    df = sum(len(arm) - 1 for arm in arms)
    squares = sum(float(((arm - arm.mean()) ** 2).sum()) for arm in arms)
    return RunVariance(squares / df if df else 0.0, df)


def score_interval(means: Floats, samples: int, alpha: float, run_part: float = 0.0) -> Score:
    """Return the mean of the question means s_q (questions,), its standard error and its Wilson interval.

    With one sample Wilson's n is the number of questions, else n_eff = p (1 - p) / SE^2, at most the number of answers.
    `run_part` is the squared standard error due to the runs. Where all answers are equal, n_eff is the number of
    questions.
    """
    from statsmodels.stats.proportion import proportion_confint

    means = np.asarray(means, float)
    n, p = len(means), float(means.mean())
    se = sqrt(float(means.var(ddof=1)) / n + run_part)
    spread = p * (1 - p)
    if spread == 0 or (samples == 1 and run_part == 0):
        n_eff = float(n)
    else:
        n_eff = min(spread / se**2, n * samples) if se else float(n * samples)
    low, high = proportion_confint(p * n_eff, n_eff, alpha=alpha, method="wilson")
    return Score(p, se, float(low), float(high))


def paired_difference(subset: Floats, reference: Floats, runs: RunVariance, reference_is_fixed: bool) -> Difference:
    """Compare two arms on the same questions: arrays (runs, questions) of question means.

    Var = sd^2(d_q) / n + s_run^2 / R_A + s_run^2 / R_B, degrees of freedom by Welch and Satterthwaite (n - 1 and those
    of `runs`); a fixed model has no run term, and none is added where the variance between runs is unknown. The
    questions' part is at least 1 / (n + 2)^2: what Agresti and Min's pseudo-counts (2005) give where no question tells
    the arms apart, since a sample without differences is no proof that there are none.
    """
    paired = np.mean(subset, axis=0) - np.mean(reference, axis=0)
    n = len(paired)
    question_part = max(float(paired.var(ddof=1)) / n, 1 / (n + 2) ** 2)
    run_part = 0.0
    if runs.known:
        run_part = runs.variance * (1 / len(subset) + (0.0 if reference_is_fixed else 1 / len(reference)))
    df = welch_satterthwaite([(question_part, n - 1), (run_part, runs.df)])
    return Difference(float(paired.mean()), question_part, run_part, df)


def welch_satterthwaite(parts: Sequence[tuple[float, float]]) -> float:
    """Return the degrees of freedom of a sum of variances, each with its own."""
    used = [(variance, df) for variance, df in parts if variance > 0]
    return sum(variance for variance, _ in used) ** 2 / sum(variance**2 / df for variance, df in used)


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


def verdict(difference: float, p_holm: float, alpha: float) -> str:
    """Return better, worse or no detectable difference."""
    if p_holm >= alpha:
        return "no detectable difference"
    return "better" if difference > 0 else "worse"


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
