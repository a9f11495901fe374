"""Lengths in tokens, counted without the ids, are those of the tokenizer."""

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.common import chat
from tests.conftest import make_tokenizer

TOKENIZER = make_tokenizer()


@settings(deadline=None)
@given(st.lists(st.text() | st.text("Wait <think>|im_end数\n"), max_size=5))
def test_lengths_are_those_of_the_ids(texts: list[str]) -> None:
    texts = [*texts, "<|im_start|>user\nWait<|im_end|>"]
    expected = [len(ids) for ids in TOKENIZER(texts, add_special_tokens=False)["input_ids"]]
    assert chat.token_lengths(TOKENIZER, texts) == expected


def test_an_earlier_call_that_pads_and_cuts_changes_nothing(tiny_model: Path) -> None:
    tokenizer = chat.load_tokenizer(tiny_model)
    tokenizer(["a b c d", "e"], padding=True, truncation=True, max_length=2)
    assert chat.token_lengths(tokenizer, ["Wait, let me check.", "x"])[1] == 1
    assert chat.token_lengths(tokenizer, ["Wait, let me check."])[0] > 2
    assert chat.token_lengths(tokenizer, []) == []
