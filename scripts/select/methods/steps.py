"""Rows by the steps of their chains: how many there are, and what share of them verifies or is functional."""

from typing import TYPE_CHECKING, ClassVar, Literal

from scripts.select.methods.ranked import Ranked
from scripts.select.selection import Source

if TYPE_CHECKING:
    import polars as pl

BATCH = 100_000
MEASURES = {
    "verification_share": "share of verification steps in the chain",
    "functional_share": "share of functional steps in the chain",
    "steps": "number of steps in the chain",
}


class Steps(Ranked):
    """Rows by the steps of their chains, which are cut for it and not scored."""

    needs: ClassVar[tuple[str, ...]] = ("steps",)
    method: Literal["steps"]
    measure: Literal["verification_share", "functional_share", "steps"]
    """By what: the share of verification steps, the share of all functional steps (verification, multi-method
    validation and error correction), or the number of steps. Rows that are not cut (without a final answer, or outside
    the draw of pool.score_rows) cannot be taken."""

    def scores(self, source: Source) -> "pl.DataFrame":
        import polars as pl

        counts = step_counts(source)
        number = pl.col("number")
        share = {"verification_share": pl.col("verification"), "functional_share": pl.col("functional")}
        value = share[self.measure] / number if self.measure in share else number
        found = source.pool("id", "answer").join(counts, on="id", how="left", maintain_order="left")
        unanswered = pl.when(pl.col("answer").is_null()).then(pl.lit("no final answer"))
        return found.select(
            "id",
            score=value.cast(pl.Float64),
            reason=pl.when(number.is_null()).then(unanswered.otherwise(pl.lit("not cut into steps"))),
        )

    def score_words(self) -> str:
        return MEASURES[self.measure]


def step_counts(source: Source) -> "pl.DataFrame":
    """Return (id, number, functional, verification): the steps of each chain that was cut, read piece by piece."""
    import polars as pl

    from scripts.common.tables import iterate_table
    from scripts.select.limopro.patterns import PROGRESSIVE
    from scripts.select.tables import STEPS

    counts = [pl.col(name).sum() for name in ("number", "functional", "verification")]
    parts = []
    for batch in iterate_table(STEPS, source.path("steps"), BATCH, ["id", "pattern"]):
        steps = pl.DataFrame(batch).select(
            "id",
            number=pl.lit(1, pl.Int64),
            functional=(pl.col("pattern") != PROGRESSIVE).cast(pl.Int64),
            verification=(pl.col("pattern") == "verification").cast(pl.Int64),
        )
        parts.append(steps.group_by("id", maintain_order=True).agg(counts))
    empty = {"id": pl.String, "number": pl.Int64, "functional": pl.Int64, "verification": pl.Int64}
    # A chain that a batch's end cuts is in two parts.
    return pl.concat([pl.DataFrame(schema=empty), *parts]).group_by("id", maintain_order=True).agg(counts)
