"""The control `unpruned`: the subset's rows, whole."""

from typing import TYPE_CHECKING

from scripts.select.selection import Selection, Source

if TYPE_CHECKING:
    import polars as pl


def draw(source: Source, subset: "pl.DataFrame", seeds: tuple[str | int, ...]) -> Selection:
    """Return the subset's rows and no step to leave out."""
    return Selection(subset["id"].to_list())
