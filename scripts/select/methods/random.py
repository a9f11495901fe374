"""Rows drawn at random: what a selection must beat."""

from typing import ClassVar, Literal

from pydantic import Field

from scripts.select.methods.base import Stratified
from scripts.select.selection import Selection, Source


class Random(Stratified):
    """Rows drawn at random."""

    controlled: ClassVar[bool] = False
    method: Literal["random"]
    size: int = Field(gt=0)
    """Number of rows."""

    def select(self, source: Source, name: str, seed: int) -> Selection:
        from scripts.select.subset import draw_rows

        return Selection(draw_rows(self.candidates(source), self.size, seed, name))

    def describe(self) -> str:
        return f"Rows of the clean pool, drawn at random{self.within()}."

    def by_chance(self) -> bool:
        return True

    def expected_rows(self, clean: float, scored: float) -> float:
        return min(self.size, clean)
