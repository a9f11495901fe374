"""Attention for training rows of any length without a mask: causal inside each packed row, quadratic in none other.

transformers' own sdpa builds a dense mask of length x length as soon as rows are packed or padded: at 16,384 tokens
268 million entries, most of whose products are thrown away, and a mask keeps sdpa from its flash kernels.
"""

from typing import Any

SEGMENTS = "sdpa_segments"
VARLEN = "torch_varlen"
ON_GPU = ("flash_attention_2", VARLEN, "flex_attention")  # those that cannot be tried elsewhere


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


def attend_varlen(
    module: Any,
    query: Any,
    key: Any,
    value: Any,
    attention_mask: Any,
    cu_seq_lens_q: Any = None,
    max_length_q: int | None = None,
    **kwargs: Any,
) -> tuple[Any, None]:
    """Return causal attention, (batch, length, heads, width), by torch's own flash kernel for rows of any lengths.

    One call, on a GPU, in 16 bits (torch.nn.attention.varlen). Shapes as in `attend_segments`, which computes padded
    rows: they have no bounds. Raises ValueError for dropout.
    """
    import torch
    from torch.nn.attention.varlen import varlen_attn

    if cu_seq_lens_q is None or max_length_q is None:
        return attend_segments(module, query, key, value, attention_mask, **kwargs)
    if kwargs.get("dropout"):
        raise ValueError("it has no dropout")
    # A norm or a rotation may have left float32 in mixed precision, which the kernel does not take.
    number = torch.get_autocast_dtype(query.device.type) if query.dtype == torch.float32 else query.dtype
    rows = [part[0].transpose(0, 1).to(number) for part in (query, key, value)]
    output = varlen_attn(
        *rows,
        cu_seq_lens_q,
        cu_seq_lens_q,
        int(max_length_q),
        int(max_length_q),
        scale=kwargs.get("scaling"),
        window_size=(-1, 0),  # all before it, nothing behind
        enable_gqa=query.shape[1] != key.shape[1],
    )
    return output[None].to(query.dtype), None


def _of_sdpa(kwargs: dict[str, Any]) -> dict[str, Any]:
    return {key: kwargs[key] for key in ("dropout", "scaling") if key in kwargs}


def register() -> None:
    """Make ours known to transformers; it builds no mask for an attention that it has no mask function of."""
    from transformers import AttentionInterface

    AttentionInterface.register(SEGMENTS, attend_segments)
    AttentionInterface.register(VARLEN, attend_varlen)


def candidates(config: Any, half_precision: bool) -> list[str]:
    """Return the attentions that may suit a model, the fastest first; which is right, attention_trial.py finds.

    flash-attention where it is installed and can run; where all layers look back over the whole row torch's kernel for
    rows of any lengths (VARLEN, on a GPU without flash-attention) and SEGMENTS; flex attention on a GPU where they do
    not, then transformers' own with masks of length x length, last the model's own code. `config` is the model's;
    flash-attention and VARLEN take 16-bit numbers only.
    """
    import torch
    from transformers.utils import is_flash_attn_2_available

    # Of a model that reads images too, the part that reads text.
    text = config.get_text_config(decoder=True)
    layers = getattr(text, "layer_types", None) or []
    windowed = getattr(text, "sliding_window", None) or any("sliding" in kind or "chunk" in kind for kind in layers)
    flash = half_precision and is_flash_attn_2_available()
    flex = windowed and torch.cuda.is_available()
    return [
        *(["flash_attention_2"] if flash else []),
        *([VARLEN] if half_precision and torch.cuda.is_available() and not (flash or windowed) else []),
        *([] if windowed else [SEGMENTS]),
        *(["flex_attention"] if flex else []),
        "sdpa",
        "eager",
    ]
