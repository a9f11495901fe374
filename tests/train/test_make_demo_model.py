"""The demo's tokenizer loses nothing, its template marks the assistant's tokens, its training is repeatable."""

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.common.chat import training_messages
from scripts.data.demo_world import Habits, draw_chain, draw_problem, write_response
from scripts.train.make_demo_model import batches, build_model, build_tokenizer, train


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return build_tokenizer(random.Random(0))


@given(st.text())
@settings(max_examples=200, deadline=None)
def test_any_text_comes_back(tokenizer: Any, text: str) -> None:
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    assert tokenizer.decode(ids, clean_up_tokenization_spaces=False) == text


def test_numbers_are_one_token(tokenizer: Any) -> None:
    assert all(len(tokenizer(str(n), add_special_tokens=False)["input_ids"]) == 1 for n in range(21))
    rng = random.Random(1)
    lengths = []
    for _ in range(50):
        problem = draw_problem(rng, 4)
        lengths.append(len(tokenizer(write_response(draw_chain(rng, problem, Habits()), problem.answer))["input_ids"]))
    assert sum(lengths) / len(lengths) < 130


def test_the_template_marks_the_assistants_tokens_and_no_others(tokenizer: Any) -> None:
    messages = training_messages("Be brief.", "1+1?", "<think>\n2\n</think>\n\n\\boxed{2}.")
    encoded = tokenizer.apply_chat_template(messages, return_dict=True, return_assistant_tokens_mask=True)
    marked = [i for i, mark in zip(encoded["input_ids"], encoded["assistant_masks"], strict=True) if mark]
    assert tokenizer.decode(marked) == "<think>\n2\n</think>\n\n\\boxed{2}.<|im_end|>"
    prompt = tokenizer.apply_chat_template(messages[:-1], add_generation_prompt=True, tokenize=False)
    assert tokenizer.apply_chat_template(messages, tokenize=False).startswith(prompt)


def test_labels_are_the_assistants_tokens(tokenizer: Any) -> None:
    for ids, labels in batches(tokenizer, random.Random(0), 2):
        assert ids.shape == labels.shape
        kept = labels != -100
        assert (ids[kept] == labels[kept]).all()
        for row, mask in zip(ids, kept, strict=True):
            assert "Start with" not in tokenizer.decode(row[mask]) and tokenizer.decode(row[mask]).endswith(
                "<|im_end|>"
            )


def test_training_learns_and_repeats_itself(tokenizer: Any) -> None:
    import torch

    losses, weights = [], []
    for _ in range(2):
        torch.manual_seed(0)
        model = build_model(tokenizer)
        losses.append((train(model, tokenizer, random.Random(0), 2), train(model, tokenizer, random.Random(0), 20)))
        weights.append(torch.cat([p.detach().flatten() for p in model.parameters()]))
    assert torch.equal(*weights)
    assert losses[0] == losses[1] and losses[0][1] < losses[0][0] - 1
