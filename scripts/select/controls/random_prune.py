"""The control `random_prune`: the subset's rows, as many functional steps per chain and pattern left out at random."""

import polars as pl

from scripts.common.seeds import derive_seed
from scripts.select.limopro.orphans import needed_pairs
from scripts.select.limopro.pruning import random_steps
from scripts.select.selection import Selection, Source
from scripts.select.tables import STEP_SCORES


def draw(source: Source, subset: pl.DataFrame, seeds: tuple[str | int, ...]) -> Selection:
    """Return the subset's rows, and steps drawn among those that were scored and that a cut may take."""
    ids = subset["id"].to_list()
    scores = source.table(STEP_SCORES, "scores").filter(pl.col("id").is_in(ids))
    # What the subset may not cut is not drawn either: else the control would tell of that rule, and not of PIR.
    free = scores.join(needed_pairs(ids, source.path("steps")), on=["id", "step"], how="anti")
    return Selection(ids, random_steps(pruned_counts(subset, scores), free, derive_seed(*seeds)))


def pruned_counts(subset: pl.DataFrame, scores: pl.DataFrame) -> pl.DataFrame:
    """Return (id, pattern, count): how many functional steps of each pattern the subset lost."""
    removed = subset.select("id", step="pruned_steps").explode("step").drop_nulls()
    patterns = scores.select("id", "step", "pattern")
    return removed.join(patterns, on=["id", "step"], how="inner").group_by("id", "pattern").agg(count=pl.len())
