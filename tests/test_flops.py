"""Operations counted by shape are those that torch counts while it computes them."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from perf.flops import pass_flops
from perf.score_steps import build_chains, build_model


@contextmanager
def torch_count() -> Iterator[list[int]]:
    """Yield what torch's own counter counts, with attention as products of matrices, which it knows."""
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    found: list[int] = []
    with torch.inference_mode(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        yield found
    found.append(counter.get_total_flops())


@pytest.mark.parametrize("budget", [100_000, 300])
def test_a_tree_in_one_pass_and_in_several(budget: int) -> None:
    from scripts.select.limopro.batches import in_batches
    from scripts.select.limopro.scorer import Scorer
    from scripts.select.limopro.tree import TreeWay

    model = build_model(64, 2, 500)
    chains = build_chains(1, 12, 20, 6, 500)
    with torch_count() as found, pass_flops(model) as count:
        list(in_batches(Scorer(model), TreeWay(), chains, budget))
    assert count.flops == pytest.approx(found[0], rel=0.02)


def test_a_training_step() -> None:
    """Three times the forward pass; what rows need, half of the squares, is what model_flops counts."""
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    from scripts.train.throughput import model_flops, model_shape

    model, tokens = build_model(64, 2, 500).train(), 160
    ids = torch.arange(tokens)[None]
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model(input_ids=ids, labels=ids).loss.backward()
    # A causal kernel skips half of what matrices multiply whole.
    assert model_flops(model_shape(model), tokens, 2 * tokens**2) == pytest.approx(counter.get_total_flops(), rel=0.02)
