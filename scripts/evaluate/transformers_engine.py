"""Generation with transformers, anywhere: batches with a KV cache, a random generator for every answer.

transformers' own `generate` draws a whole batch from one generator, so that an answer would depend on what else is in
its batch and on how the questions are sharded. Here an answer's draws are its own. What a batch still changes is the
rounding of the logits (its shape selects other matrix kernels), which can turn a token: seldom in float32, more often
in bfloat16.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers.cache_utils import Cache, DynamicLayer

from scripts.evaluate.engines import Continuation, Generated, Request, Sampling


def next_tokens(logits: torch.Tensor, uniforms: torch.Tensor, temperature: float, top_p: float) -> torch.Tensor:
    """Return a token for each row of `logits` [rows, vocabulary], drawn by its own number of `uniforms` in [0, 1).

    Nucleus sampling (Holtzman et al., 1904.09751) by inverting the distribution function over the tokens in descending
    probability; temperature 0 takes the most probable token.
    """
    if temperature == 0:
        return logits.argmax(dim=-1)
    probabilities, tokens = torch.softmax(logits.float() / temperature, dim=-1).sort(dim=-1, descending=True)
    before = probabilities.cumsum(dim=-1) - probabilities
    nucleus = probabilities.masked_fill(before >= top_p, 0.0)
    nucleus[:, 0] = probabilities[:, 0]  # whatever the rounding, one token stays
    cumulative = nucleus.cumsum(dim=-1)
    ranks = torch.searchsorted(cumulative, uniforms[:, None] * cumulative[:, -1:], right=True)
    # A uniform next to 1 may round up to the sum: the last token of the nucleus is meant.
    ranks = ranks.minimum((nucleus > 0).sum(dim=-1, keepdim=True) - 1)
    return tokens.gather(1, ranks)[:, 0]


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

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        """Keep the rows `indices` of the batch."""
        super().batch_select_indices(indices)
        self.rooms = None


class TransformersEngine:
    """A causal language model of transformers, on the GPU where there is one."""

    def __init__(self, model: Path, dtype: str, batch_size: int) -> None:
        from transformers import AutoModelForCausalLM

        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.model = (
            AutoModelForCausalLM.from_pretrained(str(model), dtype=getattr(torch, dtype)).to(self.device).eval()
        )
        self.batch_size = batch_size

    def _batches(self, lengths: list[int]) -> Iterator[list[int]]:
        """Yield the numbers of the rows of each batch: rows of like length share one, the longest come first."""
        order = sorted(range(len(lengths)), key=lambda i: lengths[i], reverse=True)
        for start in range(0, len(order), self.batch_size):
            yield order[start : start + self.batch_size]

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
    def _generate_batch(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[tuple[int, Generated]]:
        """Yield (index in `requests`, answer) as answers end. Ended rows leave the batch a quarter at a time."""
        uniforms = draws(requests).to(self.device)
        ids, mask, positions = (part.to(self.device) for part in padded([request.prompt_ids for request in requests]))
        width = ids.shape[1]
        mask = torch.cat([mask, mask.new_ones(uniforms.shape)], dim=1)

        answers: list[list[int]] = [[] for _ in requests]
        rows = list(range(len(requests)))  # of the batch: which request each is
        open_rows, cache = set(rows), Cache(layer_class_to_replicate=RoomyLayer)
        for step in range(uniforms.shape[1]):
            output = self.model(
                input_ids=ids,
                attention_mask=mask[:, : width + step],
                position_ids=positions,
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,
            )
            tokens = next_tokens(output.logits[:, -1], uniforms[:, step], sampling.temperature, sampling.top_p)
            for row, token in zip(rows, tokens.tolist(), strict=True):
                if row in open_rows:
                    answers[row].append(token)
                    stopped = token in sampling.stop_ids
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
                ids, positions, mask, uniforms = ids[index], positions[index], mask[index], uniforms[index]
                cache.batch_select_indices(index)
