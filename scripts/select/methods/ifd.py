"""IFD, instruction-following difficulty: how little the question helps a model to expect the response."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from scripts.common.config.measures import ByModel, Losses, Measure
from scripts.select.methods.ranked import Ranked
from scripts.select.selection import Source

if TYPE_CHECKING:
    import polars as pl


class Ifd(Ranked, ByModel):
    """Rows by instruction-following difficulty (Cherry_LLM, arXiv:2308.12032): the mean loss of the response after its
    question, divided by that of the same tokens alone. Two forward passes a row."""

    method: Literal["ifd"]
    below_one: bool = True
    """take: top or bottom: leave out rows whose ratio is 1 or more, to which the question is no help at all, as the
    paper does. Controls may draw them."""

    def measures(self) -> Mapping[str, Measure]:
        return {"losses": Losses.by(self, of="response"), "losses_alone": Losses.by(self, of="alone")}

    def scores(self, source: Source) -> "pl.DataFrame":
        import polars as pl

        from scripts.select.tables import LOSSES

        after, alone = source.table(LOSSES, "losses"), source.table(LOSSES, "losses_alone")
        both = after.join(alone.select("id", alone="nll", other="reason"), on="id", how="inner", maintain_order="left")
        reason = pl.coalesce("reason", "other", pl.when(pl.col("alone") == 0).then(pl.lit("no loss alone")))
        return both.select("id", score=pl.col("nll") / pl.col("alone"), reason=reason)

    def _at_an_end(self, rows: "pl.DataFrame", name: str, seed: int) -> list[str]:
        import polars as pl

        return super()._at_an_end(rows.filter(pl.col("score") < 1) if self.below_one else rows, name, seed)

    def score_words(self) -> str:
        below = " below 1" if self.below_one and self.take != "band" else ""
        return f"instruction-following difficulty{below}, measured by {self.whose()} ([2308.12032](https://arxiv.org/abs/2308.12032))"
