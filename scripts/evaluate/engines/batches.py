"""Generation with transformers, anywhere: batches with a KV cache, a random generator for every answer.

transformers' own `generate` draws a whole batch from one generator, so that an answer would depend on what else is in
its batch and on how the questions are sharded. Here an answer's draws are its own. What a batch still changes is the
rounding of the logits (its shape selects other matrix kernels), which can turn a token: seldom in float32, more often
in bfloat16.
"""

import inspect
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import torch
from transformers.cache_utils import Cache, DynamicCache, DynamicLayer, DynamicSlidingWindowLayer

from scripts.common import progress
from scripts.common.cli import UserError
from scripts.common.context import context_of
from scripts.common.network import load_network
from scripts.common.rotary import settle
from scripts.common.shape import HIDDEN_STATE, state_carrying
from scripts.evaluate.engines.base import Continuation, Generated, Request, Sampling


def next_tokens(
    logits: torch.Tensor,
    uniforms: torch.Tensor,
    temperature: float,
    top_p: float,
    top_k: int | None = None,
    min_p: float | None = None,
) -> torch.Tensor:
    """Return a token for each row of `logits` [rows, vocabulary], drawn by its own number of `uniforms` in [0, 1).

    Of the tokens whose probability is at least `min_p` times the largest, the `top_k` most probable, and of these
    nucleus sampling (Holtzman et al., 1904.09751), in vLLM's order, by inverting the distribution function over the
    tokens in descending probability; temperature 0 takes the most probable token.
    """
    if temperature == 0:
        return logits.argmax(dim=-1)
    probabilities, tokens = torch.softmax(logits.float() / temperature, dim=-1).sort(dim=-1, descending=True)
    if min_p:
        probabilities = probabilities.masked_fill(probabilities < min_p * probabilities[:, :1], 0.0)
    if top_k:
        probabilities[:, top_k:] = 0.0
    before = probabilities.cumsum(dim=-1) - probabilities
    whole = probabilities.sum(dim=-1, keepdim=True) if min_p or top_k else 1.0
    nucleus = probabilities.masked_fill(before >= top_p * whole, 0.0)
    nucleus[:, 0] = probabilities[:, 0]  # whatever the rounding, one token stays
    cumulative = nucleus.cumsum(dim=-1)
    ranks = torch.searchsorted(cumulative, uniforms[:, None] * cumulative[:, -1:], right=True)
    # A uniform next to 1 may round up to the sum: the last token of the nucleus is meant.
    ranks = ranks.minimum((nucleus > 0).sum(dim=-1, keepdim=True) - 1)
    return tokens.gather(1, ranks)[:, 0]


def penalised(logits: torch.Tensor, seen: torch.Tensor, penalty: float) -> torch.Tensor:
    """Return logits [rows, vocabulary] with those of tokens that were seen made less likely (Keskar et al.,
    1909.05858): positive ones divided by the penalty, negative ones multiplied by it."""
    return torch.where(seen, torch.where(logits > 0, logits / penalty, logits * penalty), logits)


class StopTexts:
    """Tells when one of the texts that end an answer stands at its end, token by token."""

    def __init__(self, texts: Sequence[str], tokenizer: Any) -> None:
        self._texts, self._tokenizer = texts, tokenizer
        # A token is at least a byte; a few more, since the first of them may decode to less than it says.
        self._tokens = max(len(text.encode()) for text in texts) + 4

    def ends(self, token_ids: Sequence[int]) -> bool:
        """Tell whether the last token has completed one of the texts."""
        end = self._tokenizer.decode(token_ids[-self._tokens :], skip_special_tokens=False)
        return any(text in end for text in self._texts)


def draws(requests: Sequence[Request]) -> torch.Tensor:
    """Return the uniform numbers of each request, [requests, steps], from its own seed."""
    table = torch.zeros(len(requests), max(request.max_new_tokens for request in requests))
    for row, request in zip(table, requests, strict=True):
        own = torch.Generator().manual_seed(request.seed)
        row[: request.max_new_tokens] = torch.rand(request.max_new_tokens, generator=own)
    return table


def padded(rows: Sequence[list[int]]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return ids, mask (1: no padding) and positions, [rows, longest], of token ids padded on the left."""
    ids = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
    mask = torch.zeros_like(ids)
    for number, row in enumerate(rows):
        ids[number, -len(row) :] = torch.tensor(row)
        mask[number, -len(row) :] = 1
    return ids, mask, (mask.cumsum(dim=1) - 1).clamp(min=0)


class RoomyLayer(DynamicLayer):
    """A layer of a KV cache with room to grow in: transformers' own copies all of it at every token, half the time."""

    keys: torch.Tensor
    values: torch.Tensor
    rooms: tuple[torch.Tensor, torch.Tensor] | None = None

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Add keys and values [batch, heads, new, dimension]; return all so far."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        before = self.get_seq_length()
        after = before + key_states.shape[-2]
        if self.rooms is None or self.rooms[0].shape[-2] < after:
            self.rooms = self._larger(key_states, self.keys, after), self._larger(value_states, self.values, after)
        for room, new in zip(self.rooms, (key_states, value_states), strict=True):
            room[..., before:after, :] = new
        self.keys, self.values = (room[..., :after, :] for room in self.rooms)
        return self.keys, self.values

    @staticmethod
    def _larger(like: torch.Tensor, old: torch.Tensor, length: int) -> torch.Tensor:
        batch, heads, _, dimension = like.shape
        room = like.new_empty(batch, heads, length + length // 4 + 64, dimension)
        if old.numel():
            room[..., : old.shape[-2], :] = old
        return room

    def reorder_cache(self, beam_idx: torch.LongTensor) -> None:
        """Keep the rows `beam_idx` of the batch."""
        super().reorder_cache(beam_idx)
        self.rooms = None


def empty_cache(config: Any) -> Cache:
    """Return a cache for a model of this configuration: keys and values with room to grow in, and for layers that carry
    a state (convolutions, Mamba, linear attention) transformers' own."""
    layers = DynamicCache(config=config).layers
    grows = (DynamicLayer, DynamicSlidingWindowLayer)  # a window's keys may all stay: the mask hides the old ones
    return Cache(layers=[RoomyLayer() if type(layer) in grows else layer for layer in layers])


class TransformersEngine:
    """A causal language model of transformers, on the GPU where there is one."""

    def __init__(
        self, model: Path, dtype: str, batch_size: int, deterministic: bool = False, longest: int | None = None
    ) -> None:
        """`longest`: most tokens of a prompt and its answer (the model's context); `deterministic`: one answer at a
        time, drawn on the CPU, so that it hangs on nothing else."""
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.model = load_network(model, dtype=getattr(torch, dtype)).to(self.device).eval()
        settle(self.model, longest or context_of(self.model.config))
        self.batch_size = 1 if deterministic else batch_size
        # A sum over the vocabulary has no fixed order on a GPU.
        self._draws_on = "cpu" if deterministic else self.device
        self._folder = model
        self._tokenizer: Any = None
        takes = inspect.signature(self.model.forward).parameters
        self.cache_name = "past_key_values" if "past_key_values" in takes else "cache_params"
        self.pads = not state_carrying(self.model.config)
        """Whether rows of different lengths may share a batch: a state runs through the padding before a prompt."""
        if HIDDEN_STATE in state_carrying(self.model.config):
            raise self._no_cache()
        self._prove_the_cache()

    def _no_cache(self) -> UserError:
        return UserError(
            f"the transformers engine cannot keep the state of this model ({self.model.config.model_type}) from token "
            "to token: set evaluation.engine to vllm"
        )

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def _prove_the_cache(self) -> None:
        """Try the cache on short prompts of which one leaves the batch early.

        Raises UserError where the logits are not those of whole passes: a model that keeps its state elsewhere, or
        takes another cache.
        """
        prompts = [[5, 9, 7], [11, 6, 5, 8, 7], [11, 6, 5, 8, 9]]
        limits = [8, 3, 8]
        bound = 1e-3 if self.model.dtype == torch.float32 else 0.1
        sampled = Sampling(1.0, 1.0, frozenset())
        for batch in [[0, 1, 2]] if self.pads else [[0], [1, 2]]:
            asked = [Request(prompts[i], limits[i], i) for i in batch]
            seen: list[list[torch.Tensor]] = [[] for _ in batch]
            try:
                answers = dict(self._generate_batch(asked, sampled, seen))
            except (ValueError, TypeError, AttributeError) as error:
                raise self._no_cache() from error
            for row, answer in answers.items():
                ids = torch.tensor([asked[row].prompt_ids + answer.token_ids], device=self.device)
                whole = self.model(input_ids=ids, use_cache=False).logits[0, -len(answer.token_ids) - 1 : -1].float()
                kept = torch.stack(seen[row][: len(whole)]).float()
                gaps = (whole - kept).abs().amax(dim=-1)
                # Most tokens tell: rounding sends one to other experts now and then.
                if not bool(gaps.median() <= bound * whole.abs().max().clamp(min=1)):
                    raise self._no_cache()

    def _stop_texts(self, sampling: Sampling) -> StopTexts | None:
        if not sampling.stop:
            return None
        if self._tokenizer is None:
            from transformers import AutoTokenizer

            self._tokenizer = AutoTokenizer.from_pretrained(str(self._folder))
        return StopTexts(sampling.stop, self._tokenizer)

    def _batches(self, lengths: list[int]) -> Iterator[list[int]]:
        """Yield the numbers of the rows of each batch: rows of like length share one, the longest come first."""
        order = sorted(range(len(lengths)), key=lambda i: lengths[i], reverse=True)
        groups = [order] if self.pads else [list(group) for _, group in groupby(order, key=lengths.__getitem__)]
        for group in groups:
            for start in range(0, len(group), self.batch_size):
                yield group[start : start + self.batch_size]

    def generate(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[tuple[int, Generated]]:
        """Yield (place, answer) for each request as answers end."""
        for batch in self._batches([len(request.prompt_ids) for request in requests]):
            for row, answer in self._generate_batch([requests[i] for i in batch], sampling):
                yield batch[row], answer

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def loglikelihoods(self, continuations: Sequence[Continuation]) -> Iterator[tuple[int, float]]:
        """Yield (place, log p(tokens | prompt) in nats) for each continuation."""
        rows = [continuation.prompt_ids + continuation.token_ids for continuation in continuations]
        for batch in self._batches([len(row) for row in rows]):
            ids, mask, positions = (part.to(self.device) for part in padded([rows[i] for i in batch]))
            sizes = [len(continuations[i].token_ids) for i in batch]
            output = self.model(
                input_ids=ids,
                attention_mask=mask,
                position_ids=positions,
                use_cache=False,
                logits_to_keep=max(sizes) + 1,
            )
            # The logits of a place are those of the token after it.
            every = torch.log_softmax(output.logits[:, :-1].float(), dim=-1)
            chosen = every.gather(2, ids[:, -max(sizes) :, None])[..., 0].tolist()
            for place, logprobs, size in zip(batch, chosen, sizes, strict=True):
                yield place, sum(logprobs[-size:])

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def _generate_batch(
        self, requests: Sequence[Request], sampling: Sampling, seen_logits: list[list[torch.Tensor]] | None = None
    ) -> Iterator[tuple[int, Generated]]:
        """Yield (index in `requests`, answer) as answers end. Ended rows leave the batch a quarter at a time.

        The model's logits at each step are added to those of their request in `seen_logits`.
        """
        uniforms = draws(requests).to(self._draws_on)
        ids, mask, positions = (part.to(self.device) for part in padded([request.prompt_ids for request in requests]))
        width = ids.shape[1]
        mask = torch.cat([mask, mask.new_ones(uniforms.shape)], dim=1)

        answers: list[list[int]] = [[] for _ in requests]
        rows = list(range(len(requests)))  # of the batch: which request each is
        open_rows, cache = set(rows), empty_cache(self.model.config)
        seen, stop_texts, penalty = None, self._stop_texts(sampling), sampling.repetition_penalty
        for step in range(uniforms.shape[1]):
            given = {self.cache_name: cache}
            if self.pads:  # without padding it is all ones, and Mamba's layers multiply one token by every row of it
                given["attention_mask"] = mask[:, : width + step]
            output = self.model(input_ids=ids, position_ids=positions, use_cache=True, logits_to_keep=1, **given)
            logits = output.logits[:, -1]
            if seen_logits is not None:
                for row, of_row in zip(rows, logits, strict=True):
                    seen_logits[row].append(of_row)
            if penalty:
                if seen is None:  # the prompts' tokens; the padding is none of them
                    seen = torch.zeros(logits.shape, dtype=torch.int, device=self.device)
                    seen.scatter_add_(1, ids, mask[:, :width].int())
                logits = penalised(logits, seen > 0, penalty)
            logits = logits.to(self._draws_on)
            tokens = next_tokens(
                logits, uniforms[:, step], sampling.temperature, sampling.top_p, sampling.top_k, sampling.min_p
            ).to(self.device)
            if seen is not None:
                seen.scatter_(1, tokens[:, None], 1)
            progress.made(len(open_rows))
            for row, token in zip(rows, tokens.tolist(), strict=True):
                if row in open_rows:
                    answers[row].append(token)
                    stopped = token in sampling.stop_ids or bool(stop_texts and stop_texts.ends(answers[row]))
                    if stopped or len(answers[row]) == requests[row].max_new_tokens:
                        open_rows.remove(row)
                        yield row, Generated(answers[row], "stop" if stopped else "length")
            if not open_rows:
                return
            ids, positions = tokens[:, None], positions[:, -1:] + 1
            if 4 * len(open_rows) <= 3 * len(rows):
                kept = [i for i, row in enumerate(rows) if row in open_rows]
                rows = [rows[i] for i in kept]
                index = torch.tensor(kept, device=self.device)
                ids, positions, mask = ids[index], positions[index], mask[index]
                uniforms = uniforms[index.to(uniforms.device)]
                cache.reorder_cache(index)
                seen = None if seen is None else seen[index]
