"""Difficulty: how often a model answers a row's question right, or something cheaper that goes with it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from scripts.common.cli import UserError
from scripts.common.config.measures import Losses, Measure, Sampled, Sampling
from scripts.common.layout import Layout
from scripts.select.methods.ranked import Ranked
from scripts.select.selection import Selection, Source

if TYPE_CHECKING:
    import polars as pl

MIDDLE = (0.1, 0.9)
WORDS = {
    "pass_rate": "pass rate of {whose} over {samples} answers (as in [2501.12599](https://arxiv.org/abs/2501.12599))",
    "response_length": "length of the response in tokens",
    "nll": "loss of the final answer right after the question, to {whose}",
    "chain_gain": "gain of the answer's loss by the chain, to the scorer",
}


class Difficulty(Ranked, Sampled):
    """Rows by the pass rate of a model over several answers to their questions, as Kimi k1.5 (arXiv:2501.12599) and
    Big-Math (arXiv:2502.17387) measure difficulty; `top` are the easiest. Or by something cheaper: `response_length`
    (tokens of the response), `nll` (loss of the final answer right after the question), `chain_gain` (what the chain
    tells the scorer about the answer); of these `top` are the highest. Rows without a final answer are never taken."""

    share_of_band: ClassVar[float] = 0.4

    method: Literal["difficulty"]
    by: Literal["pass_rate", "response_length", "nll", "chain_gain"] = "pass_rate"
    """What says how difficult a row is."""
    take: Literal["top", "bottom", "band"] = "band"
    """Which rows: those with the highest scores, the lowest, or those in a band. Of equal scores a draw decides. A band
    is the one of `band`, `quantiles` or `target`; without any, pass rates from 0.1 to 0.9, or of what is cheaper the
    quantiles 0.1 to 0.9."""
    target: list[float] | None = Field(default=None, min_length=2, max_length=100)
    """pass_rate: shares of `size` that each of so many equally wide parts of the pass rates from 0 to 1 is to give, the
    most difficult first: [0.1, 0.4, 0.4, 0.1]."""

    @field_validator("target")
    @classmethod
    def _shares_add_up(cls, target: list[float] | None) -> list[float] | None:
        if target and (min(target) < 0 or abs(sum(target) - 1) > 1e-6):
            raise ValueError(f"the shares {target} must be 0 or more and add up to 1")
        return target

    @model_validator(mode="before")
    @classmethod
    def _a_band_by_itself(cls, keys: Any) -> Any:
        bounds = ("band", "quantiles", "target")
        if not isinstance(keys, dict) or keys.get("take", "band") != "band" or any(keys.get(key) for key in bounds):
            return keys
        return {**keys, "band" if keys.get("by", "pass_rate") == "pass_rate" else "quantiles": MIDDLE}

    @model_validator(mode="after")
    def _keys_fit_together(self) -> Self:
        if self.target is None:
            return Ranked._keys_fit_together(self)  # type: ignore[operator]
        if self.by != "pass_rate" or self.take != "band" or self.band or self.quantiles:
            raise ValueError("`target` goes with by: pass_rate and takes the place of take, band and quantiles")
        if self.size is None:
            raise ValueError("`target` needs the key `size`, the number of rows")
        return self

    def measures(self) -> Mapping[str, Measure]:
        if self.by == "pass_rate":
            return {"pass_rates": Sampling.by(self)}
        return {"losses": Losses.by(self, of="answer")} if self.by == "nll" else {}

    def inputs(self, paths: Layout, name: str) -> dict[str, Any]:
        steps = ("steps", "scores", "samples") if self.by == "chain_gain" else ()
        return super().inputs(paths, name) | {need: paths.path(need) for need in steps}

    def scores(self, source: Source) -> "pl.DataFrame":
        import polars as pl

        from scripts.select.tables import LOSSES, PASS_RATES, SAMPLES

        if self.by == "pass_rate":
            return source.table(PASS_RATES, "pass_rates").select("id", "reason", score="pass_rate")
        if self.by == "nll":
            return source.table(LOSSES, "losses").select("id", "reason", score="nll")
        if self.by == "chain_gain":
            # Each reason tells a length of its own.
            long = pl.when(pl.col("reason").is_not_null()).then(pl.lit("longer than the scorer's context"))
            return source.table(SAMPLES, "samples").select("id", reason=long, score="chain_gain")
        lengths = source.pool("id", "answer", "response_tokens")
        reason = pl.when(pl.col("answer").is_null()).then(pl.lit("no final answer"))
        return lengths.select("id", reason=reason, score="response_tokens")

    def select(self, source: Source, name: str, seed: int) -> Selection:
        if self.target is None:
            return super().select(source, name, seed)
        import polars as pl

        from scripts.select.subset import allot_shares, draw_within

        assert self.size is not None  # _keys_fit_together
        parts = len(self.target)
        rows = self.pool_scores(source).filter(pl.col("reason").is_null())
        part = (pl.col("score") * parts).floor().clip(0, parts - 1).cast(pl.Int64)
        rows = rows.select("id", stratum=part.cast(pl.String))
        wanted = dict(enumerate(allot_shares(self.size, self.target)))
        there = dict(rows.group_by("stratum").len().iter_rows())
        for number, count in wanted.items():
            if (found := there.get(str(number), 0)) < count:
                low, high = number / parts, (number + 1) / parts
                raise UserError(
                    f"subset '{name}' wants {count} rows with pass rates from {low:g} to {high:g}, there are {found}: "
                    "lower its size, or that share of its target"
                )
        sizes: dict[str | None, int] = {str(number): count for number, count in wanted.items() if count}
        return Selection(draw_within(rows, sizes, seed, name))

    def describe(self) -> str:
        if self.target is None:
            return super().describe()
        shares = ", ".join(f"{share:g}" for share in self.target)
        return f"{self.size:,} rows by the {self.score_words()}: of equal parts from 0 to 1 the shares {shares}."

    def score_words(self) -> str:
        return WORDS[self.by].format(samples=self.samples, whose=self.whose())

    def by_chance(self) -> bool:
        return self.target is not None or super().by_chance()

    def expected_rows(self, clean: float, scored: float) -> float:
        return super().expected_rows(min(clean, self.rows or clean), scored)
