"""The control `rows`: as many random rows of those that the subset could have taken."""

from typing import TYPE_CHECKING

from scripts.select.selection import Selection, Source
from scripts.select.subset import count_strata, draw_within

if TYPE_CHECKING:
    import polars as pl


def draw(source: Source, subset: "pl.DataFrame", seeds: tuple[str | int, ...]) -> Selection:
    """Return as many rows as the subset has, and as many of each stratum."""
    candidates = source.candidates()
    sizes = count_strata(subset.select("id").join(candidates, on="id"))
    return Selection(draw_within(candidates, sizes, *seeds))
