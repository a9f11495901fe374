"""Attention for training rows of any length without a mask: causal inside each packed row, quadratic in none other.

transformers' own sdpa builds a dense mask of length x length as soon as rows are packed or padded: at 16,384 tokens
268 million entries, most of whose products are thrown away, and a mask keeps sdpa from its flash kernels.
"""

from typing import Any

SEGMENTS = "sdpa_segments"


def attend_segments(
    module: Any,
    query: Any,
    key: Any,
    value: Any,
    attention_mask: Any,
    cu_seq_lens_q: Any = None,
    **kwargs: Any,
) -> tuple[Any, None]:
    """Return causal attention, (batch, length, heads, width), by one call of sdpa for each packed row.

    query is (batch, heads, length, width), key and value have fewer heads where these are shared; `cu_seq_lens_q` holds
    the packed rows' bounds. Without them rows are padded, on the right: causality alone keeps padding from being seen.
    """
    import torch
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    if cu_seq_lens_q is None:
        return sdpa_attention_forward(module, query, key, value, None, is_causal=True, **_of_sdpa(kwargs))
    lengths = cu_seq_lens_q.diff().tolist()
    pieces = zip(*(part.split(lengths, dim=2) for part in (query, key, value)), strict=True)
    outputs = [sdpa_attention_forward(module, *piece, None, is_causal=True, **_of_sdpa(kwargs))[0] for piece in pieces]
    return torch.cat(outputs, dim=1), None


def _of_sdpa(kwargs: dict[str, Any]) -> dict[str, Any]:
    return {key: kwargs[key] for key in ("dropout", "scaling") if key in kwargs}


def register() -> None:
    """Make SEGMENTS known to transformers; it builds no mask for an attention that it has no mask function of."""
    from transformers import AttentionInterface

    AttentionInterface.register(SEGMENTS, attend_segments)


def choose(config: Any, half_precision: bool) -> str:
    """Return the attention for a model: flash-attention where it is installed and can run, else SEGMENTS, else flex
    attention where layers look back over a window only.

    `config` is the model's; flash-attention takes 16-bit numbers only.
    """
    from transformers.utils import is_flash_attn_2_available

    if half_precision and is_flash_attn_2_available():
        return "flash_attention_2"
    layers = getattr(config, "layer_types", None) or []
    windowed = getattr(config, "sliding_window", None) or any(layer != "full_attention" for layer in layers)
    return "flex_attention" if windowed else SEGMENTS
