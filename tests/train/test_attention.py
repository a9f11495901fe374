"""Packed rows do not see each other, whatever the attention; ours builds no mask."""

from pathlib import Path
from typing import Any

import pytest

from scripts.train.attention import SEGMENTS, choose, register

LENGTHS = [5, 1, 23, 2, 40]


def load(folder: Path, attention: str) -> Any:
    from transformers import AutoModelForCausalLM

    register()
    model = AutoModelForCausalLM.from_pretrained(folder, attn_implementation=attention)
    model.config.use_cache = False
    return model


def packed_batch(vocabulary: int) -> tuple[Any, Any, Any]:
    import torch

    torch.manual_seed(0)
    ids = torch.randint(3, vocabulary, (1, sum(LENGTHS)))
    positions = torch.cat([torch.arange(length) for length in LENGTHS])[None]
    bounds = torch.tensor([0, *LENGTHS]).cumsum(0).to(torch.int32)
    return ids, positions, bounds


@pytest.mark.parametrize("attention", [SEGMENTS, "sdpa", "eager"])
def test_a_row_alone_and_packed_have_the_same_logits(tiny_model: Path, attention: str) -> None:
    import torch

    model, plain = load(tiny_model, attention), load(tiny_model, "eager")
    ids, positions, bounds = packed_batch(model.config.vocab_size)
    with torch.no_grad():
        packed = model(input_ids=ids, position_ids=positions, cu_seq_lens_q=bounds, cu_seq_lens_k=bounds).logits
        alone = torch.cat([plain(input_ids=row[None]).logits for row in ids[0].split(LENGTHS)], dim=1)
    assert (packed - alone).abs().max() < 1e-4
    # The test can fail: without the bounds the rows do leak.
    if attention == SEGMENTS:
        with torch.no_grad():
            leaking = model(input_ids=ids, position_ids=positions).logits
        assert (leaking - alone).abs().max() > 0.1


def test_gradients_are_those_of_rows_alone(tiny_model: Path) -> None:
    import torch

    model, plain = load(tiny_model, SEGMENTS), load(tiny_model, "eager")
    ids, positions, bounds = packed_batch(model.config.vocab_size)
    model(input_ids=ids, position_ids=positions, cu_seq_lens_q=bounds).logits.square().sum().backward()
    for row in ids[0].split(LENGTHS):
        plain(input_ids=row[None]).logits.square().sum().backward()
    for (name, mine), theirs in zip(model.named_parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad, rtol=1e-3, atol=1e-3 * theirs.grad.abs().max(), msg=name)


def test_padding_on_the_right_changes_nothing(tiny_model: Path) -> None:
    import torch

    model, plain = load(tiny_model, SEGMENTS), load(tiny_model, "eager")
    ids, _, _ = packed_batch(model.config.vocab_size)
    rows = ids[0].split(LENGTHS)
    padded = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    mask = torch.nn.utils.rnn.pad_sequence([torch.ones_like(row) for row in rows], batch_first=True)
    with torch.no_grad():
        batch = model(input_ids=padded, attention_mask=mask).logits
        for row, logits in zip(rows, batch, strict=True):
            assert (logits[: len(row)] - plain(input_ids=row[None]).logits[0]).abs().max() < 1e-4


def test_no_mask_is_built(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At 16k tokens it would have 268 million entries: what sdpa is given is none."""
    import torch
    from transformers.integrations import sdpa_attention

    seen = []
    monkeypatch.setattr(
        sdpa_attention, "sdpa_attention_forward",
        lambda module, query, key, value, mask, **rest: (seen.append((mask, query.shape[2])), (query.transpose(1, 2), None))[1],
    )  # fmt: skip
    model = load(tiny_model, SEGMENTS)
    ids, positions, bounds = packed_batch(model.config.vocab_size)
    with torch.no_grad():
        model(input_ids=ids, position_ids=positions, cu_seq_lens_q=bounds)
        model(input_ids=ids, attention_mask=torch.ones_like(ids))
    assert all(mask is None for mask, _ in seen)
    assert [length for _, length in seen][: len(LENGTHS)] == LENGTHS


def test_the_attention_is_chosen_by_what_is_installed_and_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    import transformers.utils
    from transformers import MistralConfig, Qwen2Config

    monkeypatch.setattr(transformers.utils, "is_flash_attn_2_available", lambda: False)
    assert choose(Qwen2Config(), half_precision=True) == SEGMENTS
    assert (
        choose(Qwen2Config(use_sliding_window=True, sliding_window=64, max_window_layers=0), True) == "flex_attention"
    )
    assert choose(MistralConfig(sliding_window=64), True) == "flex_attention"
    monkeypatch.setattr(transformers.utils, "is_flash_attn_2_available", lambda: True)
    assert choose(Qwen2Config(), half_precision=True) == "flash_attention_2"
    assert choose(Qwen2Config(), half_precision=False) == SEGMENTS
