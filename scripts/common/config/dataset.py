"""Settings of the data stage: where the rows come from and which of them enter the pool."""

import re
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, ValidationInfo, field_validator, model_validator

from scripts.common.config.base import Settings
from scripts.common.config.names import check_names
from scripts.common.here import why_no_file

Source = Literal["demo", "hub", "file"]
Format = Literal["auto", "alpaca", "messages", "prompt_completion", "sharegpt", "question_response"]

Deduplicate = Literal["none", "exact", "normalised", "near"]
READ_BY = {
    "file": "hub", "config": "hub", "split": "hub or file", "revision": "hub", "format": "hub or file",
    "columns": "hub or file", "system_prompt": "hub or file",
}  # fmt: skip
"""Keys that not every source reads."""


_REPOSITORY = re.compile(r"(?!datasets/)[\w.-]+(?:/[\w.-]+)?")


class ColumnNames(Settings):
    """Which columns of a source hold what, where no format tells. A key inside a column: `meta.answer`."""

    question: str | list[str] | None = None
    """The question; of several columns the texts, joined by line breaks."""
    reasoning: str | None = None
    """The chain, where it has a column of its own."""
    response: str | None = None
    """The response: with the chain between its tags, or what follows the chain."""
    answer: str | None = None
    """The final answer."""
    system: str | None = None
    """The system prompt."""
    ignore: list[str] = []
    """Columns that are not looked at, though by their names they belong to the question or could be the response."""

    @model_validator(mode="after")
    def _one_thing_each(self) -> "ColumnNames":
        named = [*self.questions(), *filter(None, (self.reasoning, self.response, self.system))]
        if twice := next((name for name in named if named.count(name) > 1), None):
            raise ValueError(f"'{twice}' is named for two things: a column is one")
        if both := next((name for name in self.ignore if name in (*named, self.answer)), None):
            raise ValueError(f"'{both}' is named, and ignored: leave one out")
        return self

    def questions(self) -> list[str]:
        """Return the columns of the question."""
        return [self.question] if isinstance(self.question, str) else self.question or []

    def named(self) -> list[str]:
        """Return every column that is named for something."""
        return [*self.questions(), *filter(None, (self.reasoning, self.response, self.answer, self.system))]


class Reading(Settings):
    """How the rows of a data set are read, wherever it lies."""

    source: Source
    """demo: made by the generator; hub: from the Hugging Face hub; file: a local JSON, JSONL, CSV or Parquet file."""
    file: str | None = None
    """hub: one file of the repository (default: the data files of the split, as `datasets` finds them)."""
    config: str | None = None
    """hub: the configuration (default: the one that the repository calls default, or its only one)."""
    split: str | None = None
    """The split that is read (default: train); of a JSON object with several lists the list."""
    revision: str | None = None
    """hub: the commit or tag that pins the data; required, so that a rerun next year reads the same rows."""
    format: Format = "auto"
    """How a row holds question and answer; auto: told from each row's own columns (docs/data.md)."""
    columns: ColumnNames | None = None
    """Which columns hold what, where no format tells."""
    system_prompt: str | None = None
    """The system prompt of every row that has none of its own."""
    limit: int | None = Field(default=None, gt=0)
    """Read at most this many rows (demo: how many are made, 2,000 by default)."""

    @field_validator(*READ_BY)
    @classmethod
    def _source_reads_it(cls, value: Any, info: ValidationInfo) -> Any:
        source, name = info.data.get("source"), str(info.field_name)
        if source and value not in (None, "auto") and source not in READ_BY[name]:
            raise ValueError(
                f"a data set with source '{source}' does not read it, one with {READ_BY[name]} does: leave it out"
            )
        return value

    @field_validator("columns")
    @classmethod
    def _one_says_what_the_question_is(cls, columns: ColumnNames | None, info: ValidationInfo) -> ColumnNames | None:
        if columns and columns.question and info.data.get("format", "auto") != "auto":
            raise ValueError("format and columns.question both say where the question is: leave one of them out")
        return columns

    @field_validator("revision")
    @classmethod
    def _hub_is_pinned(cls, revision: str | None, info: ValidationInfo) -> str | None:
        if info.data.get("source") == "hub" and not revision:
            raise ValueError("a hub data set needs a revision (a commit or tag), so that reruns read the same rows")
        return revision


class Hurtful(Settings):
    """Shares of the demo's rows that hurt a model trained on them. raw.parquet says of each row what it is `worth`."""

    wrong_sums: float = Field(default=0.0, ge=0, le=1)
    """Every operation worked out wrong, and so the answer."""
    reworded: float = Field(default=0.0, ge=0, le=1)
    """A few problems over and over, in other words each time."""
    template: float = Field(default=0.0, ge=0, le=1)
    """One short problem over and over, from another start."""

    @field_validator("template")
    @classmethod
    def _some_rows_help(cls, template: float, info: ValidationInfo) -> float:
        if template + info.data.get("wrong_sums", 0) + info.data.get("reworded", 0) > 1:
            raise ValueError("the shares of rows that hurt are more than all rows: let them sum to 1 at most")
        return template

    def total(self) -> float:
        """Return the share of rows that hurt in some way."""
        return self.wrong_sums + self.reworded + self.template


class Dataset(Reading):
    """The raw data set, or one of its sources."""

    name: str | None = None
    """What the account calls it, and `source` of its rows; of several sources each needs a name of its own."""
    weight: float | None = Field(default=None, gt=0)
    """Its share in the mixture, against the other sources' weights (all or none have one; default: all rows). The
    largest mixture in these proportions is drawn by the experiment's seed; limit is applied before."""

    path: str | None = None
    """hub: the repository (owner/name); file: the file's path, from the working directory."""
    hurtful: Hurtful | None = None
    """demo: rows that hurt, so that it is known which subsets ought to win (default: every row helps)."""

    @field_validator("hurtful")
    @classmethod
    def _rows_are_made(cls, hurtful: Hurtful | None, info: ValidationInfo) -> Hurtful | None:
        if hurtful and info.data.get("source") not in (None, "demo"):
            raise ValueError(f"a data set with source '{info.data['source']}' does not read it: leave it out")
        return hurtful

    @field_validator("path")
    @classmethod
    def _path_is_there(cls, path: str | None, info: ValidationInfo) -> str | None:
        source = info.data.get("source")
        if source == "demo" and path:
            raise ValueError("a data set with source 'demo' is made, not read: leave its path out")
        if source in ("hub", "file") and not path:
            raise ValueError(f"a data set with source '{source}' needs a path")
        if source == "file" and path and (why := why_no_file(path)):
            raise ValueError(why)
        if source == "hub" and path and not _REPOSITORY.fullmatch(path):
            raise ValueError(
                f"'{path[:200]}' is no repository of the hub: write owner/name, without an address around it"
            )
        return path


def _one_or_several(value: Any) -> str:
    return "several" if isinstance(value, list) else "one"


Sources = Annotated[
    Annotated[Dataset, Tag("one")] | Annotated[list[Dataset], Tag("several")], Discriminator(_one_or_several)
]
"""One data set, or a list of them that are read one after the other."""


def check_sources(dataset: Dataset | list[Dataset]) -> None:
    """Raise ValueError where sources have no names, one name twice, or weights that do not fit together."""
    if isinstance(dataset, Dataset):
        check_names("source", [dataset.name] if dataset.name else [])
        if dataset.weight:
            raise ValueError("a weight is against the weights of other sources, and there is but one")
        return
    if not dataset:
        raise ValueError("the list is empty: name a source")
    if any(source.source == "demo" for source in dataset):
        raise ValueError("the demo's data set stands alone: it is none of several sources")
    names = [source.name for source in dataset]
    if not all(names):
        raise ValueError("each of several sources needs a name, which the account calls it by")
    check_names("source", filter(None, names))
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"two sources are called '{twice}'")
    weighted = [source.name for source in dataset if source.weight]
    if weighted and len(weighted) < len(dataset):
        raise ValueError(f"only {', '.join(map(str, weighted))} has a weight: give one to every source, or to none")


class NgramOverlap(Settings):
    """When a row counts as containing a benchmark question."""

    ngram: int = Field(default=13, ge=3)
    """Length of the word n-grams; a question shorter than that counts as one n-gram."""
    max_overlap: float = Field(default=0.1, ge=0, lt=1)
    """Share of a question's n-grams that a row may contain and stay (0: a single one is too much, also one of the words
    in which many problems are put, "where m and n are relatively prime positive integers")."""
    reworded: float = Field(default=0.4, ge=0.2, le=1)
    """Likeness from which on a row's question counts as a benchmark question in other words: shared weight of content
    words over that of both (1: the same words)."""


class Decontaminate(NgramOverlap):
    """Rows that hold a benchmark question, by its words or in other ones, are taken out of the pool."""

    against: list[str] | None = None
    """The benchmarks whose hits are taken out (default: all of the experiment). A benchmark that is added later and not
    listed here changes no training data: its overlap with the pool is counted and reported instead."""


class RowRules(Settings):
    """What a row must be like to enter the pool."""

    min_tokens: int = Field(default=1, ge=1)
    """Shortest response, in tokens of the model."""
    max_tokens: int = Field(default=16_384, ge=1)
    """Longest response, in tokens of the model. The model's context bounds it further; the scorer's bounds only what
    can be scored."""
    require_boxed_answer: bool = False
    r"""Whether a row whose response ends in no answer (\boxed{...}, <answer>, #### 2, Answer: 2) is rejected,
    whatever its column `answer` holds."""
    deduplicate: Deduplicate = "normalised"
    """Which rows are rejected that repeat question and response of an earlier one. exact: to the letter; normalised:
    but for case and spacing; near: also but for a few words (0.7 of the word shingles and numbers of both in common);
    none. true is normalised, false none."""

    @field_validator("deduplicate", mode="before")
    @classmethod
    def _booleans_have_names(cls, how: Any) -> Any:
        return {True: "normalised", False: "none"}[how] if isinstance(how, bool) else how

    check_answers: Literal["reject", "keep"] = "keep"
    """What becomes of a row whose chain ends in another answer than the source gives, as the judge of the benchmarks
    sees it: reject it (reason wrong_answer, with both values), or keep and count it."""

    @field_validator("max_tokens")
    @classmethod
    def _bounds_in_order(cls, max_tokens: int, info: ValidationInfo) -> int:
        if max_tokens < info.data.get("min_tokens", 1):
            raise ValueError("max_tokens is below min_tokens")
        return max_tokens


class Pool(RowRules):
    """Which rows of the data set are fit for training, and how many of them are scored."""

    decontaminate: Decontaminate = Decontaminate()
    """How rows that contain benchmark questions are found."""
    score_rows: int | None = Field(default=None, gt=0)
    """How many clean rows, drawn by seed, are scored (default: all). It bounds what a band can hold."""
