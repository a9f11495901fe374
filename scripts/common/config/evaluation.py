"""Settings of the evaluate stage: benchmarks, how answers are generated, and by which engine."""

from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

from pydantic import Field, ValidationInfo, create_model, field_validator

from scripts.common.cli import UserError
from scripts.common.config.base import Settings
from scripts.common.config.endpoint import Endpoint
from scripts.common.config.names import check_names
from scripts.common.decided import read_decisions
from scripts.common.here import why_no_file
from scripts.evaluate.engines import ENGINES
from scripts.evaluate.kinds import KINDS, mistake_in_task

if TYPE_CHECKING:
    EngineName: TypeAlias = str
    KindName: TypeAlias = str
    EngineKeys: TypeAlias = Settings
else:
    EngineName, KindName = Literal[tuple(ENGINES)], Literal[tuple(KINDS)]
    # The keys that only one engine takes stand beside the others in the file.
    EngineKeys = create_model("EngineKeys", __base__=tuple(engine.settings for engine in ENGINES.values()))


class Generation(Settings):
    """How answers are drawn."""

    temperature: float = Field(default=0.6, ge=0)
    """Sampling temperature (0: greedy)."""
    top_p: float = Field(default=0.95, gt=0, le=1)
    """Nucleus sampling: the smallest set of tokens with this probability."""
    top_k: int | None = Field(default=None, gt=0)
    """Only the so many most probable tokens are drawn from (default: all)."""
    min_p: float | None = Field(default=None, gt=0, le=1)
    """Only tokens at least so probable, as a share of the most probable one, are drawn from (default: all)."""
    repetition_penalty: float | None = Field(default=None, gt=0)
    """Above 1, tokens that stand in prompt or answer already become less likely (default: 1)."""
    stop: list[Annotated[str, Field(min_length=1)]] | None = Field(default=None, min_length=1, max_length=4)
    """Texts that end an answer besides the model's own stop tokens; they are not part of it."""
    max_new_tokens: int = Field(default=32_768, gt=0)
    """Longest answer in tokens; an answer that reaches it counts as truncated."""


class DemoBenchmark(Settings):
    """A benchmark drawn fresh from the demo's generator."""

    operations: int = Field(default=4, ge=1, le=10)
    """Operations in a problem (the demo's training chains have three to five)."""
    questions: int = Field(default=100, ge=2)
    """Number of questions."""


class Benchmark(Settings):
    """One benchmark, by exactly one of task (lighteval's), path (a local file) and demo."""

    task: str | None = None
    """lighteval's task name, such as math_500 or gpqa:diamond."""
    revision: str | None = None
    """A task's: commit or branch of its data set on the hub (left out: the newest; the commit is recorded)."""
    path: str | None = None
    """A local JSONL, JSON, CSV or Parquet file: question (or problem) and answer, and id, subject, group (what parts of
    one problem share) and choices if it has them; of kind code the fields of LiveCodeBench, question_content,
    public_test_cases, private_test_cases, starter_code and metadata."""
    demo: DemoBenchmark | None = None
    """A benchmark of the demo's generator."""
    kind: KindName = Field(
        default="math",
        description="How answers are checked. "
        + "; ".join(f"{name}: {kind.checked}" for name, kind in KINDS.items())
        + ".",
    )
    samples: int = Field(default=1, ge=1)
    """Answers per question (one where nothing is generated)."""
    shards: int = Field(default=1, ge=1)
    """In how many jobs the questions are answered."""

    @field_validator("path")
    @classmethod
    def _file_is_there(cls, path: str | None) -> str | None:
        if path and (why := why_no_file(path)):
            raise ValueError(why)
        return path

    @field_validator("demo")
    @classmethod
    def _exactly_one(cls, demo: DemoBenchmark | None, info: ValidationInfo) -> DemoBenchmark | None:
        given = [demo, *(info.data.get(key) for key in ("task", "path") if key in info.data)]
        if "path" in info.data and "task" in info.data and sum(value is not None for value in given) != 1:
            raise ValueError("a benchmark is exactly one of task, path and demo")
        return demo

    @field_validator("kind")
    @classmethod
    def _source_has_the_kind(cls, kind: str, info: ValidationInfo) -> str:
        if info.data.get("demo") and not KINDS[kind].has_demo:
            made = ", ".join(name for name, one in KINDS.items() if one.has_demo)
            raise ValueError(f"the demo's generator makes no questions of kind {kind}, but of kind {made}")
        if (task := info.data.get("task")) and (mistake := mistake_in_task(task, kind)):
            raise ValueError(mistake)
        return kind

    @field_validator("samples")
    @classmethod
    def _likelihood_has_no_samples(cls, samples: int, info: ValidationInfo) -> int:
        kind = info.data.get("kind")
        if kind and samples > 1 and not KINDS[kind].generates:
            raise ValueError(f"a benchmark of kind {kind} has one answer per question: nothing is drawn")
        return samples

    @field_validator("shards")
    @classmethod
    def _no_shard_is_empty(cls, shards: int, info: ValidationInfo) -> int:
        demo, path = info.data.get("demo"), info.data.get("path")
        questions = demo.questions if demo else shards  # a task's are not known before they are fetched
        if path and shards > 1 and not path.endswith((".json", ".parquet", ".gz", ".zst")):  # rows are no lines there
            with Path(path).open("rb") as lines:
                questions = sum(1 for _ in islice(filter(bytes.strip, lines), shards))
        if 0 < questions < shards:  # of an empty file fetch_benchmark says that it is one
            raise ValueError(f"{shards} shards are more than the benchmark's {questions} questions")
        return shards


class Evaluation(EngineKeys):
    """How every model is evaluated: all the same way."""

    engine: EngineName = Field(
        default="vllm", description="; ".join(f"{name} {engine.suits}" for name, engine in ENGINES.items()) + "."
    )
    system_prompt: str | None = None
    """System prompt of every question."""
    generation: Generation = Generation()
    """Sampling."""
    max_model_length: int = Field(default=32_768, gt=1)
    """Longest prompt plus answer, in tokens."""
    allow_unsandboxed_code: bool = False
    """Whether programs that models write (kind: code) are run also where there is no sandbox (bubblewrap)."""
    answers_decided: str | None = None
    """A CSV file of answers that a person has decided, with the columns gold, answer and correct (1 or 0): rows of
    compare/disputed.csv, or others. It enters by its content, and nothing is generated again."""
    checkpoints: list[float] = []
    """Shares of training, such as [0.25, 0.5, 1], at which every run is evaluated, for learning curves. What a run was
    then is kept as a model of its own on the way: no run is trained again for it, but one that ended before the share
    was asked for. The end (1) is always among them."""
    benchmarks: dict[str, Benchmark] = Field(min_length=1)
    """The benchmarks by name."""

    @field_validator("checkpoints")
    @classmethod
    def _shares_are_percent(cls, shares: list[float]) -> list[float]:
        for share in shares:
            if not 0 < share <= 1 or Fraction(str(share)) * 100 % 1:
                raise ValueError(f"{share:g} is no share of training in whole percent, above 0 and up to 1")
        if sorted(set(shares)) != shares:
            raise ValueError(f"the shares {shares} must rise, none twice")
        return shares

    @field_validator("engine")
    @classmethod
    def _engine_can(cls, name: str, info: ValidationInfo) -> str:
        engine = ENGINES[name]
        if mistake := engine.mistake(info.data):
            raise ValueError(mistake)
        if info.data.get("deterministic") and "deterministic" not in engine.settings.model_fields:
            raise ValueError(f"the engine {name} cannot be made deterministic: leave out evaluation.deterministic")
        return name

    @field_validator("answers_decided")
    @classmethod
    def _decisions_are_there(cls, path: str | None) -> str | None:
        if path:
            try:
                read_decisions(Path(path))
            except UserError as error:
                raise ValueError(f"{error} (looked for from {Path.cwd()})") from error
        return path

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
        check_names("benchmark", benchmarks)
        return benchmarks

    @field_validator("benchmarks")
    @classmethod
    def _likelihoods_need_tokens(cls, benchmarks: dict[str, Benchmark], info: ValidationInfo) -> dict[str, Benchmark]:
        likely = [name for name, benchmark in benchmarks.items() if not KINDS[benchmark.kind].generates]
        if likely and "engine" in info.data and ENGINES[info.data["engine"]].by_messages(info.data):
            raise ValueError(
                f"'{likely[0]}' asks for likelihoods, which a chat gives none of: take another engine or api"
            )
        return benchmarks

    def takes_messages(self) -> bool:
        """Tell whether prompts go to the engine as messages, so that a model needs no folder here."""
        return ENGINES[self.engine].by_messages({name: getattr(self, name) for name in EngineKeys.model_fields})

    def percents(self) -> list[int]:
        """Return the shares of training, in percent, at which runs are evaluated before their end."""
        return [round(100 * share) for share in self.checkpoints if share < 1]

    def asks(self) -> Endpoint | None:
        """Return the endpoint that answers, None where models answer here."""
        return ENGINES[self.engine].elsewhere(self)

    def gpus(self, wanted: int) -> int:
        """Return the GPUs of a job of evaluation, where its resources ask for `wanted`."""
        engine = ENGINES[self.engine]
        return max(wanted, engine.gpus(self) or 0) if engine.takes_gpu else 0
