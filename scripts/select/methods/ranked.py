"""What methods share that rank rows by a number: the highest, the lowest, or those in a band of it.

A method of this kind is a class of `Ranked` with two functions, `scores` and `score_words`, beside its own keys:

    class Perplexity(Ranked):
        method: Literal["perplexity"]
        needs = ("perplexities",)                     # a table of the layout, made by a rule of its own

        def scores(self, source):                     # (id, score, reason), polars
            return source.table(PERPLEXITIES, "perplexities", ["id", "score", "reason"])

        def score_words(self):
            return "perplexity of the response"

`take`, `size`, `band`, `quantiles`, `stratify` and `prune` come with it, and so do the account of rows without a score
(controls do not draw these), the sentences for mistakes, the words for cards and report, and the plan's estimate.
"""

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from scripts.common.cli import UserError
from scripts.select.methods.base import Stratified
from scripts.select.selection import Selection, Source

if TYPE_CHECKING:
    import polars as pl

NO_SCORE = "no score"
LOWEST = ("bottom", "short", "easy")
"""What `take` may be called where the lowest scores are meant."""


class Ranked(Stratified):
    """A method that ranks rows by a score, or takes a band of it."""

    # A share of the rows with a score that a band of values may hold: it is known only when they are there.
    share_of_band: ClassVar[float] = 0.5

    take: Literal["top", "bottom", "band"] = "top"
    """Which rows: those with the highest scores, the lowest, or those in a band. Of equal scores a draw decides."""
    size: int | None = Field(default=None, gt=0)
    """Number of rows; of a band as many are drawn at random (default: the whole band)."""
    band: tuple[float, float] | None = None
    """take: band: the scores between which a row is taken, both included."""
    quantiles: tuple[float, float] | None = None
    """take: band: the same by quantiles of the scores (with `stratify`: of each category or source)."""

    @field_validator("band", "quantiles")
    @classmethod
    def _bounds_in_order(cls, bounds: tuple[float, float] | None) -> tuple[float, float] | None:
        if bounds and bounds[0] > bounds[1]:
            raise ValueError(f"the bounds [{bounds[0]:g}, {bounds[1]:g}] are in the wrong order: the lower one first")
        return bounds

    @field_validator("quantiles")
    @classmethod
    def _quantiles_are_shares(cls, bounds: tuple[float, float] | None) -> tuple[float, float] | None:
        if bounds and not 0 <= bounds[0] < bounds[1] <= 1:
            raise ValueError(f"the quantiles [{bounds[0]:g}, {bounds[1]:g}] must be two different ones within 0 and 1")
        return bounds

    @model_validator(mode="after")
    def _keys_fit_together(self) -> Self:
        bounds = [name for name in ("band", "quantiles") if getattr(self, name) is not None]
        if self.take == "band" and len(bounds) != 1:
            raise ValueError("take: band needs the key `band` (two scores) or the key `quantiles`, and not both")
        if self.take != "band" and bounds:
            raise ValueError(f"`{bounds[0]}` goes with take: band, and here it is take: {self.take}")
        if self.take != "band" and self.size is None:
            raise ValueError(f"take: {self.take} needs the key `size`, the number of rows")
        return self

    @abstractmethod
    def scores(self, source: Source) -> "pl.DataFrame":
        """Return (id, score, reason): rows that have a score, a finite number, and maybe rows that have none and why.

        Each id stands once. Rows of the clean pool that are not there have no score either; others do not matter.
        """

    @abstractmethod
    def score_words(self) -> str:
        """Return what the score is, in words that may follow "the highest"."""

    def pool_scores(self, source: Source) -> "pl.DataFrame":
        """Return (id, score, reason) of every clean row, in the pool's order; where there is a reason, no score."""
        import polars as pl

        found = self.scores(source).select("id", pl.col("score").cast(pl.Float64), "reason")
        rows = source.pool("id").join(found, on="id", how="left", maintain_order="left")
        known = pl.col("score").is_finite().fill_null(False) & pl.col("reason").is_null()
        reason = pl.when(~known).then(pl.col("reason").fill_null(NO_SCORE))
        return rows.select("id", score=pl.when(known).then("score"), reason=reason)

    def unfit(self, source: Source) -> "pl.DataFrame":
        return self.pool_scores(source).drop_nulls("reason").select("id", "reason")

    def select(self, source: Source, name: str, seed: int) -> Selection:
        import polars as pl

        scores = self.pool_scores(source).select("id", "score")
        rows = self.candidates(source).join(scores, on="id", how="left", maintain_order="left")
        rows = rows.filter(pl.col("reason").is_null()).select("id", "stratum", "score")
        if self.take == "band":
            return Selection(self._in_band(rows, name, seed))
        return Selection(self._at_an_end(rows, name, seed))

    def _at_an_end(self, rows: "pl.DataFrame", name: str, seed: int) -> list[str]:
        """Return the ids of the highest or lowest scores, of each stratum in proportion to its rows."""
        from scripts.common.seeds import derive_seed
        from scripts.select.subset import allot, count_strata

        assert self.size is not None  # _keys_fit_together
        if self.size > len(rows):
            raise UserError(
                f"subset '{name}' asks for {self.size} rows, and {len(rows)} rows of the clean pool have a score: "
                "lower its size, or give more rows a score"
            )
        drawn = rows.sample(fraction=1.0, shuffle=True, seed=derive_seed(seed, "ties", name))
        ranked = drawn.sort("score", descending=self.take not in LOWEST, maintain_order=True)
        sizes = allot(self.size, count_strata(rows))
        parts = ranked.partition_by("stratum", maintain_order=True)
        return [identity for part in parts for identity in part["id"].head(sizes[part["stratum"][0]])]

    def _in_band(self, rows: "pl.DataFrame", name: str, seed: int) -> list[str]:
        """Return the ids between the bounds, a draw of `size` of them."""
        import polars as pl

        from scripts.select.subset import draw_rows

        inside = []
        for part in rows.partition_by("stratum", maintain_order=True):
            low, high = self.band or (part["score"].quantile(q, "linear") for q in self.quantiles or (0.0, 1.0))
            inside.append(part.filter(pl.col("score").is_between(low, high)))
        found = pl.concat([rows.head(0), *inside]).select("id", "stratum")
        in_order = rows.select("id").join(found, on="id", how="inner", maintain_order="left")
        return draw_rows(in_order, self.size, seed, name)

    def describe(self) -> str:
        what = self.score_words()
        if self.take != "band":
            ends = "lowest" if self.take in LOWEST else "highest"
            return f"The {self.size:,} rows with the {ends} {what}{self.within()}; a draw decides among equals."
        low, high = self.band or self.quantiles or (0.0, 1.0)
        bounds = f"{low:g} and {high:g}" if self.band else f"its quantiles {low:g} and {high:g}"
        drawn = f", of which {self.size:,} are drawn at random{self.within()}" if self.size else ""
        return f"The rows whose {what} lies between {bounds}{drawn}."

    def by_chance(self) -> bool:
        return self.take == "band" and self.size is not None

    def expected_rows(self, clean: float, scored: float) -> float:
        low, high = self.quantiles or (0.0, self.share_of_band)
        inside = (high - low) * clean
        return min(self.size, clean if self.take != "band" else inside) if self.size else inside
