"""The variance between training runs, moderated across the benchmarks of one experiment.

Few runs tell little of how much runs vary, but all benchmarks of an experiment were answered by the same runs. Source:
Smyth 2004 (Linear models and empirical Bayes methods, section 6.2), as limma's fitFDist. Three things differ, each by
simulation (perf/calibration.py, docs/statistics.md): what is alike between benchmarks is the variance that is left
without the luck of answers; how alike they are is taken at the cautious end of what so few of them show; and benchmarks
that rise and fall together count as fewer. Nothing of another experiment enters.

All functions take arrays with any leading axes; the last ones are benchmarks.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from scripts.compare.answer_matrix import Arm
from scripts.compare.variance import FEWEST_RUN_DF, Floats, Questions, RunVariance, RunVariances, run_variance

FEWEST_OF_A_KIND = 2
CAUTION = 0.1  # how often the spread of the benchmarks' variances is larger than it is taken for


class Prior(NamedTuple):
    """A scaled F distribution of variances: what other benchmarks say of one."""

    scale: Floats
    df: Floats
    """Infinite where the variances differ no more than their own degrees of freedom make them."""


def trigamma_inverse(values: Floats) -> Floats:
    """Return y with trigamma(y) = `values` (> 0), by Newton's method on 1 / trigamma (Smyth 2004, appendix)."""
    from scipy.special import polygamma

    y = 0.5 + 1 / values
    for _ in range(50):
        trigamma = polygamma(1, y)
        step = trigamma * (1 - trigamma / values) / polygamma(2, y)
        y = y + step
        if np.all(-step < 1e-10 * y):
            break
    return np.asarray(y)


def fit_f_dist(variances: Floats, df: Floats | float, caution: float | None = None) -> Prior:
    """Fit variances (..., benchmarks) of `df` degrees of freedom each by s0^2 F(df, d0), from moments of logs.

    As limma's fitFDist: var(log s^2) - mean trigamma(df / 2) = trigamma(d0 / 2), and the mean of the variances where
    that is not above zero. NaN is a benchmark that says nothing. With `caution`, d0 is that of the upper 1 - caution
    limit of var(log s^2), as if the logs were normal.
    """
    from scipy.special import digamma, polygamma
    from scipy.stats import chi2

    half = np.broadcast_to(np.asarray(df, float) / 2, variances.shape)
    used = ~np.isnan(variances)
    number = used.sum(-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        logs = np.where(used, np.log(np.where(used, variances, 1.0)) - digamma(half) + np.log(half), 0.0)
        centre = logs.sum(-1) / number
        spread = np.where(used, (logs - centre[..., None]) ** 2, 0.0).sum(-1) / (number - 1)
        if caution is not None:
            spread = spread * (number - 1) / chi2.ppf(caution, number - 1)
        excess = spread - np.where(used, polygamma(1, half), 0.0).sum(-1) / number
        mean = np.where(used, variances, 0.0).sum(-1) / number
    fitted = excess > 1e-9
    d0 = np.where(fitted, 2 * trigamma_inverse(np.where(fitted, excess, 1.0)), np.inf)
    finite = np.where(fitted, d0, 2.0)
    return Prior(np.where(fitted, np.exp(centre + digamma(finite / 2) - np.log(finite / 2)), mean), d0)


def effective_number(covariance: Floats, df: float) -> Floats:
    """Return how many independent benchmarks (..., b, b) of covariances of `df` degrees of freedom are worth: (...).

    It is tr(S)^2 / tr(S^2), the latter without the bias of so few degrees of freedom (Srivastava 2005), from 1 to b.
    """
    trace = np.trace(covariance, axis1=-2, axis2=-1)
    squares = df**2 / ((df - 1) * (df + 2)) * ((covariance**2).sum((-2, -1)) - trace**2 / df)
    most = covariance.shape[-1]
    with np.errstate(invalid="ignore", divide="ignore"):
        number = np.where(squares > trace**2 / most, trace**2 / squares, most)
    return np.clip(np.nan_to_num(number, nan=most), 1, most)


class Moderated(NamedTuple):
    """Variances of run means (..., b), and their degrees of freedom with what other benchmarks add (..., b)."""

    variance: Floats
    df: Floats


def moderated(covariance: Floats, noise: Floats, df: int, grain: Floats) -> Moderated:
    """Moderate the variances of run means (the diagonal of `covariance`, (..., b, b), `df` degrees of freedom).

    `noise` (..., b) is the luck of single answers in them, which shrinks with the number of questions and is well
    known; `grain` (b,) is the step in which a run mean moves. Variances are held against noise + t^2, with t^2 the mean
    over benchmarks of what is left without noise: s~^2 = (v s^2 + d0 s0^2) / (v + d0), with d0 at most v (b_eff - 1).
    """
    rounding = grain**2 / 12
    own = np.diagonal(covariance, axis1=-2, axis2=-1) + rounding
    if own.shape[-1] < 2:
        return Moderated(own, np.full(own.shape, float(df)))
    left = np.maximum((own - noise).mean(-1, keepdims=True), 0.0)
    expected = noise + left + rounding
    ratio = own / expected
    # Where no answer changed between runs nothing is seen of how much runs vary.
    prior = fit_f_dist(np.where(noise > 0, ratio, np.nan), df, CAUTION)
    root = np.sqrt(expected)
    number = effective_number(covariance / (root[..., :, None] * root[..., None, :]), df)
    d0 = np.minimum(np.nan_to_num(prior.df, nan=0.0, posinf=np.inf), df * (number - 1))[..., None]
    mean = ratio.mean(-1, keepdims=True)
    return Moderated(expected * (df * ratio + d0 * mean) / (df + d0), np.broadcast_to(df + d0, own.shape))


def runs_by_kind(
    arms: Mapping[str, Sequence[Arm]], designs: Mapping[str, Questions], relative: bool = False
) -> dict[str, RunVariances]:
    """Return the variances between runs by benchmark and kind of arm, moderated within each kind (run_variances).

    Of several kinds one has few degrees of freedom: it is moderated from FEWEST_OF_A_KIND on.
    """
    kinds = dict.fromkeys(arm.kind for found in arms.values() for arm in found)
    fewest = FEWEST_RUN_DF if len(kinds) == 1 else FEWEST_OF_A_KIND
    of_kind = {
        kind: run_variances(
            {name: [a for a in found if a.kind == kind] for name, found in arms.items()}, designs, relative, fewest
        )
        for kind in kinds
    }
    return {name: RunVariances.of({kind: of_kind[kind][name] for kind in kinds}) for name in arms}


def pooled_by_kind(arms: Iterable[Arm], questions: Questions) -> RunVariances:
    """Return the variances between the runs of trained arms by their kind, of one benchmark or average."""
    found = list(arms)
    kinds = dict.fromkeys(arm.kind for arm in found)
    return RunVariances.of(
        {kind: run_variance([arm.means for arm in found if arm.kind == kind], questions) for kind in kinds}
    )


def run_variances(
    arms: Mapping[str, Sequence[Arm]],
    designs: Mapping[str, Questions],
    relative: bool = False,
    fewest: int = FEWEST_RUN_DF,
) -> dict[str, RunVariance]:
    """Return the variance between runs by benchmark, moderated where the experiment has runs enough to know it.

    `arms` are the trained ones by benchmark. `relative`: a measure without a scale of its own, such as tokens, whose
    variances are alike as shares of its mean. `fewest`: the degrees of freedom that moderation takes.
    """
    own = {name: run_variance([arm.means for arm in found], designs[name]) for name, found in arms.items()}
    names = [name for name, runs in own.items() if runs.df >= fewest]
    if len(names) < 2:
        return own
    df = min(own[name].df for name in names)
    scale = [np.mean([arm.means.mean() for arm in arms[name]]) if relative else 1.0 for name in names]
    if not all(scale):
        return own
    deviations = {
        name: _run_deviations(arms[name]) / np.sqrt(own[name].df) / unit
        for name, unit in zip(names, scale, strict=True)
    }
    wide = pd.DataFrame(deviations).fillna(0.0).to_numpy()
    noise = np.array([own[name].noise for name in names]) / np.square(scale)
    grain = np.array([arms[name][0].grain for name in names]) / scale
    variance, total = moderated(wide.T @ wide, noise, df, grain)
    moderate = {
        name: own[name]._replace(variance=float(variance[k] * scale[k] ** 2), df=df, prior_df=float(total[k] - df))
        for k, name in enumerate(names)
    }
    return own | moderate


def _run_deviations(arms: Sequence[Arm]) -> "pd.Series[float]":
    """Return how far each run's score is from its arm's, by model."""
    return pd.Series(
        {m: s - arm.run_scores.mean() for arm in arms for m, s in zip(arm.models, arm.run_scores, strict=True)}
    )
