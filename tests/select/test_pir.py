"""The tree of a chain and its variants against the plain way: one whole forward pass per left-out step."""

import random
from collections.abc import Iterator
from typing import Any

import pytest

from scripts.common import chat


def random_model(kind: str, vocabulary: int) -> Any:
    """Return a random model of another architecture than the fixture's, in float32."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(1)
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 3, "num_attention_heads": 4}
    shape |= {"num_key_value_heads": 1, "head_dim": 8, "initializer_range": 0.3, "max_position_embeddings": 1024}
    config = AutoConfig.for_model(kind, vocab_size=vocabulary, tie_word_embeddings=kind == "llama", **shape)
    return AutoModelForCausalLM.from_config(config, attn_implementation="sdpa").eval()


@pytest.fixture(scope="module", params=["qwen2", "qwen3", "llama"])
def scorer(request: pytest.FixtureRequest, tiny_model: Any) -> Iterator[tuple[Any, Any]]:
    import torch

    from scripts.select.limopro.pir import Estimator
    from scripts.select.score_steps import load_scorer

    tokenizer = chat.load_tokenizer(tiny_model)
    whole = load_scorer(tiny_model, "float32") if request.param == "qwen2" else None
    with torch.inference_mode():
        yield whole or Estimator(random_model(request.param, len(tokenizer)), request.param), tokenizer


def plain_nll(model: Any, tokenizer: Any, question: str, parts: list[str], answer: str, close: str = "}") -> float:
    """Mean NLL of the answer's first 512 tokens after prompt and parts, each tokenised alone, in one pass over all."""
    import torch

    prompt = f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n"
    before = [i for part in [prompt, *parts] for i in tokenizer(part, add_special_tokens=False)["input_ids"]]
    scored = tokenizer(answer + close, add_special_tokens=False)["input_ids"][:512]
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
    # With the closing brace: one token, two and more.
    return f"What is {seed}?", steps, functional, ["", "7", "\\frac{3}{4}"][seed % 3]


@pytest.mark.parametrize(
    ("budget", "padding"),
    [(40, "left"), (400, "right"), (100_000, "left"), (100_000, "right")],
    ids=["long", "mixed", "together", "together-right"],
)
def test_tree_equals_one_pass_per_step(scorer: tuple[Any, Any], budget: int, padding: str) -> None:
    from scripts.select.limopro.chain import encode_chain

    estimator, tokenizer = scorer
    # Rows of a batch are padded by the tree itself: the tokenizer's side is nothing to it.
    tokenizer.padding_side = padding
    cases = {str(seed): random_case(seed) for seed in range(6)}
    chains = [
        encode_chain(tokenizer, name, None, question, steps, functional, answer)
        for name, (question, steps, functional, answer) in cases.items()
    ]
    scored = {chain.id: score for chain, score in estimator.score(chains, budget)}
    assert scored.keys() == cases.keys()
    for name, case in cases.items():
        expected = reference(estimator.model, tokenizer, *case)
        assert scored[name].nll_full == pytest.approx(expected["full"], abs=1e-4)
        assert scored[name].nll_without == pytest.approx(expected["without"], abs=1e-4)
        assert scored[name].nll_question == pytest.approx(expected["question"], abs=1e-4)
    # The comparison can fail: leaving a step out does change the answer's NLL.
    assert max(abs(w - s.nll_full) for s in scored.values() for w in s.nll_without) > 0.1


def test_bfloat16_is_as_near_as_the_plain_way(tiny_model: Any) -> None:
    import torch

    from scripts.select.limopro.chain import encode_chain
    from scripts.select.score_steps import load_scorer

    tokenizer = chat.load_tokenizer(tiny_model)
    exact, rough = (load_scorer(tiny_model, dtype) for dtype in ("float32", "bfloat16"))
    errors: dict[str, list[float]] = {"plain": [], "tree": []}
    with torch.inference_mode():
        for seed in range(6):
            question, steps, functional, answer = random_case(seed)
            chain = encode_chain(tokenizer, "x", None, question, steps, functional, answer)
            true, plain = (reference(e.model, tokenizer, question, steps, functional, answer) for e in (exact, rough))
            for budget in (40, 100_000):
                ((_, score),) = rough.score([chain], budget)
                errors["tree"] += [a - b for a, b in zip(score.nll_without, true["without"], strict=True)]
            errors["plain"] += [a - b for a, b in zip(plain["without"], true["without"], strict=True)]
    plain_rms, tree_rms = (sum(e * e for e in of) ** 0.5 / len(of) ** 0.5 for of in errors.values())
    assert 0 < tree_rms < 1.5 * plain_rms


def test_a_prompt_in_front_changes_the_score(scorer: tuple[Any, Any]) -> None:
    from scripts.select.limopro.chain import encode_chain

    estimator, tokenizer = scorer
    chains = [encode_chain(tokenizer, str(s), s, "1+1?", ["so 2\n"], [0], "2") for s in (None, "Be brief.")]
    first, second = (score for _, score in sorted(estimator.score(chains, 1000), key=lambda pair: pair[0].id))
    assert first.nll_full != pytest.approx(second.nll_full, abs=1e-3)


def test_every_token_is_computed_once(scorer: tuple[Any, Any]) -> None:
    from scripts.select.limopro.chain import encode_chain
    from scripts.select.limopro.tree import TreeWay

    _, tokenizer = scorer
    question, steps, functional, answer = random_case(2)
    chain = encode_chain(tokenizer, "x", None, question, steps, functional, answer)
    tail = len(chain.closing) + len(chain.answer)
    after = sum(sum(map(len, chain.steps[i + 1 :])) + tail for i in functional)
    assert TreeWay().tokens(chain) == len(chain.sequence()) + len(chain.lead) + len(chain.answer) + after


def test_out_of_memory_halves_the_budget(scorer: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from scripts.select.limopro.chain import encode_chain
    from scripts.select.limopro.tree import TreeWay

    estimator, tokenizer = scorer
    chains = [encode_chain(tokenizer, str(i), None, "q?", ["Wait a\n", "b\n"], [0], "7") for i in range(40)]
    together = TreeWay.score_together

    def small_gpu(way: TreeWay, scorer: Any, batch: Any) -> Any:
        if len(batch) > 5:
            raise torch.OutOfMemoryError("no memory")
        return together(way, scorer, batch)

    monkeypatch.setattr(TreeWay, "score_together", small_gpu)
    scored = list(estimator.score(chains, budget=sum(map(TreeWay().tokens, chains))))
    assert len({score.nll_full for _, score in scored}) <= len(scored) == 40
