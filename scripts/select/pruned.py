"""`prune` of a subset: of the rows that any method chose, the steps that the answer feels least are left out."""

import polars as pl

from scripts.common.cli import UserError
from scripts.select.limopro.orphans import mend_pairs
from scripts.select.limopro.pruning import lowest_impact
from scripts.select.selection import Selection, Source
from scripts.select.tables import SAMPLES, STEP_SCORES


def pruned(selection: Selection, source: Source, ratio: float, name: str) -> Selection:
    """Return the selection without the share `ratio` of each chain's functional steps of a pattern, as LIMOPro has it.

    Rows whose steps were not scored stay whole and are counted. Raises UserError where no row has scored steps.
    """
    ids = source.pool("id")["id"].to_list() if selection.ids is None else selection.ids
    samples = source.table(SAMPLES, "samples", ["id", "reason"])
    scored = len(samples.filter(pl.col("id").is_in(ids), pl.col("reason").is_null()))
    if not scored:
        raise UserError(
            f"subset '{name}': none of its {len(ids)} rows has scored steps, so there is nothing to prune: raise "
            "pool.score_rows, or leave `prune` out"
        )
    scores = source.table(STEP_SCORES, "scores").filter(pl.col("id").is_in(ids))
    steps, account = mend_pairs(lowest_impact(scores, ratio), source.path("steps"))
    rows = {"scored": scored, "whole": len(ids) - scored}
    return Selection(selection.ids, steps, {**selection.facts, "orphans": account._asdict(), "prune": rows})
