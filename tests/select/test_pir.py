"""The tree of a chain and its variants against the plain way: one whole forward pass per left-out step."""

import random
from collections.abc import Iterator
from typing import Any

import pytest

from scripts.common import chat


@pytest.fixture(scope="module")
def scorer(tiny_model: Any) -> Iterator[tuple[Any, Any]]:
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32, attn_implementation="sdpa").eval()
    with torch.inference_mode():
        yield model, chat.load_tokenizer(tiny_model)


def plain_nll(model: Any, tokenizer: Any, question: str, parts: list[str], answer: str) -> float:
    """Mean NLL of the answer after prompt and parts, each tokenised alone, in one pass over the whole sequence."""
    import torch

    prompt = f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n"
    before = [i for part in [prompt, *parts] for i in tokenizer(part, add_special_tokens=False)["input_ids"]]
    scored = tokenizer(answer + "}", add_special_tokens=False)["input_ids"]
    ids = torch.tensor([before + scored])
    logits = model(ids).logits[0, len(before) - 1 : -1].double()
    return float(torch.nn.functional.cross_entropy(logits, torch.tensor(scored)))


def reference(model: Any, tokenizer: Any, question: str, steps: list[str], functional: list[int], answer: str) -> dict:
    closing, lead = "\n</think>\n\nThe final answer is \\boxed{", "The final answer is \\boxed{"

    def chain(kept: list[str]) -> float:
        return plain_nll(model, tokenizer, question, ["<think>\n", *kept, closing], answer)

    return {
        "full": chain(steps),
        "without": [chain(steps[:i] + steps[i + 1 :]) for i in functional],
        "question": plain_nll(model, tokenizer, question, [lead], answer),
    }


def random_case(seed: int) -> tuple[str, list[str], list[int], str]:
    draw = random.Random(seed)
    count = [1, 2, 60][seed] if seed < 3 else draw.randint(1, 24)
    words = ["Wait", "check", "ab", "5+5=10", "so", "数", "\\frac{1}{2}"]
    steps = [" ".join(draw.choices(words, k=draw.randint(1, 5))) + "\n" for _ in range(count)]
    # First and last step are always among those left out.
    functional = sorted({0, count - 1, *draw.sample(range(count), draw.randint(0, count))})
    return f"What is {seed}?", steps, functional, "7" if seed % 2 else "\\frac{3}{4}"


@pytest.mark.parametrize("budget", [40, 400, 100_000], ids=["long", "mixed", "together"])
def test_tree_equals_one_pass_per_step(scorer: tuple[Any, Any], budget: int) -> None:
    from scripts.select.pir import encode_chain, score_chains

    model, tokenizer = scorer
    cases = {str(seed): random_case(seed) for seed in range(8)}
    chains = [
        encode_chain(tokenizer, name, None, question, steps, functional, answer)
        for name, (question, steps, functional, answer) in cases.items()
    ]
    scored = {chain.id: score for chain, score in score_chains(model, chains, budget)}
    assert scored.keys() == cases.keys()
    for name, case in cases.items():
        expected = reference(model, tokenizer, *case)
        assert scored[name].nll_full == pytest.approx(expected["full"], abs=1e-4)
        assert scored[name].nll_without == pytest.approx(expected["without"], abs=1e-4)
        assert scored[name].nll_question == pytest.approx(expected["question"], abs=1e-4)
    # The comparison can fail: leaving a step out does change the answer's NLL.
    assert max(abs(w - s.nll_full) for s in scored.values() for w in s.nll_without) > 0.1


def test_a_prompt_in_front_changes_the_score(scorer: tuple[Any, Any]) -> None:
    from scripts.select.pir import encode_chain, score_chains

    model, tokenizer = scorer
    chains = [encode_chain(tokenizer, str(s), s, "1+1?", ["so 2\n"], [0], "2") for s in (None, "Be brief.")]
    first, second = (score for _, score in sorted(score_chains(model, chains, 1000), key=lambda pair: pair[0].id))
    assert first.nll_full != pytest.approx(second.nll_full, abs=1e-3)


def test_every_token_is_computed_once(scorer: tuple[Any, Any]) -> None:
    from scripts.select.pir import encode_chain, tree_tokens

    _, tokenizer = scorer
    question, steps, functional, answer = random_case(2)
    chain = encode_chain(tokenizer, "x", None, question, steps, functional, answer)
    tail = len(chain.closing) + len(chain.answer)
    after = sum(sum(map(len, chain.steps[i + 1 :])) + tail for i in functional)
    assert tree_tokens(chain) == len(chain.sequence()) + len(chain.lead) + len(chain.answer) + after


def test_out_of_memory_halves_the_budget(scorer: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from scripts.select import pir

    model, tokenizer = scorer
    chains = [pir.encode_chain(tokenizer, str(i), None, "q?", ["Wait a\n", "b\n"], [0], "7") for i in range(40)]
    together = pir.score_together

    def small_gpu(model: Any, batch: Any) -> Any:
        if len(batch) > 5:
            raise torch.OutOfMemoryError("no memory")
        return together(model, batch)

    monkeypatch.setattr(pir, "score_together", small_gpu)
    scored = list(pir.score_chains(model, chains, budget=sum(map(pir.tree_tokens, chains))))
    assert len({score.nll_full for _, score in scored}) <= len(scored) == 40
