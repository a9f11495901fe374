"""Settings of the select stage: the subsets of the clean pool, and the controls they are held against."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from scripts.common.config.base import Settings

Control = Literal["rows", "tokens", "unpruned", "random_prune"]


class All(Settings):
    """Every clean row."""

    method: Literal["all"]


class Random(Settings):
    """Rows drawn at random."""

    method: Literal["random"]
    size: int = Field(gt=0)
    """Number of rows."""


class Limopro(Settings):
    """LIMOPro: functional steps of low perplexity impact are pruned, rows in a band of the sample score are kept."""

    method: Literal["limopro"]
    size: int | None = Field(default=None, gt=0)
    """Number of rows drawn from the band (default: the whole band)."""
    prune_ratio: float = Field(default=0.3, ge=0, le=1)
    """Share of a chain's functional steps that is removed, for each pattern, those with the lowest PIR first."""
    sample_score: Literal["chain_gain", "mean_pir"] = "mean_pir"
    """What the band is taken on: chain_gain, what the whole chain tells about the answer; mean_pir, the mean over the
    functional steps."""
    band: tuple[float, float] = (0.0, 1.0)
    """Quantiles of the sample score over the scored rows between which a row is kept."""

    @field_validator("band")
    @classmethod
    def _band_in_order(cls, band: tuple[float, float]) -> tuple[float, float]:
        low, high = band
        if not 0 <= low < high <= 1:
            raise ValueError(f"the band [{low:g}, {high:g}] must be two quantiles, the lower one first, within 0 and 1")
        return band


Subset = Annotated[All | Random | Limopro, Field(discriminator="method")]
