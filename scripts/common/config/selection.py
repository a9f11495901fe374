"""Settings of the select stage: the subsets of the clean pool, and the controls they are held against."""

from collections.abc import Iterable
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from scripts.common.config.base import Settings

Ratio = Annotated[float, Field(ge=0, le=1)]
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
    prune_ratio: Ratio | list[Ratio] = 0.3
    """Share of a chain's functional steps that is removed, for each pattern, those with the lowest PIR first. A list is
    a sweep: it stands for as many subsets, named {subset}-p{percent}, of the same rows, each with its own controls."""
    sample_score: Literal["chain_gain", "mean_pir"] = "mean_pir"
    """What the band is taken on: chain_gain, what the whole chain tells about the answer; mean_pir, the mean over the
    functional steps."""
    drawn_as: str | None = None
    """The name that seeds the draw of `size` rows (default: the subset's own). The subsets of a sweep have the sweep's
    name here, so that they hold the same rows and differ in nothing but the pruning."""
    band: tuple[float, float] = (0.0, 1.0)
    """Quantiles of the sample score over the scored rows between which a row is kept."""

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


def _check_sweep(ratios: list[float]) -> None:
    for ratio in ratios:
        if (100 * Fraction(str(ratio))).denominator > 1:
            raise ValueError(f"the ratio {ratio:g} of a sweep is not a whole number of percent, which names its subset")
    if len(set(ratios)) < len(ratios):
        raise ValueError(f"the sweep {ratios} names one ratio twice")


def sweep_names(subset: str, ratios: Iterable[float]) -> list[str]:
    """Return the names of the subsets that a sweep stands for: limopro-p20, limopro-p50."""
    return [f"{subset}-p{round(100 * ratio)}" for ratio in ratios]


def expand_sweeps(subsets: dict[str, "Subset"]) -> dict[str, "Subset"]:
    """Return `subsets` with every sweep replaced by the subsets that it stands for, in its place.

    Raises ValueError where one of them has the name of another subset.
    """
    expanded: dict[str, Subset] = {}
    for name, subset in subsets.items():
        parts: dict[str, Subset] = {name: subset}
        if isinstance(subset, Limopro) and isinstance(subset.prune_ratio, list):
            shared = {"drawn_as": subset.drawn_as or name}
            plain = [subset.model_copy(update={**shared, "prune_ratio": ratio}) for ratio in subset.prune_ratio]
            parts = dict(zip(sweep_names(name, subset.prune_ratio), plain, strict=True))
        for part in parts:
            if part in expanded or (part != name and part in subsets):
                raise ValueError(f"the sweep '{name}' makes a subset '{part}', and there is another of that name")
        expanded |= parts
    return expanded


Subset = Annotated[All | Random | Limopro, Field(discriminator="method")]
