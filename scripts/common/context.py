"""How many tokens a model can hold, whatever family it is of."""

from typing import Any


def context_of(config: Any) -> float:
    """Return how many tokens the context of a model (its transformers configuration) holds; infinity without a bound.

    A bound is missing where a state takes the place of attention (Mamba), or positions have no end (ALiBi).
    """
    text = config.get_text_config(decoder=True)  # of a model that reads images too, the part that reads text
    bound = getattr(text, "max_position_embeddings", None) or float("inf")
    rope = getattr(text, "rope_parameters", None) or {}
    if rope.get("rope_type") == "yarn" and (before := rope.get("original_max_position_embeddings")):
        bound = max(bound, int(before * rope["factor"]))  # some families leave max_position_embeddings as it was before
    return bound
