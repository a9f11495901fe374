"""What an engine is: token ids in, answers or log-likelihoods out; and what the table says of each."""

import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from scripts.common.config.base import Settings
from scripts.common.config.endpoint import Endpoint
from scripts.common.context import context_of
from scripts.common.digest import part_of
from scripts.common.shape import load_config

FinishReason = Literal["stop", "length"]


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn, and which end an answer."""

    temperature: float
    """0: greedy."""
    top_p: float
    stop_ids: frozenset[int]
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    stop: tuple[str, ...] = ()
    """Texts that end an answer as well."""


@dataclass(frozen=True)
class Request:
    """One answer to be generated."""

    prompt_ids: list[int]
    max_new_tokens: int
    seed: int
    """Of this answer alone: it depends on nothing else that is generated."""
    messages: Sequence[Mapping[str, str]] = ()
    """The same prompt as a chat (role and content), for an engine that takes no tokens."""


@dataclass(frozen=True)
class Generated:
    """One answer: its tokens up to and with the first stop token, or the one that completes the first of the texts that
    end an answer; `length` when there was neither within the limit."""

    token_ids: list[int]
    finish_reason: FinishReason
    text: str | None = None
    """Where an engine gives no tokens: the answer without what ended it."""
    counted: int | None = None
    """Where an engine gives no tokens: how many there were."""

    @property
    def tokens(self) -> int:
        """How many tokens were generated."""
        return len(self.token_ids) if self.counted is None else self.counted


@dataclass(frozen=True)
class Continuation:
    """Tokens whose log-likelihood after a prompt is asked for. Neither part is empty."""

    prompt_ids: list[int]
    token_ids: list[int]


class Engine(Protocol):
    """Takes all prompts of a job at once, and yields (place in the job, result) as results come."""

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[tuple[int, Generated]]:
        """Yield the answer to each request."""
        ...

    def loglikelihoods(self, continuations: Sequence[Continuation]) -> Iterator[tuple[int, float]]:
        """Yield log p(tokens | prompt) of each continuation, in nats."""
        ...


class Deterministic(Settings):
    """A key of the engines that can answer a request the same whatever else is asked."""

    deterministic: bool | None = None
    """vllm, transformers: whether an answer depends on nothing else that is asked at the time, to the last bit: by
    vLLM's batch-invariant kernels on a GPU, by one answer at a time with transformers. It is slower; see
    docs/reproducibility.md."""


def _nothing(*_: Any) -> None:
    return None


def _never(*_: Any) -> bool:
    return False


def _whole(settings: Any, *_: Any) -> Any:
    return settings


@dataclass(frozen=True)
class EngineChoice:
    """An engine as the experiment file may name it."""

    suits: str
    """Where to take it, for the page of keys: "on a GPU"."""
    settings: type[Settings]
    """The keys under `evaluation` that only this engine takes; no two engines share one."""
    environment: str
    """What it runs in: `main`, or another one (envs/<environment>.yaml, a virtual environment .venv-<environment>)."""
    packages: tuple[str, ...]
    """Packages whose versions its answers depend on, as the locks name them."""
    takes_gpu: bool
    """Whether its jobs ask for the GPUs of resources.evaluate_model."""
    hint: str
    """What to do when it dies: the end of that message."""
    start: Callable[[Path, str, int, Any], Engine]
    """Return the engine with a model in it, from the model's folder, the name of its dtype, the longest prompt and
    answer in tokens, and `settings`."""
    gpus: Callable[[Any], int | None] = _nothing
    """From the settings: GPUs that one model is spread over, where these say so."""
    mistake: Callable[[Mapping[str, Any]], str | None] = _nothing
    """From all keys of all engines: what is wrong with them for this engine, as a sentence."""
    by_messages: Callable[[Mapping[str, Any]], bool] = _never
    """From the same: whether prompts go to it as messages. Then its models need no folder here, and it gives no
    likelihoods."""
    elsewhere: Callable[[Any], Endpoint | None] = _nothing
    """From the settings: the endpoint that answers, for an engine that answers elsewhere."""
    settings_of_model: Callable[[Any, str, str], Any] = _whole
    """From `settings`, a model's name in the results and the name that others know it by: the settings that matter for
    this model."""

    def settings_for(self, evaluation: Settings, model: str, known_as: str) -> Settings:
        """Return this engine's own keys of `evaluation`, as far as they matter for a model."""
        own = evaluation.model_dump(include=set(self.settings.model_fields), exclude_none=True)
        settings: Settings = self.settings_of_model(self.settings.model_validate(own), model, known_as)
        return settings

    def missing(self, name: str, python: str) -> str | None:
        """Return the sentence that says which package of this engine, called `name`, an interpreter lacks."""
        code = "import sys; from importlib.util import find_spec; print(*(p for p in sys.argv[1:] if not find_spec(p)))"
        found = subprocess.run([python, "-c", code, *self.packages], capture_output=True, text=True, check=False)
        if not (lacking := found.stdout.split()):
            return None
        made = "make report" if self.environment == "main" else "make gpu"
        folder = ".venv" if self.environment == "main" else f".venv-{self.environment}"
        return (
            f"the engine {name} needs the package {lacking[0]}, which this Python ({python}) does not have: '{made}' "
            f"makes the environment that has it ({folder}), or set evaluation.engine to another one"
        )

    def code(self) -> list[str]:
        """Return the code that answers depend on, as `code_digest` takes it."""
        return [part_of(self.start)]


def longest_sequence(model: Path, wanted: int) -> int:
    """Return `wanted` tokens, or the model's own context where that is shorter."""
    return int(min(wanted, context_of(load_config(model))))
