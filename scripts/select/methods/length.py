"""Rows by how long their responses are: the baseline that a method is to beat whose choice is merely longer."""

from typing import TYPE_CHECKING, Literal

from scripts.select.methods.ranked import Ranked
from scripts.select.selection import Source

if TYPE_CHECKING:
    import polars as pl


class Length(Ranked):
    """Rows by the length of their responses, in tokens of the model (Zhao et al., 2402.04833: the longest rows are a
    baseline that is hard to beat)."""

    method: Literal["length"]
    take: Literal["short", "long", "band"]  # type: ignore[assignment]  # words of its own for the two ends
    """Which rows: those with the shortest responses, the longest, or those in a band of tokens."""

    def among(self) -> str:
        return ""  # every row has a length

    def scores(self, source: Source) -> "pl.DataFrame":
        import polars as pl

        rows = source.pool("id", "response_tokens")
        return rows.select("id", score="response_tokens", reason=pl.lit(None, pl.String))

    def score_words(self) -> str:
        return "number of tokens in the response"
