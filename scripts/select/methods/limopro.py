"""LIMOPro: the steps that the answer feels least are left out, and rows are drawn from a band of a chain's score."""

from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator

from scripts.common.cli import UserError
from scripts.select.methods.base import Band, Method, Pruning, Stratified
from scripts.select.selection import Selection, Source

if TYPE_CHECKING:
    import polars as pl

Ratio = Annotated[float, Field(ge=0, le=1)]


class Limopro(Stratified):
    """LIMOPro: functional steps of low perplexity impact are pruned, rows in a band of the sample score are kept."""

    needs: ClassVar[tuple[str, ...]] = ("steps", "scores", "samples")
    method: Literal["limopro"]
    size: int | None = Field(default=None, gt=0)
    """Number of rows drawn from the band (default: the whole band)."""
    prune_ratio: Ratio | list[Ratio] = 0.3
    """Share of a chain's functional steps that is removed, for each pattern, those with the lowest PIR first. A list is
    a sweep: it stands for as many subsets, named {subset}-p{percent}, of the same rows, which share their controls of
    random and of unpruned rows."""
    sample_score: Literal["chain_gain", "mean_pir"] = "mean_pir"
    """What the band is taken on: chain_gain, what the whole chain tells about the answer; mean_pir, the mean over the
    functional steps."""
    drawn_as: str | None = None
    """The name that seeds the draw of `size` rows (default: the subset's own). The subsets of a sweep have the sweep's
    name here, so that they hold the same rows and differ in nothing but the pruning."""
    band: tuple[float, float] = (0.0, 1.0)
    """Quantiles of the sample score over the scored rows (with `stratify`: of each category or source) between which a
    row is kept."""

    @field_validator("prune", mode="before")
    @classmethod
    def _prunes_by_itself(cls, prune: Any) -> None:
        if prune is not None:
            raise ValueError("limopro prunes by prune_ratio: leave `prune` out")

    @field_validator("prune_ratio", mode="before")
    @classmethod
    def _ratios_are_shares(cls, ratio: Any) -> Any:
        ratios = ratio if isinstance(ratio, list) else [ratio]
        if not ratios or any(type(one) not in (int, float) or not 0 <= one <= 1 for one in ratios):
            raise ValueError(f"{ratio!r} is neither a share between 0 and 1 nor a list of such shares (a sweep)")
        if isinstance(ratio, list):
            _check_sweep(ratios)
        return ratio

    @field_validator("band")
    @classmethod
    def _band_in_order(cls, band: tuple[float, float]) -> tuple[float, float]:
        low, high = band
        if not 0 <= low < high <= 1:
            raise ValueError(f"the band [{low:g}, {high:g}] must be two quantiles, the lower one first, within 0 and 1")
        return band

    def among(self) -> str:
        return {"chain_gain": "scored", "mean_pir": "pir"}[self.sample_score]

    def select(self, source: Source, name: str, seed: int) -> Selection:
        from scripts.select.limopro.orphans import mend_pairs
        from scripts.select.tables import SAMPLES, STEP_SCORES

        scores, samples = source.table(STEP_SCORES, "scores"), source.table(SAMPLES, "samples")
        strata = self.candidates(source).select("id", "stratum")
        samples = samples.join(strata, on="id", how="left", maintain_order="left")
        chosen = self.select_scored(scores, samples, name, seed)
        assert chosen.pruned is not None
        pruned, account = mend_pairs(chosen.pruned, source.path("steps"))
        return Selection(chosen.ids, pruned, {"orphans": account._asdict()})

    def select_scored(self, scores: "pl.DataFrame", samples: "pl.DataFrame", name: str, seed: int) -> Selection:
        """Return the ids in the band (a draw of `size` of them) and the steps to leave out."""
        import polars as pl

        from scripts.select.limopro.pruning import band_rows, lowest_impact
        from scripts.select.subset import draw_rows

        if isinstance(self.prune_ratio, list):
            raise UserError(f"subset '{name}' has several prune ratios: they make as many subsets, draw one at a time")
        if "stratum" not in samples.columns:
            samples = samples.with_columns(stratum=pl.lit(None, pl.String))
        strata = samples.partition_by("stratum", maintain_order=True)
        inside = [identity for part in strata for identity in band_rows(part, self.sample_score, self.band)]
        rows = samples.filter(pl.col("id").is_in(inside)).select("id", "stratum")
        ids = draw_rows(rows, self.size, seed, self.drawn_as or name)
        return Selection(ids, lowest_impact(scores.filter(pl.col("id").is_in(ids)), self.prune_ratio))

    def describe(self) -> str:
        low, high = self.band
        return (
            "LIMOPro ([2505.19187](https://arxiv.org/abs/2505.19187)): rows whose sample score "
            f"(`{self.sample_score}`) lies between the quantiles {low:g} and {high:g} of the scored rows"
            f"{self.within()}; in each chain the share {self.pruning().ratio:g} of the functional steps of each "
            "pattern, those whose absence the answer feels least, was removed."
        )

    def by_chance(self) -> bool:
        return self.size is not None

    def expected_rows(self, clean: float, scored: float) -> float:
        inside = (self.band[1] - self.band[0]) * scored
        return min(self.size, inside) if self.size else inside

    def pruning(self) -> Pruning:
        """Return how steps are left out. Raises ValueError for a sweep, which is several subsets."""
        if isinstance(self.prune_ratio, list):
            raise ValueError("a sweep has several prune ratios: expand it")
        return Pruning(self.prune_ratio, self.drawn_as)

    def draws_from(self) -> Band | None:
        return None if self.stratify else Band(self.sample_score, self.band)

    def expand(self, name: str) -> Mapping[str, Method]:
        """Return the subsets by name, one for each ratio of a sweep: limopro-p20, limopro-p50."""
        if not isinstance(self.prune_ratio, list):
            return {name: self}
        shared = {"drawn_as": self.drawn_as or name}
        return {
            f"{name}-p{round(100 * ratio)}": self.model_copy(update={**shared, "prune_ratio": ratio})
            for ratio in self.prune_ratio
        }


def _check_sweep(ratios: list[float]) -> None:
    for ratio in ratios:
        if (100 * Fraction(str(ratio))).denominator > 1:
            raise ValueError(f"the ratio {ratio:g} of a sweep is not a whole number of percent, which names its subset")
    if len(set(ratios)) < len(ratios):
        raise ValueError(f"the sweep {ratios} names one ratio twice")
