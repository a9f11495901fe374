"""Floating-point operations of forward passes, counted by shape while they run.

A pass of q tokens over k keys takes 2 operations a weight and token, and 4 x layers x attention width x q x k for
attention (scores, and their sum over values), as it is computed: all keys of a mask, seen or not. The head is
multiplied at the positions whose logits are made. tests/test_flops.py holds this against torch's FlopCounterMode.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from scripts.common.shape import shape_of


class Count:
    """Operations so far."""

    def __init__(self) -> None:
        self.flops = 0.0


def weights_of_layers(model: Any) -> int:
    """Return how many weights a token is multiplied with in the layers: no embedding, no head, no norm."""
    return sum(weight.numel() for weight in model.base_model.layers.parameters() if weight.dim() == 2)


@contextmanager
def pass_flops(model: Any) -> Iterator[Count]:
    """Count what `model` computes: its layers by tokens and keys, its head by the positions that it is asked for."""
    count, shape, weights = Count(), shape_of(model.config), weights_of_layers(model)

    def layers(module: Any, arguments: Any, keywords: dict[str, Any]) -> None:
        ids, cache = keywords["input_ids"], keywords.get("past_key_values")
        rows, queries = ids.shape
        keys = queries + (cache.get_seq_length() if cache is not None else 0)
        count.flops += 2 * weights * rows * queries
        count.flops += 4 * shape.layers * shape.heads * shape.width * rows * queries * keys

    def head(module: Any, arguments: Any) -> None:
        count.flops += 2 * module.weight.numel() * arguments[0].numel() // arguments[0].shape[-1]

    handles = [
        model.base_model.register_forward_pre_hook(layers, with_kwargs=True),
        model.get_output_embeddings().register_forward_pre_hook(head),
    ]
    try:
        yield count
    finally:
        for handle in handles:
            handle.remove()
