"""Texts in the middle of another one get no space before them, whatever the tokenizer writes before a whole text."""

from pathlib import Path
from typing import Any

import pytest

from scripts.common import chat
from scripts.common.rendering import Renderer

WORDS = ["So 3 + 4 = 7. Wait, check that. Yes, it is 7.", "USER: ASSISTANT: The final answer is \\boxed{7} +"]
# Its prompt ends with a space, which goes into the answer's first token when an answer follows.
SPACED = (
    "{% for m in messages %}{% if m.role == 'user' %}{{ 'USER: ' + m.content + ' ASSISTANT: ' }}{% else %}"
    "{{ m.content + eos_token }}{% endif %}{% endfor %}"
)


def tokenizer_of(kind: str, folder: Path) -> Any:
    """Return a tokenizer that writes its prefix in one of the ways that there are."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE())
    alphabet = ["▁"]
    if kind == "prepend":
        backend.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    elif kind == "bytes":
        backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
        alphabet = pre_tokenizers.ByteLevel.alphabet()
    else:
        backend.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Metaspace(prepend_scheme=kind)])
    backend.train_from_iterator(
        WORDS * 9, trainers.BpeTrainer(vocab_size=400, special_tokens=["</s>"], initial_alphabet=alphabet)
    )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="</s>", chat_template=SPACED)
    tokenizer.save_pretrained(folder)
    return chat.load_tokenizer(folder)


def said(tokenizer: Any, ids: list[int]) -> str:
    """Return what ids say, every space of theirs written."""
    return "".join(tokenizer.convert_ids_to_tokens(ids)).replace("▁", " ").replace("Ġ", " ")


@pytest.mark.parametrize("kind", ["always", "first", "never", "prepend", "bytes"])
def test_no_space_comes_between_what_is_read_as_one_text(tmp_path: Path, kind: str) -> None:
    from scripts.select.limopro.chain import encode_chain

    tokenizer = tokenizer_of(kind, tmp_path)
    texts = ["7", "So 3", " it is"]
    assert [said(tokenizer, ids) for ids in chat.continuations(tokenizer, texts)] == texts
    whole = said(tokenizer, tokenizer("So 3", add_special_tokens=False)["input_ids"])
    assert whole == ("So 3" if kind == "never" else " So 3"), "a whole text has its space"
    chain = encode_chain(tokenizer, "a", None, "3+4", ["So 3.", " Wait, check."], [1], "7")
    assert [said(tokenizer, ids) for ids in (*chain.steps, chain.answer)] == ["So 3.", " Wait, check.", "7}"]


@pytest.mark.parametrize("kind", ["always", "never"])
def test_an_answer_behind_a_prompt_that_ends_with_a_space_has_no_second_one(tmp_path: Path, kind: str) -> None:
    tokenizer = tokenizer_of(kind, tmp_path)
    (row,) = Renderer(tokenizer).encode([chat.training_messages(None, "3+4", "The answer is 7.")])
    text = said(tokenizer, row.ids)
    assert text.lstrip() == "USER: 3+4 ASSISTANT: The answer is 7.</s>"
    (prompt,) = chat.prompt_texts(tokenizer, [chat.prompt_messages(None, "3+4")])
    assert row.ids[: row.start] == tokenizer([prompt], add_special_tokens=False)["input_ids"][0]
