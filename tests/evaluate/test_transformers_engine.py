"""The transformers engine against transformers itself, and the independence of its answers."""

import random
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, TemperatureLogitsWarper, TopPLogitsWarper

from scripts.evaluate.engines import Generated, Request, Sampling
from scripts.evaluate.transformers_engine import TransformersEngine, next_tokens

GREEDY = Sampling(temperature=0.0, top_p=1.0, stop_ids=frozenset())
SAMPLED = Sampling(temperature=0.8, top_p=0.9, stop_ids=frozenset({5, 6, 7}))


@pytest.fixture(scope="module")
def engine(tiny_model: Path) -> TransformersEngine:
    return TransformersEngine(tiny_model, "float32", batch_size=4)


@pytest.fixture(scope="module")
def requests() -> list[Request]:
    rng = random.Random(3)
    return [Request([rng.randrange(10, 290) for _ in range(rng.randint(3, 40))], 30, seed) for seed in range(11)]


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


def test_greedy_answers_are_those_of_transformers_generate(
    engine: TransformersEngine, requests: list[Request], tiny_model: Path
) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    for request, answer in zip(requests, engine.generate(requests, GREEDY), strict=True):
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


def test_an_answer_depends_on_its_own_seed_alone(engine: TransformersEngine, requests: list[Request]) -> None:
    answers = engine.generate(requests, SAMPLED)
    assert len({tuple(answer.token_ids) for answer in answers}) == len(answers)
    assert {answer.finish_reason for answer in answers} == {"stop", "length"}
    shuffled = random.Random(1).sample(range(len(requests)), 7)
    assert engine.generate([requests[i] for i in shuffled], SAMPLED) == [answers[i] for i in shuffled]
    assert engine.generate(requests[2:3], SAMPLED) == answers[2:3]
    other_seed = Request(requests[2].prompt_ids, 30, 99)
    assert engine.generate([other_seed], SAMPLED) != answers[2:3]
    longer = Request(requests[2].prompt_ids, 60, requests[2].seed)
    assert engine.generate([longer], SAMPLED)[0].token_ids[:30] == answers[2].token_ids


def test_a_stop_token_at_the_limit_is_a_stop(engine: TransformersEngine, requests: list[Request]) -> None:
    tokens = engine.generate(requests[:1], GREEDY)[0].token_ids
    limit = next(i for i in range(5, 30) if tokens[i] not in tokens[:i])
    sampling = Sampling(0.0, 1.0, frozenset({tokens[limit]}))

    def answer(max_new_tokens: int) -> Generated:
        return engine.generate([Request(requests[0].prompt_ids, max_new_tokens, 0)], sampling)[0]

    assert answer(limit) == Generated(tokens[:limit], "length")
    assert answer(limit + 1) == Generated(tokens[: limit + 1], "stop")
    assert answer(limit + 9) == Generated(tokens[: limit + 1], "stop")


def test_limits_differ_within_a_batch(engine: TransformersEngine, requests: list[Request]) -> None:
    limits = [1, 30, 2, 17, 5, 30, 1, 9, 3, 4, 8]
    own = [Request(r.prompt_ids, limit, r.seed) for r, limit in zip(requests, limits, strict=True)]
    whole = engine.generate(requests, GREEDY)
    assert engine.generate(own, GREEDY) == [
        Generated(answer.token_ids[:limit], "length") for answer, limit in zip(whole, limits, strict=True)
    ]
