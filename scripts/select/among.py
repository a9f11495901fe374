"""The table of what rows are drawn from: the whole clean pool, or the part of it that methods of a kind can take.

Subsets that draw from the same rows share their random controls (scripts/common/config/arms.py), so that a method says
which by a name here. One whose rows only its own file knows has none, and controls of its own.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from scripts.select.selection import Source

if TYPE_CHECKING:
    import polars as pl


class Among(NamedTuple):
    """Rows that can be drawn."""

    words: str
    """Which they are, behind 'random rows'; empty for all of the clean pool."""
    needs: tuple[str, ...] = ()
    """The files beside the clean pool that tell them, by their names in the layout."""
    unfit: "Callable[[Source], pl.DataFrame] | None" = None
    """What returns (id, reason) of the other clean rows; None where there are none."""


def _without(column: str) -> "Callable[[Source], pl.DataFrame]":
    """Return the function that finds rows without a score, and why they have none; `column` is the score's."""

    def unfit(source: Source) -> "pl.DataFrame":
        import polars as pl

        from scripts.select.tables import SAMPLES

        samples = source.table(SAMPLES, "samples").select("id", long="reason", score=column)
        rows = source.pool("id", "answer").join(samples, on="id", how="left", maintain_order="left")
        drawn = pl.col("id").is_in(samples["id"].implode())
        reasons = {
            "no final answer": pl.col("answer").is_null(),
            "not drawn for scoring": ~drawn,
            "longer than the scorer's context": pl.col("long").is_not_null(),
            "no functional step": pl.col("score").is_null(),
        }
        reason = pl.coalesce(pl.when(lacks).then(pl.lit(why)) for why, lacks in reasons.items())
        return rows.select("id", reason=reason).drop_nulls()

    return unfit


AMONG = {
    "": Among(""),
    "scored": Among("of the scored ones", ("samples",), _without("chain_gain")),
    "pir": Among("of those with a PIR", ("samples",), _without("mean_pir")),
}
