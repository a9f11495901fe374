"""Settings of the data stage: where the rows come from and which of them enter the pool."""

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from scripts.common.config.base import Settings

Source = Literal["demo", "hub", "file"]
Format = Literal["auto", "alpaca", "messages", "prompt_completion", "sharegpt", "question_response"]


class Dataset(Settings):
    """The raw data set."""

    source: Source
    """demo: made by the generator; hub: from the Hugging Face hub; file: a local JSON, JSONL, CSV or Parquet file."""
    path: str | None = None
    """hub: the repository (owner/name); file: the file's path, from the working directory."""
    file: str | None = None
    """hub: one file of the repository (default: its data files as `datasets` finds them)."""
    revision: str | None = None
    """hub: the commit or tag that pins the data; required, so that a rerun next year reads the same rows."""
    format: Format = "auto"
    """How a row holds question and answer; auto: told from its columns."""
    system_prompt: str | None = None
    """The system prompt of every row that has none of its own."""
    limit: int | None = Field(default=None, gt=0)
    """Read at most this many rows (demo: how many are made, 2,000 by default)."""

    @field_validator("path")
    @classmethod
    def _path_is_there(cls, path: str | None, info: ValidationInfo) -> str | None:
        source = info.data.get("source")
        if source in ("hub", "file") and not path:
            raise ValueError(f"a data set with source '{source}' needs a path")
        if source == "file" and path and not Path(path).is_file():
            raise ValueError(f"there is no file '{path}' (looked for from {Path.cwd()})")
        return path

    @field_validator("revision")
    @classmethod
    def _hub_is_pinned(cls, revision: str | None, info: ValidationInfo) -> str | None:
        if info.data.get("source") == "hub" and not revision:
            raise ValueError("a hub data set needs a revision (a commit or tag), so that reruns read the same rows")
        return revision


class NgramOverlap(Settings):
    """When a row counts as containing a benchmark question."""

    ngram: int = Field(default=13, ge=3)
    """Length of the word n-grams; a question shorter than that counts as one n-gram."""
    max_overlap: float = Field(default=0.0, ge=0, lt=1)
    """Share of a question's n-grams that a row may contain and stay (0: a single one is too much)."""


class Decontaminate(NgramOverlap):
    """Rows that share a word n-gram with a benchmark question are taken out of the pool."""

    against: list[str] | None = None
    """The benchmarks whose hits are taken out (default: all of the experiment). A benchmark that is added later and not
    listed here changes no training data: its overlap with the pool is counted and reported instead."""


class RowRules(Settings):
    """What a row must be like to enter the pool."""

    min_tokens: int = Field(default=1, ge=1)
    """Shortest response, in tokens of the model."""
    max_tokens: int = Field(default=16_384, ge=1)
    """Longest response, in tokens of the model. The scorer's and the model's context bound it further."""
    require_boxed_answer: bool = False
    r"""Whether a row whose response has no \boxed{...} is rejected, even if it has a column `answer`."""
    deduplicate: bool = True
    """Whether a row that repeats question and response of an earlier one (case and spacing aside) is rejected."""

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
