"""Settings of the report stage."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from scripts.common.config.base import Settings
from scripts.common.config.names import check_names
from scripts.common.here import why_no_file

Metric = Literal["pass@1", "pass@k", "majority@k"]
Weight = Annotated[float, Field(gt=0)]


class Scoring(Settings):
    """What the score of a benchmark is, and which averages of benchmarks have a name."""

    primary_metric: Metric = "pass@1"
    """What `score` is and what is compared, by question within a run, then averaged over runs. pass@k: whether any of a
    question's k samples is right; majority@k: whether the most frequent answer is."""
    averages: dict[
        str, Annotated[list[str], Field(min_length=1)] | Annotated[dict[str, Weight], Field(min_length=1)]
    ] = {}
    """Named averages of benchmarks, compared as well: a list of benchmarks that weigh the same, or weights by benchmark
    (shares of their sum)."""

    @field_validator("averages")
    @classmethod
    def _averages_are_named(cls, averages: dict[str, list[str] | dict[str, float]]) -> dict[str, object]:
        check_names("average", averages)
        for name, of in averages.items():
            if len(set(of)) != len(of):
                raise ValueError(f"the average '{name}' names a benchmark twice: give weights instead")
        return dict(averages)

    def weights(self) -> dict[str, dict[str, float]]:
        """Return the averages' weights by benchmark, each average's summing to 1."""
        found = {}
        for name, of in self.averages.items():
            given = of if isinstance(of, dict) else dict.fromkeys(of, 1.0)
            found[name] = {benchmark: weight / sum(given.values()) for benchmark, weight in given.items()}
        return found


class Report(Scoring):
    """What the report compares and how it is rendered."""

    formats: Annotated[list[Literal["pdf", "html"]], Field(min_length=1)] = ["pdf", "html"]
    """Which documents are made."""
    engine: Literal["auto", "quarto", "pandoc"] = "auto"
    """auto: quarto where it is installed, else pandoc and typst, the parts it is made of."""
    baseline: str = "base"
    """The model that fine-tuning is held against: base, or one of `models`."""
    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    """Family-wise error rate of the verdicts (Holm)."""
    interesting_effect: float = Field(default=0.03, gt=0, lt=1)
    """The difference in score that would matter, for planning."""
    margin: float = Field(default=0.01, gt=0, lt=1)
    """By how much an arm may score less and still be no worse: non-inferiority, from the lower simultaneous bound."""
    choose_on: str | None = None
    """The benchmark or named average on which a sweep is decided (default: none is). All of its arms are compared
    there, and on the others only the one that scored highest: what is found there was not used to choose it."""
    published: str | None = None
    """CSV of published numbers to show beside ours, audited (docs/statistics.md says which columns)."""
    published_training: str | None = None
    """Folder of train_results.json and trainer_log.jsonl, the published training's own files: audited too."""

    @field_validator("published")
    @classmethod
    def _file_is_there(cls, published: str | None) -> str | None:
        if published and (why := why_no_file(published)):
            raise ValueError(why)
        return published

    @field_validator("published_training")
    @classmethod
    def _files_are_there(cls, folder: str | None) -> str | None:
        for name in ("train_results.json", "trainer_log.jsonl") if folder else ():
            if why := why_no_file(f"{folder}/{name}"):
                raise ValueError(why)
        return folder
