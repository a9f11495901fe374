"""Perplexity: how surprising a response is to a model that has read its question."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from scripts.common.config.measures import ByModel, Losses, Measure
from scripts.select.methods.ranked import Ranked
from scripts.select.selection import Source

if TYPE_CHECKING:
    import polars as pl


class Perplexity(Ranked, ByModel):
    """Rows by the perplexity of their response after its question, as Marion et al. (arXiv:2309.04564) prune
    pretraining data: one forward pass a row. Whether low, high or middling ones train best differs by data and model:
    say which by `take`."""

    method: Literal["perplexity"]

    def measures(self) -> Mapping[str, Measure]:
        return {"losses": Losses.by(self, of="response")}

    def scores(self, source: Source) -> "pl.DataFrame":
        import polars as pl

        from scripts.select.tables import LOSSES

        return source.table(LOSSES, "losses").select("id", pl.col("nll").exp().alias("score"), "reason")

    def score_words(self) -> str:
        return f"perplexity of the response to {self.whose()} ([2309.04564](https://arxiv.org/abs/2309.04564))"
