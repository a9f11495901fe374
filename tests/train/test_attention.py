"""Packed rows do not see each other, whatever the attention; ours builds no mask."""

from pathlib import Path
from typing import Any

import pytest

from scripts.train.attention import SEGMENTS, VARLEN, attend_segments, attend_varlen, candidates, register

LENGTHS = [5, 1, 23, 2, 40]


def load(folder: Path, attention: str) -> Any:
    from transformers import AutoModelForCausalLM

    register()
    model = AutoModelForCausalLM.from_pretrained(folder, attn_implementation=attention)
    model.config.use_cache = False
    return model


def test_a_window_is_seen_in_the_part_that_reads_text() -> None:
    from transformers import AutoConfig

    layers = {"sliding_window": 8, "layer_types": ["sliding_attention", "full_attention"], "num_hidden_layers": 2}
    assert SEGMENTS not in candidates(AutoConfig.for_model("gemma3", text_config=layers), half_precision=False)
    assert candidates(AutoConfig.for_model("llama"), half_precision=False)[0] == SEGMENTS


def packed_batch(vocabulary: int) -> tuple[Any, Any, Any]:
    import torch

    torch.manual_seed(0)
    ids = torch.randint(3, vocabulary, (1, sum(LENGTHS)))
    positions = torch.cat([torch.arange(length) for length in LENGTHS])[None]
    bounds = torch.tensor([0, *LENGTHS]).cumsum(0).to(torch.int32)
    return ids, positions, bounds


def stand_in(query: Any, key: Any, value: Any, bounds: Any, bounds_k: Any, longest: int, longest_k: int, *,
             scale: float | None, window_size: tuple[int, int], enable_gqa: bool) -> Any:  # fmt: skip
    """What torch.nn.attention.varlen.varlen_attn documents, written out: (tokens, heads, width), row by row, the first
    `bounds[i]` tokens of earlier rows not seen, of its own none behind (window (-1, 0)). The kernel runs on GPUs only."""
    import torch

    assert window_size == (-1, 0) and bounds is bounds_k and longest == longest_k == int(bounds.diff().max())
    assert query.ndim == 3 and enable_gqa == (query.shape[1] != key.shape[1])
    shared = query.shape[1] // key.shape[1]
    outputs = []
    for start, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        q, k, v = (part[start:end].transpose(0, 1) for part in (query, key, value))
        k, v = (part.repeat_interleave(shared, dim=0) for part in (k, v))
        products = q @ k.transpose(1, 2) * (scale or q.shape[-1] ** -0.5)
        products = products.masked_fill(torch.ones(end - start, end - start).triu(1).bool(), float("-inf"))
        outputs.append((products.softmax(-1) @ v).transpose(0, 1))
    return torch.cat(outputs)


def test_torchs_kernel_is_asked_for_what_rows_side_by_side_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a stand-in: that the kernel itself does what its page says takes a GPU, where the trial of the model shows it."""
    import torch

    monkeypatch.setattr("torch.nn.attention.varlen.varlen_attn", stand_in)
    torch.manual_seed(0)
    bounds = torch.tensor([0, *LENGTHS]).cumsum(0).to(torch.int32)
    query, key, value = (torch.randn(1, heads, sum(LENGTHS), 16, dtype=torch.float16).float() for heads in (4, 2, 2))
    module = torch.nn.Module()
    module.num_key_value_groups = 2
    given = {"cu_seq_lens_q": bounds, "max_length_q": max(LENGTHS), "scaling": 0.3}
    with torch.autocast("cpu", torch.bfloat16):  # float32 inside mixed precision goes in as 16 bits and comes back
        seen = attend_varlen(module, query, key, value, None, **given)[0]
    assert seen.dtype == torch.float32
    monkeypatch.setattr("torch.get_autocast_dtype", lambda device: torch.float32)
    exact, _ = attend_varlen(module, query, key, value, None, **given)
    wanted, _ = attend_segments(module, query, key, value, None, **given)
    assert exact.shape == wanted.shape == (1, sum(LENGTHS), 4, 16)
    torch.testing.assert_close(exact, wanted, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(seen, wanted, atol=0.05, rtol=0.05)
    with pytest.raises(ValueError, match="dropout"):
        attend_varlen(module, query, key, value, None, **given, dropout=0.1)


def test_torchs_kernel_is_taken_on_a_gpu_where_flash_attention_is_not_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from transformers import AutoConfig

    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("transformers.utils.is_flash_attn_2_available", lambda: False)
    llama = AutoConfig.for_model("llama")
    assert candidates(llama, half_precision=True)[:2] == [VARLEN, SEGMENTS]
    assert VARLEN not in candidates(llama, half_precision=False), "the kernel takes 16-bit numbers"
    assert VARLEN not in candidates(AutoConfig.for_model("mistral", sliding_window=8), half_precision=True)


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


def test_the_attentions_to_try_follow_what_is_installed_and_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch
    import transformers.utils
    from transformers import MistralConfig, Qwen2Config

    windowed = Qwen2Config(use_sliding_window=True, sliding_window=64, max_window_layers=0)
    monkeypatch.setattr(transformers.utils, "is_flash_attn_2_available", lambda: False)
    assert candidates(Qwen2Config(), half_precision=True) == [SEGMENTS, "sdpa", "eager"]
    assert candidates(windowed, True) == candidates(MistralConfig(sliding_window=64), True) == ["sdpa", "eager"]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert candidates(windowed, True) == ["flex_attention", "sdpa", "eager"]
    monkeypatch.setattr(transformers.utils, "is_flash_attn_2_available", lambda: True)
    assert candidates(Qwen2Config(), half_precision=True) == ["flash_attention_2", SEGMENTS, "sdpa", "eager"]
    assert candidates(Qwen2Config(), half_precision=False) == [SEGMENTS, "sdpa", "eager"]


# Architecture, and the attention that is right for packed and for padded rows; None: packing is refused.
TRIED = {
    "llama": (SEGMENTS, SEGMENTS),
    "gemma2": ("eager", "eager"),  # soft caps, which sdpa leaves out
    "gemma3": ("sdpa", "sdpa"),
    "stablelm": ("sdpa", SEGMENTS),  # does not hand the rows' bounds on
    "gptj": ("eager", "eager"),  # keeps its own, whatever it is told
    "bloom": (None, "eager"),  # ALiBi and masks of its own
    "recurrentgemma": (None, "sdpa"),
}


@pytest.mark.parametrize("name", TRIED)
def test_the_attention_that_is_taken_is_right(name: str) -> None:
    """Against logits of rows alone by the architecture's own code, on other rows than those of the trial."""
    import torch

    from scripts.common.cli import UserError
    from scripts.train.attention_trial import choose
    from tests.select.test_architectures import build

    expected = TRIED[name]
    network = build(name)
    own = build(name)
    own.set_attn_implementation("eager")
    torch.manual_seed(7)
    rows = [torch.randint(3, 190, (length,)) for length in (4, 31, 1, 12)]
    with torch.no_grad():
        alone = torch.cat([own(input_ids=row[None], use_cache=False).logits[0] for row in rows])
    for packing, attention in zip((True, False), expected, strict=True):
        if attention is None:
            with pytest.raises(UserError, match=r"set training.packing to false"):
                choose(network, packing, half=False)
            continue
        taken = choose(network, packing, half=False)
        assert taken == attention == network.config._attn_implementation
        with torch.no_grad():
            if packing:
                bounds = torch.tensor([0, *map(len, rows)]).cumsum(0).to(torch.int32)
                positions = torch.cat([torch.arange(len(row)) for row in rows])[None]
                given = {"cu_seq_lens_q": bounds, "cu_seq_lens_k": bounds, "max_length_q": 31, "max_length_k": 31}
                ids = torch.cat(rows)[None]
                together = network(input_ids=ids, position_ids=positions, use_cache=False, **given).logits[0]
            else:
                padded = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
                mask = torch.nn.utils.rnn.pad_sequence([torch.ones_like(row) for row in rows], batch_first=True)
                logits = network(input_ids=padded, attention_mask=mask, use_cache=False).logits
                together = torch.cat([of_row[: len(row)] for of_row, row in zip(logits, rows, strict=True)])
        assert (together - alone).abs().max() < 5e-5 * alone.abs().max().clamp(min=1)


def test_a_shortened_network_has_a_layer_of_each_kind() -> None:
    from transformers import Gemma3Config, Gemma3TextConfig

    from scripts.train.attention_trial import shortened

    text = Gemma3TextConfig(hidden_size=64, num_hidden_layers=26, intermediate_size=64, head_dim=16)
    for config in (text, Gemma3Config(text_config=text.to_dict())):
        network = shortened(config)
        assert network.config.layer_types == ["sliding_attention", "full_attention"]
        assert network.num_parameters() < 1e6
