"""The first family: every method against random rows on one target, the first named average or the only benchmark.

All are held against random rows, most against the same ones, and the same runs tell how much runs vary: the differences
are correlated and their variances common. So they are adjusted as Dunnett (1955) does, by the largest of |t| of a
multivariate t, here with the covariance that questions and shared arms give. Where variances are not common, by Holm.
"""

from collections.abc import Sequence
from math import sqrt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from scripts.compare.statistics import Difference, holm
from scripts.compare.variance import Floats, Questions, RunVariance, mean_variance

if TYPE_CHECKING:
    from scripts.compare.answer_matrix import Arm

DRAWS = 200_000  # of the multivariate t: 0.05 is known to 0.0005
SEED = 1955
FEWEST = 200  # draws above |t| from which on they tell its p; with fewer Bonferroni's is used, which hardly differs


class Held(NamedTuple):
    """A method and the random rows that it is held against."""

    subset: "Arm"
    reference: "Arm"
    found: Difference
    runs: RunVariance
    """How much the runs of the two vary (RunVariances.between)."""
    design: Questions
    control: RunVariance | None = None
    """How much the runs of the random rows do; None: as `runs` says."""


class Adjusted(NamedTuple):
    """What is said of one of them."""

    p_value: float
    ci_low: float
    ci_high: float


class Family(NamedTuple):
    """The family as a whole."""

    correction: str
    """dunnett, or holm."""
    adjusted: list[Adjusted]
    best_bias: float
    """By how much the best of them is above its true difference where all true differences are equal, in score."""


def covariance(family: Sequence[Held]) -> Floats:
    """Return the covariance (m, m) of the differences: over questions, and of the runs of arms that they share."""
    paired = [held.subset.means.mean(axis=0) - held.reference.means.mean(axis=0) for held in family]
    found = np.diag([held.found.variance.total for held in family]).astype(float)
    for i, a in enumerate(family):
        for j, b in enumerate(family[:i]):
            plus, minus = (mean_variance(paired[i] + sign * paired[j], a.design)[0] for sign in (1, -1))
            control = a.control or a.runs
            shared = control.proper / len(a.reference.models) if a.reference.name == b.reference.name else 0.0
            found[i, j] = found[j, i] = float(plus - minus) / 4 + (shared if a.runs.known else 0.0)
    return found


def correlation(of: Floats) -> Floats:
    """Return the correlations (m, m) of a covariance, as near to it as correlations can be."""
    scale = np.sqrt(np.diag(of))
    found = np.clip(of / np.outer(scale, scale), -1, 1)
    values, vectors = np.linalg.eigh(found)
    mended = (vectors * np.clip(values, 0, None)) @ vectors.T
    scale = np.sqrt(np.diag(mended))
    return np.asarray(mended / np.outer(scale, scale))


def _normals(correlations: Floats, rng: np.random.Generator) -> Floats:
    values, vectors = np.linalg.eigh(correlations)
    root = vectors * np.sqrt(np.clip(values, 0, None))
    return np.asarray(rng.standard_normal((DRAWS, len(correlations))) @ root.T)


def largest(correlations: Floats, df: float) -> Floats:
    """Return draws of the largest |t| of a multivariate t, sorted; the same ones whenever they are asked for."""
    rng = np.random.default_rng(SEED)
    scale = np.sqrt(rng.chisquare(df, (DRAWS, 1)) / df)
    return np.sort(np.abs(_normals(correlations, rng) / scale).max(axis=1))


def adjusted_p(t: float, p_value: float, number: int, draws: Floats) -> float:
    """Return the adjusted p of a statistic of `number`: the share of draws of `largest` above it."""
    above = len(draws) - int(np.searchsorted(draws, abs(t)))
    return above / len(draws) if above >= FEWEST else min(number * p_value, FEWEST / len(draws))


def best_bias(of: Floats) -> float:
    """Return the expected largest of normal errors with a covariance: what choosing the best adds to its difference."""
    if len(of) < 2:
        return 0.0
    rng = np.random.default_rng(SEED)
    return float((_normals(correlation(of), rng) * np.sqrt(np.diag(of))).max(axis=1).mean())


def decide(family: Sequence[Held], alpha: float) -> Family:
    """Adjust a family of differences on one target; an interval leaves out 0 exactly where its p is below alpha."""
    of = covariance(family)
    bias = best_bias(of)
    if len({held.runs for held in family}) > 1:
        levels = holm([held.found.p_value for held in family], alpha)
        pairs = zip(family, levels, strict=True)
        said = [Adjusted(level.p_holm, *held.found.interval(level.alpha)) for held, level in pairs]
        return Family("holm", said, bias)
    df = min(held.found.df for held in family)
    draws = largest(correlation(of), df)
    factor = float(draws[int(np.ceil((1 - alpha) * len(draws))) - 1])
    said = []
    for held in family:
        difference, se = held.found.difference, sqrt(held.found.variance.total)
        single = Difference(difference, held.found.variance._replace(df=df)).p_value
        p = adjusted_p(difference / se if se else 0.0, single, len(family), draws)
        said.append(Adjusted(p, difference - factor * se, difference + factor * se))
    return Family("dunnett", said, bias)
