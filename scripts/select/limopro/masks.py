"""Attention masks of a tree, for every model that lets transformers make its masks.

transformers makes a mask from a function of (row, head, query, key) places: causal, a sliding window, a chunk, by
layer. Here that function is asked about the tokens' positions in their text instead of their places in the pass, and
what a branch does not see is taken away. So windows stay what they are, and no architecture need be known by name. A
model that makes its masks by itself does not notice; that is what the probe is for.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

Sees = Callable[[Any, Any, Any], Any]
"""Whether the query sees the key: of (row, query, key), index tensors that broadcast, a tensor of booleans."""


@contextmanager
def tree_masks(positions: torch.Tensor, sees: Sees) -> Iterator[None]:
    """Inside, masks are those of a tree. `positions` is (rows, keys): where each key stands in its text; the queries of
    the pass are the last of them."""
    from transformers import masking_utils

    registry = masking_utils.ALL_MASK_ATTENTION_FUNCTIONS
    own = {name: registry[name] for name in ("sdpa", "eager")}

    def changed(make: Callable[..., Any]) -> Callable[..., Any]:
        def mask(**options: Any) -> Any:
            rule = options["mask_function"]

            def of_tree(row: Any, head: Any, query: Any, key: Any) -> Any:
                return rule(row, head, positions[row, query], positions[row, key]) & sees(row, query, key)

            return make(**options | {"mask_function": of_tree, "attention_mask": None, "allow_is_causal_skip": False})

        return mask

    try:
        for name, make in own.items():
            registry[name] = changed(make)
        yield
    finally:
        for name, make in own.items():
            registry[name] = make
