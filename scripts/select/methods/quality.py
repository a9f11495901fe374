"""Quality: a language model behind an endpoint scores rows by a rubric."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, Self

from scripts.common.config.measures import Judged, Judging, Measure
from scripts.select.methods.ranked import Ranked
from scripts.select.selection import Source

if TYPE_CHECKING:
    import polars as pl


class Quality(Ranked, Judged):
    """Rows by the score that a language model gives question and response, as AlpaGasus filters them
    (arXiv:2307.08701); here from 1 to 10, by a rubric. One request a row, kept by content and costed."""

    method: Literal["quality"]

    def measures(self) -> Mapping[str, Measure]:
        return {"quality": Judging.by(self)}

    def for_job(self, file: str = "") -> Self:
        """Return the settings without how the endpoint is asked and where the rubric lies: the table is there."""
        endpoint = self.judge.endpoint.without_manner()
        return self.model_copy(update={"judge": self.judge.model_copy(update={"endpoint": endpoint, "prompt": None})})

    def scores(self, source: Source) -> "pl.DataFrame":
        from scripts.select.tables import QUALITY

        return source.table(QUALITY, "quality", ["id", "score", "reason"])

    def score_words(self) -> str:
        return f"score by the judge {self.judge.model}, from 1 to 10 ([2307.08701](https://arxiv.org/abs/2307.08701))"
