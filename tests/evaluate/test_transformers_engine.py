"""The transformers engine against transformers itself, and the independence of its answers."""

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, TemperatureLogitsWarper, TopPLogitsWarper

from scripts.evaluate.engines import Generated, Request
from scripts.evaluate.transformers_engine import TransformersEngine, next_tokens
from tests.evaluate.engine_cases import (
    GREEDY,
    SAMPLED,
    answers,
    check_loglikelihoods,
    check_own_seed,
    check_stop_at_the_limit,
    draw_requests,
)


@pytest.fixture(scope="module")
def engine(tiny_model: Path) -> TransformersEngine:
    return TransformersEngine(tiny_model, "float32", batch_size=4)


@pytest.mark.parametrize(("temperature", "top_p"), [(0.6, 0.95), (1.0, 0.5), (1.5, 1.0)])
def test_tokens_have_the_probabilities_of_transformers_warpers(temperature: float, top_p: float) -> None:
    logits = torch.randn(40, generator=torch.Generator().manual_seed(0)) * 2
    warped = TopPLogitsWarper(top_p)(None, TemperatureLogitsWarper(temperature)(None, logits[None]))
    expected = torch.softmax(warped, dim=-1)[0]
    steps = 100_000
    grid = (torch.arange(steps) + 0.5) / steps
    tokens = next_tokens(logits.expand(steps, -1), grid, temperature, top_p)
    found = torch.bincount(tokens, minlength=40) / steps
    assert torch.allclose(found, expected, atol=2 / steps)
    assert set(tokens.tolist()) == set(expected.nonzero()[:, 0].tolist())


def test_extreme_uniforms_stay_in_the_nucleus() -> None:
    logits = torch.tensor([[4.0, 3.0, -20.0, -30.0]]).repeat(2, 1)
    uniforms = torch.tensor([0.0, torch.nextafter(torch.tensor(1.0), torch.tensor(0.0))])
    assert next_tokens(logits, uniforms, temperature=1.0, top_p=0.9).tolist() == [0, 1]
    assert next_tokens(logits, uniforms, temperature=1.0, top_p=1e-6).tolist() == [0, 0]


def test_greedy_answers_are_those_of_transformers_generate(engine: TransformersEngine, tiny_model: Path) -> None:
    requests = draw_requests()
    model = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    for request, answer in zip(requests, answers(engine, requests, GREEDY), strict=True):
        ids = torch.tensor([request.prompt_ids])
        reference = model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            do_sample=False,
            max_new_tokens=30,
            eos_token_id=None,
            pad_token_id=0,
        )
        assert answer == Generated(reference[0, ids.shape[1] :].tolist(), "length")


def test_an_answer_depends_on_its_own_seed_alone(engine: TransformersEngine) -> None:
    check_own_seed(engine)
    request = draw_requests()[2]
    longer = Request(request.prompt_ids, 60, request.seed)
    assert answers(engine, [longer], SAMPLED)[0].token_ids[:30] == answers(engine, [request], SAMPLED)[0].token_ids


def test_a_stop_token_at_the_limit_is_a_stop(engine: TransformersEngine) -> None:
    check_stop_at_the_limit(engine)


def test_loglikelihoods_are_those_of_one_sequence_at_a_time(engine: TransformersEngine, tiny_model: Path) -> None:
    check_loglikelihoods(engine, tiny_model)


def test_limits_differ_within_a_batch(engine: TransformersEngine) -> None:
    requests = draw_requests()
    limits = [1, 30, 2, 17, 5, 30, 1, 9, 3, 4, 8]
    own = [Request(r.prompt_ids, limit, r.seed) for r, limit in zip(requests, limits, strict=True)]
    whole = answers(engine, requests, GREEDY)
    assert answers(engine, own, GREEDY) == [
        Generated(answer.token_ids[:limit], "length") for answer, limit in zip(whole, limits, strict=True)
    ]
