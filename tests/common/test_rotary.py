"""Frequencies that change with a text's length (LongRoPE): every text is read with one set of them."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, LlamaConfig, Phi3Config

from scripts.common.config.training import Optimisation
from scripts.common.rotary import changes_at, settle
from scripts.evaluate.engines.base import Request, Sampling
from scripts.evaluate.engines.batches import TransformersEngine
from scripts.train.trainer import load_model
from tests import families

BORDER = 32
SHORT, LONG = [1.0, 1.1, 1.2, 1.3], [1.0, 4.0, 9.0, 16.0]
PROMPTS = [list(range(5, 5 + size)) for size in (3, 30, 40)]


def save(folder: Path, long: list[float], short: list[float], border: int = BORDER) -> Path:
    """Save a tiny random Phi-3 of 256 tokens whose frequencies change at a border."""
    rope = {"rope_type": "longrope", "rope_theta": 100.0, "short_factor": short, "long_factor": long}
    rope |= {"original_max_position_embeddings": border}
    shape = families.SHAPE | {
        "vocab_size": 100,
        "max_position_embeddings": 256,
        "original_max_position_embeddings": BORDER,
    }
    config = Phi3Config(**shape, rope_parameters=rope)
    torch.manual_seed(3)
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    return folder


def greedy(folder: Path, batch_size: int, longest: int | None = None) -> list[list[int]]:
    engine = TransformersEngine(folder, "float32", batch_size, longest=longest)
    asked = [Request(prompt, 12, 0) for prompt in PROMPTS]
    answers = dict(engine.generate(asked, Sampling(0.0, 1.0, frozenset())))
    return [answers[place].token_ids for place in range(len(PROMPTS))]


def logits(model: Any, ids: list[int]) -> torch.Tensor:
    with torch.no_grad():
        return model(input_ids=torch.tensor([ids]), use_cache=False).logits[0]


def test_the_border_is_read_from_the_configuration(tmp_path: Path) -> None:
    rope = {"rope_type": "longrope", "rope_theta": 1.0, "short_factor": SHORT, "long_factor": LONG}
    config = Phi3Config(**families.SHAPE, original_max_position_embeddings=77, rope_parameters=rope)
    assert changes_at(config) == 77
    assert changes_at(LlamaConfig()) == float("inf")


@pytest.mark.parametrize(("longest", "factors"), [(64, LONG), (BORDER, SHORT), (None, LONG)])
def test_answers_are_those_of_a_model_that_has_one_set(
    longest: int | None, factors: list[float], tmp_path: Path
) -> None:
    mixed = save(tmp_path / "mixed", LONG, SHORT)
    # The same weights; both of its sets are the one, so that transformers' own switch changes nothing.
    one = AutoModelForCausalLM.from_pretrained(save(tmp_path / "one", factors, factors), dtype=torch.float32)
    expected = []
    for prompt in PROMPTS:
        ids = list(prompt)
        for _ in range(12):
            ids.append(int(logits(one, ids)[-1].argmax()))
        expected.append(ids[len(prompt) :])
    assert greedy(mixed, 3, longest) == greedy(mixed, 1, longest) == expected


def test_the_two_sets_differ(tmp_path: Path) -> None:
    mixed = save(tmp_path, LONG, SHORT)
    assert greedy(mixed, 3, 64) != greedy(mixed, 3, BORDER)


@pytest.mark.parametrize(("length", "factors"), [(64, LONG), (BORDER, SHORT)])
def test_training_reads_all_rows_with_the_set_of_its_max_length(
    length: int, factors: list[float], tmp_path: Path
) -> None:
    mixed = save(tmp_path / "mixed", LONG, SHORT)
    one = AutoModelForCausalLM.from_pretrained(save(tmp_path / "one", factors, factors), dtype=torch.float32)
    network, _ = load_model(mixed, Optimisation(max_length=length, packing=False), "float32")
    for prompt in PROMPTS:
        assert torch.allclose(logits(network, prompt), logits(one, prompt), atol=1e-5)


def test_layers_of_two_kinds_are_settled_each(tmp_path: Path) -> None:
    """Gemma 3 has a set for each kind of layer: one may change, the other stays."""
    from transformers import Gemma3TextConfig

    long = {"rope_type": "longrope", "rope_theta": 100.0, "original_max_position_embeddings": BORDER}
    kinds = {"full_attention": long | {"short_factor": SHORT, "long_factor": LONG}}
    kinds["sliding_attention"] = {"rope_type": "default", "rope_theta": 100.0}
    config = Gemma3TextConfig(
        **families.SHAPE | families.MIXED, vocab_size=100, rope_parameters=kinds, query_pre_attn_scalar=8
    )
    assert changes_at(config) == BORDER
    torch.manual_seed(0)
    network = AutoModelForCausalLM.from_config(config).eval()
    alone = logits(network, PROMPTS[0])
    settle(network, 64)
    assert (logits(network, PROMPTS[0]) - alone).abs().max() > 1e-4
    assert torch.equal(logits(network, PROMPTS[0]), logits(network, PROMPTS[0]))


def test_the_loss_of_a_text_hangs_on_no_longer_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether texts may share a pass is tried on short ones; here they may."""
    from scripts.select import score_responses
    from scripts.select.limopro.loading import load_causal

    monkeypatch.setattr(score_responses, "TRIED", 60)
    texts = [score_responses.Text(list(range(5, 5 + size)), [7, 8]) for size in (9, 90, 20)]
    model = load_causal(save(tmp_path, LONG, SHORT, border=80), "float32")

    def losses(some: list[Any]) -> list[float]:
        return score_responses.Reader(model, "phi", 1000).losses(some)

    assert losses(texts) == pytest.approx([losses([text])[0] for text in texts], abs=1e-5)
