"""Generation with transformers, anywhere: batches with a KV cache, a random generator for every answer.

transformers' own `generate` draws a whole batch from one generator, so that an answer would depend on what else is in
its batch and on how the questions are sharded. Here an answer's draws are its own. What a batch still changes is the
rounding of the logits (its shape selects other matrix kernels), which can turn a token: seldom in float32, more often
in bfloat16.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from transformers.cache_utils import Cache, DynamicLayer

from scripts.common import cli
from scripts.evaluate.engines import Generated, Request, Sampling


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


def draws(requests: list[Request]) -> torch.Tensor:
    """Return the uniform numbers of each request, [requests, steps], from its own seed."""
    table = torch.zeros(len(requests), max(request.max_new_tokens for request in requests))
    for row, request in zip(table, requests, strict=True):
        own = torch.Generator().manual_seed(request.seed)
        row[: request.max_new_tokens] = torch.rand(request.max_new_tokens, generator=own)
    return table


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

    def generate(self, requests: list[Request], sampling: Sampling) -> list[Generated]:
        """Return an answer to each request, in the requests' order; prompts of like length share a batch."""
        order = sorted(range(len(requests)), key=lambda i: len(requests[i].prompt_ids), reverse=True)
        answers: dict[int, Generated] = {}
        bar = cli.progress(range(len(requests)), "answers", "answer")
        for start in range(0, len(order), self.batch_size):
            batch = order[start : start + self.batch_size]
            for position, answer in self._generate_batch([requests[i] for i in batch], sampling):
                answers[batch[position]] = answer
                next(bar)
        next(bar, None)
        return [answers[i] for i in range(len(requests))]

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def _generate_batch(self, requests: list[Request], sampling: Sampling) -> Iterator[tuple[int, Generated]]:
        """Yield (index in `requests`, answer) as answers end. Ended rows leave the batch a quarter at a time."""
        width = max(len(request.prompt_ids) for request in requests)
        uniforms = draws(requests).to(self.device)
        ids = torch.zeros(len(requests), width, dtype=torch.long)
        mask = torch.ones(len(requests), width + uniforms.shape[1], dtype=torch.long)
        for row, request in enumerate(requests):
            padding = width - len(request.prompt_ids)  # on the left
            ids[row, padding:] = torch.tensor(request.prompt_ids)
            mask[row, :padding] = 0
        ids, mask = ids.to(self.device), mask.to(self.device)
        positions = (mask[:, :width].cumsum(dim=1) - 1).clamp(min=0)

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
