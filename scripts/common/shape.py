"""The shape of a transformer, read from its configuration, whatever family it is of."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from scripts.common.cli import UserError

# transformers' names of one thing in different families.
NAMES = {
    # The last three hold a name, or a letter, for each layer (Nemotron-H).
    "layers": (
        *("num_hidden_layers", "n_layer", "n_layers", "num_layers"),
        *("layer_types", "layers_block_type", "hybrid_override_pattern"),
    ),
    "hidden": ("hidden_size", "n_embd", "d_model", "dim"),
    "heads": ("num_attention_heads", "n_head", "n_heads", "num_heads"),
    "key_heads": ("num_key_value_heads", "num_kv_heads"),
    "width": ("head_dim",),
    "inner": ("intermediate_size", "ffn_dim", "n_inner", "ffn_hidden_size", "d_ff"),
    "vocabulary": ("vocab_size",),
}
# What a layer is called that keeps keys and values, or nothing at all; every other one carries a state along the row.
KEEPS_NO_STATE = {"full_attention", "sliding_attention", "chunked_attention", "indexed_attention", "moe", "mlp"}
HIDDEN_STATE = "recurrent"
"""The kind of layers that keep their state to themselves, in no cache that is handed to them."""


class Shape(NamedTuple):
    """What memory and arithmetic of a model depend on."""

    layers: int
    hidden: int
    heads: int
    key_heads: int
    width: int
    """Of a head."""
    inner: int
    """Of the layers between attention and attention."""
    vocabulary: int


def shape_of(config: Any) -> Shape:
    """Return the shape of a model from its configuration, of transformers or as config.json holds it.

    Of a model that reads images too, that of the part that reads text. Raises KeyError where the layers or their width
    are called by no known name.
    """
    values: Mapping[str, Any] = config if isinstance(config, Mapping) else config.to_dict()
    values = {**values, **(values.get("text_config") or {})}

    def named(what: str, default: int | None = None) -> int:
        found = next((values[name] for name in NAMES[what] if values.get(name)), default)
        if found is None:
            raise KeyError(what)
        if isinstance(found, str) or (isinstance(found, list) and isinstance(found[0], str)):
            return len(found)
        return int(max(found) if isinstance(found, list) else found)

    hidden = named("hidden")
    heads = named("heads", 1)
    return Shape(
        layers=named("layers"),
        hidden=hidden,
        heads=heads,
        key_heads=named("key_heads", heads),
        width=named("width", max(1, hidden // heads)),
        inner=named("inner", 4 * hidden),
        vocabulary=named("vocabulary", 32_000),
    )


def load_config(folder: str | Path) -> Any:
    """Return transformers' configuration of the model in a folder.

    Raises UserError for a model that transformers does not know, or whose code would have to come from its folder.
    """
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(str(folder), trust_remote_code=False)
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).strip().split("\n")[0]
        raise UserError(
            f"the model in '{folder}' is none that transformers knows, and code of a model's own is not run: {reason}"
        ) from error


def network_class(config: Any) -> Any:
    """Return transformers' class of causal language models for a configuration, or None where it has none."""
    from transformers import AutoModelForCausalLM

    try:
        found = AutoModelForCausalLM._model_mapping[type(config)]
    except KeyError:
        return None
    return found[0] if isinstance(found, tuple) else found


def state_carrying(config: Any) -> list[str]:
    """Return the kinds of layers that carry a state along a row: convolutions, Mamba, linear attention; none for most.

    Packed rows see each other through them, and padding before a prompt runs through them.
    """
    from transformers.cache_utils import get_layer_types_and_kwargs

    text = config.get_text_config(decoder=True)
    kinds = set(get_layer_types_and_kwargs(text)[0]) - KEEPS_NO_STATE
    if not kinds and getattr(network_class(config), "_is_stateful", False):
        kinds = {HIDDEN_STATE}
    return sorted(kinds)
