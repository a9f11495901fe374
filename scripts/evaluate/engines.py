"""What an engine is: token ids in, answers or log-likelihoods out. Two of them: transformers and vLLM."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

FinishReason = Literal["stop", "length"]


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn, and which end an answer."""

    temperature: float
    """0: greedy."""
    top_p: float
    stop_ids: frozenset[int]


@dataclass(frozen=True)
class Request:
    """One answer to be generated."""

    prompt_ids: list[int]
    max_new_tokens: int
    seed: int
    """Of this answer alone: it depends on nothing else that is generated."""


@dataclass(frozen=True)
class Generated:
    """One answer: its tokens up to and with the first stop token, `length` when there was none within the limit."""

    token_ids: list[int]
    finish_reason: FinishReason


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


def stop_token_ids(model: Path, tokenizer: Any) -> frozenset[int]:
    """Return the tokens that end an answer: the tokenizer's and those of generation_config.json."""
    from transformers import GenerationConfig

    ids = {tokenizer.eos_token_id}
    if (model / "generation_config.json").is_file():
        named = GenerationConfig.from_pretrained(str(model)).eos_token_id
        ids |= set(named if isinstance(named, list) else [named])
    return frozenset(int(token) for token in ids if token is not None)


def longest_sequence(model: Path, wanted: int) -> int:
    """Return `wanted` tokens, or the model's own context where that is shorter."""
    from transformers import AutoConfig

    context = getattr(AutoConfig.from_pretrained(str(model)), "max_position_embeddings", None)
    return min(wanted, int(context)) if context else wanted
