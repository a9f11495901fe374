"""Every row of the clean pool."""

from typing import ClassVar, Literal

from scripts.select.methods.base import Method
from scripts.select.selection import Selection, Source


class All(Method):
    """Every clean row."""

    controlled: ClassVar[bool] = False
    method: Literal["all"]

    def select(self, source: Source, name: str, seed: int) -> Selection:
        return Selection()

    def describe(self) -> str:
        return "Every clean row."

    def expected_rows(self, clean: float, scored: float) -> float:
        return clean
