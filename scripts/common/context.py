"""How many tokens a model can hold, whatever family it is of."""

from typing import Any


def context_of(config: Any) -> float:
    """Return how many tokens the context of a model (its transformers configuration) holds; infinity without a bound.

    A bound is missing where a state takes the place of attention (Mamba), or positions have no end (ALiBi).
    """
    # Of a model that reads images too, the part that reads text.
    return getattr(config.get_text_config(decoder=True), "max_position_embeddings", None) or float("inf")
