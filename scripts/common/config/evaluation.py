"""Settings of the evaluate stage: benchmarks, how answers are generated, and by which engine."""

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from scripts.common.config.base import Settings


class Generation(Settings):
    """How answers are drawn."""

    temperature: float = Field(default=0.6, ge=0)
    """Sampling temperature (0: greedy)."""
    top_p: float = Field(default=0.95, gt=0, le=1)
    """Nucleus sampling: the smallest set of tokens with this probability."""
    max_new_tokens: int = Field(default=32_768, gt=0)
    """Longest answer in tokens; an answer that reaches it counts as truncated."""


class DemoBenchmark(Settings):
    """A benchmark drawn fresh from the demo's generator."""

    operations: int = Field(default=4, ge=1, le=10)
    """Operations in a problem (the demo's training chains have three to five)."""
    questions: int = Field(default=100, ge=2)
    """Number of questions."""


class Benchmark(Settings):
    """One benchmark, by exactly one of task (lighteval's), path (a local JSONL file) and demo."""

    task: str | None = None
    """lighteval's task name, such as math_500 or gpqa:diamond."""
    path: str | None = None
    """A local JSONL file with the fields question (or problem) and answer, and id, subject and group (what the parts of
    one problem share) if it has them."""
    demo: DemoBenchmark | None = None
    """A benchmark of the demo's generator."""
    kind: Literal["math", "choice", "code"] = "math"
    """How answers are checked: as mathematics, as a choice of a letter, or by running programs."""
    samples: int = Field(default=1, ge=1)
    """Answers per question."""
    shards: int = Field(default=1, ge=1)
    """In how many jobs the questions are answered."""

    @field_validator("path")
    @classmethod
    def _file_is_there(cls, path: str | None) -> str | None:
        if path and not Path(path).is_file():
            raise ValueError(f"there is no file '{path}' (looked for from {Path.cwd()})")
        return path

    @field_validator("demo")
    @classmethod
    def _exactly_one(cls, demo: DemoBenchmark | None, info: ValidationInfo) -> DemoBenchmark | None:
        given = [demo, *(info.data.get(key) for key in ("task", "path") if key in info.data)]
        if "path" in info.data and "task" in info.data and sum(value is not None for value in given) != 1:
            raise ValueError("a benchmark is exactly one of task, path and demo")
        return demo


class Evaluation(Settings):
    """How every model is evaluated: all the same way."""

    engine: Literal["vllm", "transformers"] = "vllm"
    """vllm on a GPU; transformers anywhere, for small models."""
    system_prompt: str | None = None
    """System prompt of every question."""
    generation: Generation = Generation()
    """Sampling."""
    max_model_length: int = Field(default=32_768, gt=1)
    """Longest prompt plus answer, in tokens."""
    gpu_memory_utilization: float = Field(default=0.9, gt=0, le=1)
    """vllm: share of the GPU's memory that it may take."""
    batch_size: int = Field(default=64, gt=0)
    """transformers: sequences generated side by side."""
    benchmarks: dict[str, Benchmark] = Field(min_length=1)
    """The benchmarks by name."""

    @field_validator("benchmarks")
    @classmethod
    def _names_are_plain(cls, benchmarks: dict[str, Benchmark]) -> dict[str, Benchmark]:
        from scripts.common.config.names import check_names

        check_names("benchmark", benchmarks)
        return benchmarks
