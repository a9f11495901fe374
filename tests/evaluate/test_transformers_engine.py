"""The transformers engine against transformers itself, and the independence of its answers."""

from pathlib import Path

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    MinPLogitsWarper,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from scripts.evaluate.engines.base import Generated, Request, Sampling
from scripts.evaluate.engines.batches import TransformersEngine, next_tokens
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


@pytest.mark.parametrize(
    ("top_k", "min_p", "top_p"), [(5, None, 1.0), (None, 0.2, 1.0), (7, 0.05, 0.8), (1, None, 0.9), (3, 0.9, 0.5)]
)
def test_tokens_have_the_probabilities_of_warpers_in_vllms_order(
    top_k: int | None, min_p: float | None, top_p: float
) -> None:
    logits = torch.randn(40, generator=torch.Generator().manual_seed(1)) * 2
    warped = TemperatureLogitsWarper(0.7)(None, logits[None])
    for warper in [
        MinPLogitsWarper(min_p) if min_p else None,
        TopKLogitsWarper(top_k) if top_k else None,
        TopPLogitsWarper(top_p),
    ]:
        warped = warper(None, warped) if warper else warped
    expected = torch.softmax(warped, dim=-1)[0]
    steps = 50_000
    tokens = next_tokens(logits.expand(steps, -1), (torch.arange(steps) + 0.5) / steps, 0.7, top_p, top_k, min_p)
    found = torch.bincount(tokens, minlength=40) / steps
    assert torch.allclose(found, expected, atol=2 / steps) and set(tokens.tolist()) == set(
        expected.nonzero()[:, 0].tolist()
    )


def test_a_repetition_penalty_is_that_of_transformers_generate(engine: TransformersEngine, tiny_model: Path) -> None:
    """Prompts of unequal length in one batch, answers of unequal limits: rows leave the batch."""
    requests = [
        Request(r.prompt_ids, limit, 0)
        for r, limit in zip(draw_requests(), [30, 3, 17, 30, 1, 9, 30, 2, 5, 30, 30], strict=True)
    ]
    model = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    penalised = Sampling(0.0, 1.0, frozenset(), repetition_penalty=1.4)
    found = answers(engine, requests, penalised)
    assert found != answers(engine, requests, GREEDY)
    for request, answer in zip(requests, found, strict=True):
        ids = torch.tensor([request.prompt_ids])
        options = {
            "do_sample": False,
            "max_new_tokens": request.max_new_tokens,
            "eos_token_id": None,
            "pad_token_id": 0,
        }
        reference = model.generate(ids, attention_mask=torch.ones_like(ids), repetition_penalty=1.4, **options)
        assert answer == Generated(reference[0, ids.shape[1] :].tolist(), "length")


def test_a_text_ends_an_answer_where_it_is_complete(engine: TransformersEngine, tiny_model: Path) -> None:
    """Whatever tokens it is made of, and only in the answer: the reference reads the whole answer at each token."""
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    requests = draw_requests()
    free = answers(engine, requests, GREEDY)
    texts = [tokenizer.decode(answer.token_ids) for answer in free]
    stops = tuple(
        {text[place : place + size] for text, place, size in zip(texts, [3, 9, 14, 20], [1, 2, 4, 7], strict=False)}
        - {""}
    )
    assert len(stops) > 2
    for answer, whole in zip(answers(engine, requests, Sampling(0.0, 1.0, frozenset(), stop=stops)), free, strict=True):
        reads = (n for n in range(1, 31) if any(stop in tokenizer.decode(whole.token_ids[:n]) for stop in stops))
        end = next(reads, None)
        assert answer == Generated(whole.token_ids[:end], "length" if end is None else "stop")


def test_deterministic_answers_are_alone_in_their_batch(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    engine = TransformersEngine(tiny_model, "float32", 64, deterministic=True)
    inner = engine._generate_batch
    monkeypatch.setattr(
        engine, "_generate_batch", lambda asked, sampling: sizes.append(len(asked)) or inner(asked, sampling)
    )
    whole = answers(engine, draw_requests(), SAMPLED)
    assert sizes == [1] * 11 and answers(engine, draw_requests()[:3], SAMPLED) == whole[:3]
