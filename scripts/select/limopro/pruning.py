"""What LIMOPro's method computes: which steps of a chain go, and which rows lie in the band of the sample score."""

from collections.abc import Sequence
from fractions import Fraction
from math import floor

import numpy as np
import polars as pl


def prune_count(steps: int, ratio: float) -> int:
    """Return how many of `steps` functional steps a ratio removes: the product rounded half up, in exact arithmetic.

    The paper leaves the rounding open; with floor, a ratio of 0.3 would prune nothing in a pattern of three.
    """
    return floor(steps * Fraction(str(ratio)) + Fraction(1, 2))


def lowest_impact(scores: pl.DataFrame, ratio: float) -> pl.DataFrame:
    """Return (id, step) of the steps to remove: per chain and pattern the lowest-PIR share, of a tie the later ones."""
    ranked = scores.sort("id", "pattern", "pir", "step", descending=[False, False, False, True], maintain_order=True)
    groups = ranked.group_by("id", "pattern", maintain_order=True).agg("step")
    removed = [steps[: prune_count(len(steps), ratio)] for steps in groups["step"].to_list()]
    chosen = groups.with_columns(pl.Series("step", removed, dtype=pl.List(pl.Int64)))
    return chosen.filter(pl.col("step").list.len() > 0).explode("step").select("id", "step").sort("id", "step")


def random_steps(counts: pl.DataFrame, scores: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Return (id, step) of random steps: per chain and pattern as many as `counts` (id, pattern, count) says."""
    shuffled = scores.sort("id", "step").sample(fraction=1.0, shuffle=True, seed=seed)
    drawn = shuffled.join(counts, on=["id", "pattern"], how="inner")
    rank = pl.int_range(pl.len()).over("id", "pattern")
    return drawn.filter(rank < pl.col("count")).select("id", "step").sort("id", "step")


def band_rows(samples: pl.DataFrame, score: str, band: Sequence[float]) -> list[str]:
    """Return the ids whose sample score lies between two quantiles of the scored rows (linear interpolation).

    Rows without that score (no functional step, or not scored) are outside every band.
    """
    scored = samples.filter(pl.col(score).is_not_null())
    if scored.is_empty():
        return []
    low, high = np.quantile(scored[score].to_numpy(), band)
    return scored.filter(pl.col(score).is_between(low, high))["id"].to_list()
