"""Rotary positions whose frequencies change with the length of a text (LongRoPE, 2402.13753): one set of them for all.

transformers takes them from the longest row of a pass, so that a text would hang on what shares its batch, and keys of
the cache from before the border would not fit those behind it. vLLM takes one set for a model, by the longest text that
it may be given. So do training and our own engine.
"""

from collections.abc import Mapping
from typing import Any

LONGROPE = "longrope"


def changes_at(config: Any) -> float:
    """Return the number of tokens up to which a model's frequencies (by its transformers configuration) stay as they
    are; infinity for most."""
    rope = getattr(config.get_text_config(decoder=True), "rope_parameters", None) or {}
    every = [rope, *(own for own in rope.values() if isinstance(own, Mapping))]  # one, or one for each kind of layer
    borders = [one["original_max_position_embeddings"] for one in every if one.get("rope_type") == LONGROPE]
    return min(borders, default=float("inf"))


def settle(network: Any, length: float) -> None:
    """Give a network the frequencies of a text of `length` tokens, for texts of any length; most have but one set."""
    import torch

    for module in network.modules():
        kinds: Any = getattr(module, "rope_type", None)
        layered = isinstance(kinds, Mapping)
        for layers, kind in list(kinds.items()) if layered else [(None, kinds)]:
            if kind != LONGROPE:
                continue
            # The module itself takes the frequencies of the last position; then it is told that they never change.
            last = torch.tensor([[int(length) - 1]], device=next(module.buffers()).device)
            module(torch.zeros(1, device=last.device), last, **({"layer_type": layers} if layered else {}))
            if layered:
                kinds[layers] = "settled"
            else:
                module.rope_type = "settled"
