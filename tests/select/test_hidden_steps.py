"""Steps that are hidden, not left out, against a forward pass of the whole chain under a mask made by hand."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

WINDOW = 24


@pytest.fixture(scope="module", params=["llama", "mistral-window"])
def model(request: pytest.FixtureRequest) -> Any:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(3)
    shape = {"vocab_size": 90, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2}
    shape |= {"num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8, "initializer_range": 0.4}
    kind = request.param.split("-")[0]
    window = {"sliding_window": WINDOW} if kind == "mistral" else {}
    config = AutoConfig.for_model(kind, **shape, **window)
    return AutoModelForCausalLM.from_config(config, attn_implementation="sdpa").eval()


@pytest.fixture(scope="module")
def estimators(model: Any) -> dict[tuple[str, str], Any]:
    """The estimators, which have found out what the model allows."""
    import torch

    from scripts.select.limopro.pir import Estimator

    made = {way: Estimator(model, "tiny", *way) for way in (("exact", "keep"), ("one_pass", "keep"))}
    with torch.inference_mode():
        for estimator in made.values():
            assert len(list(estimator.score([random_chain(0, [40] * 6, range(6))], 4096))) == 1
    return made


def random_chain(seed: int, sizes: list[int], functional: Any) -> Any:
    from scripts.select.limopro.chain import Chain

    draw = random.Random(seed)

    def ids(count: int) -> list[int]:
        return [draw.randrange(90) for _ in range(count)]

    answer = ids(draw.randint(1, 4))
    return Chain("x", ids(7), ids(2), [ids(size) for size in sizes], ids(4), ids(3), answer, list(functional))


def masked_nll(model: Any, chain: Any, hidden: tuple[int, int], hidden_from: int) -> float:
    """Return the answer's mean NLL in one pass over the whole chain: queries from `hidden_from` on do not see `hidden`."""
    import torch

    sequence = chain.sequence()
    place = torch.arange(len(sequence))
    query, key = place[:, None], place[None]
    sees = key <= query
    if getattr(model.config, "sliding_window", None):
        sees &= query - key < WINDOW
    sees &= ~((query >= hidden_from) & (key >= hidden[0]) & (key < hidden[1]))
    with torch.inference_mode():
        logits = model(torch.tensor([sequence]), attention_mask=sees[None, None]).logits[0].double()
    count = len(chain.answer)
    return float(torch.nn.functional.cross_entropy(logits[-count - 1 : -1], torch.tensor(chain.answer)))


@settings(max_examples=12, deadline=None)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=8), st.integers(0, 99), st.sampled_from([40, 4096]))
def test_hidden_steps_equal_a_masked_pass(
    model: Any, estimators: dict[tuple[str, str], Any], sizes: list[int], seed: int, budget: int
) -> None:
    import torch

    chain = random_chain(seed, sizes, range(len(sizes)))
    answer_from = len(chain.sequence()) - len(chain.answer) - 1
    with torch.inference_mode():
        (((_, kept),), ((_, one_pass),)) = (list(e.score([chain], budget)) for e in estimators.values())
    assert kept.nll_full == pytest.approx(masked_nll(model, chain, (0, 0), 0), abs=1e-4)
    for number, (start, end) in enumerate(chain.places()):
        assert kept.nll_without[number] == pytest.approx(masked_nll(model, chain, (start, end), end), abs=1e-4)
        expected = masked_nll(model, chain, (start, end), answer_from)
        assert one_pass.nll_without[number] == pytest.approx(expected, abs=1e-4)


def test_one_pass_computes_the_answers_alone() -> None:
    from scripts.select.limopro.one_pass import hidden_from_answer
    from scripts.select.limopro.tree import TreeWay

    chain = random_chain(1, [30] * 5, [0, 2, 4])
    alone = len(chain.lead) + len(chain.answer)
    assert TreeWay(hidden_from_answer).tokens(chain) == len(chain.sequence()) + alone + 3 * (len(chain.answer) + 1)


def test_a_model_that_can_hide_no_step_says_so() -> None:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from scripts.common.cli import UserError
    from scripts.select.limopro.pir import Estimator

    torch.manual_seed(0)
    # Wide weights: with the usual small ones its distances hardly count, and a hidden step is no fault.
    config = AutoConfig.for_model("bloom", vocab_size=90, hidden_size=16, n_layer=1, n_head=2, initializer_range=0.5)
    model = AutoModelForCausalLM.from_config(config).eval()
    chain = random_chain(0, [20] * 4, [1, 2])
    with torch.inference_mode(), pytest.raises(UserError, match="cannot hide a step in any chain"):
        list(Estimator(model, "bloom", "one_pass").score([chain], 4096))
