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
    revision: str | None = None
    """A task's: commit or branch of its data set on the hub (left out: the newest; the commit is recorded)."""
    path: str | None = None
    """A local JSONL file: question (or problem) and answer, and id, subject, group (what parts of one problem share)
    and choices if it has them; of kind code the fields of LiveCodeBench, question_content, public_test_cases,
    private_test_cases, starter_code and metadata."""
    demo: DemoBenchmark | None = None
    """A benchmark of the demo's generator."""
    kind: Literal["math", "choice", "code", "loglikelihood"] = "math"
    """How answers are checked: as mathematics, as a choice of a letter, or by running programs; loglikelihood: nothing
    is generated, the likeliest of the choices is the answer (lighteval's own form of multiple choice)."""
    samples: int = Field(default=1, ge=1)
    """Answers per question (loglikelihood: one)."""
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

    @field_validator("samples")
    @classmethod
    def _likelihood_has_no_samples(cls, samples: int, info: ValidationInfo) -> int:
        if info.data.get("kind") == "loglikelihood" and samples > 1:
            raise ValueError("a benchmark of kind loglikelihood has one answer per question: nothing is drawn")
        return samples


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
    allow_unsandboxed_code: bool = False
    """Whether programs that models write (kind: code) are run also where there is no sandbox (bubblewrap)."""
    benchmarks: dict[str, Benchmark] = Field(min_length=1)
    """The benchmarks by name."""

    @field_validator("max_model_length")
    @classmethod
    def _answers_fit(cls, length: int, info: ValidationInfo) -> int:
        generation = info.data.get("generation")
        if generation and generation.max_new_tokens > length:
            raise ValueError(
                f"{length} is less than generation.max_new_tokens ({generation.max_new_tokens}): no answer could be "
                "that long"
            )
        return length

    @field_validator("benchmarks")
    @classmethod
    def _names_are_plain(cls, benchmarks: dict[str, Benchmark]) -> dict[str, Benchmark]:
        from scripts.common.config.names import check_names

        check_names("benchmark", benchmarks)
        return benchmarks
