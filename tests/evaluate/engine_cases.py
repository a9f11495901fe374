"""What every engine must do: the cases that the tests of both engines share."""

import random
from collections.abc import Sequence
from pathlib import Path

from scripts.evaluate.engines.base import Continuation, Engine, Generated, Request, Sampling

GREEDY = Sampling(temperature=0.0, top_p=1.0, stop_ids=frozenset())
SAMPLED = Sampling(temperature=0.8, top_p=0.9, stop_ids=frozenset({5, 6, 7}))


def draw_requests() -> list[Request]:
    """Return eleven prompts of 3 to 40 tokens."""
    rng = random.Random(3)
    return [Request([rng.randrange(10, 290) for _ in range(rng.randint(3, 40))], 30, seed) for seed in range(11)]


def draw_continuations() -> list[Continuation]:
    """Return eleven prompts, each with a continuation of one to five tokens."""
    rng = random.Random(4)
    return [
        Continuation(request.prompt_ids, [rng.randrange(10, 290) for _ in range(rng.randint(1, 5))])
        for request in draw_requests()
    ]


def answers(engine: Engine, requests: Sequence[Request], sampling: Sampling) -> list[Generated]:
    """Return the engine's answers in the requests' order; each must come once."""
    pairs = list(engine.generate(requests, sampling))
    assert sorted(place for place, _ in pairs) == list(range(len(requests)))
    return [answer for _, answer in sorted(pairs, key=lambda pair: pair[0])]


def loglikelihoods(engine: Engine, continuations: Sequence[Continuation]) -> list[float]:
    """Return the engine's log-likelihoods in the continuations' order; each must come once."""
    pairs = sorted(engine.loglikelihoods(continuations))
    assert [place for place, _ in pairs] == list(range(len(continuations)))
    return [value for _, value in pairs]


def log_probabilities(folder: Path, ids: list[int]):
    """Return transformers' log p of every next token, [tokens, vocabulary], of one sequence without padding."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    with torch.no_grad():
        return torch.log_softmax(model(torch.tensor([ids])).logits[0], dim=-1)


def check_own_seed(engine: Engine) -> None:
    """An answer is drawn by its own seed, whatever else is asked and in which order."""
    requests = draw_requests()
    whole = answers(engine, requests, SAMPLED)
    assert len({tuple(answer.token_ids) for answer in whole}) == len(whole)
    assert {answer.finish_reason for answer in whole} == {"stop", "length"}
    shuffled = random.Random(1).sample(range(len(requests)), 7)
    assert answers(engine, [requests[i] for i in shuffled], SAMPLED) == [whole[i] for i in shuffled]
    assert answers(engine, requests[2:3], SAMPLED) == whole[2:3]
    assert answers(engine, [Request(requests[2].prompt_ids, 30, 99)], SAMPLED) != whole[2:3]


def check_stop_at_the_limit(engine: Engine) -> None:
    """A stop token at the limit is a stop; tokens are counted up to and with it."""
    request = draw_requests()[0]
    tokens = answers(engine, [request], GREEDY)[0].token_ids
    limit = next(i for i in range(5, 30) if tokens[i] not in tokens[:i])
    sampling = Sampling(0.0, 1.0, frozenset({tokens[limit]}))

    def answer(max_new_tokens: int) -> Generated:
        return answers(engine, [Request(request.prompt_ids, max_new_tokens, 0)], sampling)[0]

    assert answer(limit) == Generated(tokens[:limit], "length")
    assert answer(limit + 1) == Generated(tokens[: limit + 1], "stop")
    assert answer(limit + 9) == Generated(tokens[: limit + 1], "stop")


def check_loglikelihoods(engine: Engine, folder: Path) -> None:
    """Sums of transformers' log-probabilities, one sequence at a time, to 1e-3 in float32."""
    continuations = draw_continuations()
    for continuation, found in zip(continuations, loglikelihoods(engine, continuations), strict=True):
        table = log_probabilities(folder, continuation.prompt_ids + continuation.token_ids)
        first = len(continuation.prompt_ids) - 1
        expected = sum(table[first + i, token].item() for i, token in enumerate(continuation.token_ids))
        assert abs(found - expected) < 1e-3
