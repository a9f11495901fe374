"""Every token of a subset is trained on, masked or cut, and said to be; what cannot be trained on gets a sentence."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scripts.common.chat import load_tokenizer
from scripts.common.cli import UserError
from scripts.common.config.training import Optimisation
from scripts.common.tables import read_table, write_table
from scripts.select.tables import SUBSET
from scripts.train.rows import encode, rows_in_batch, training_set
from tests.train.conftest import Subset, answers_of_all_lengths, write_subset

# Renders as the tiny model's own template, and marks nothing.
PLAIN = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>"
    "{% if message['role'] != 'assistant' %}{{ '\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@pytest.fixture(scope="module")
def tokenizer(tiny_model: Path) -> Any:
    return load_tokenizer(tiny_model)


def trained_texts(encoded: Any, tokenizer: Any) -> list[str]:
    return [tokenizer.decode([label for label in row if label != -100]) for row in encoded.table["labels"].to_pylist()]


@pytest.mark.parametrize("loss_on", ["assistant", "completion", "all"])
def test_the_labels_are_what_the_setting_says(subset: Subset, tokenizer: Any, loss_on: str) -> None:
    path = subset(["abc", "the answer is 4"])
    encoded = encode(path, tokenizer, Optimisation(loss_on=loss_on, max_length=512))
    whole = [tokenizer.decode(row) for row in encoded.table["input_ids"].to_pylist()]
    assert whole[1].endswith("Question 1?<|im_end|>\n<|im_start|>assistant\nthe answer is 4<|im_end|>")
    texts = trained_texts(encoded, tokenizer)
    if loss_on == "all":
        assert texts == [text.removeprefix("<|im_start|>") for text in whole]
    else:
        assert texts == ["abc<|im_end|>", "the answer is 4<|im_end|>"]
    account, ids = encoded.account, encoded.table["input_ids"].to_pylist()
    assert account.tokens == account.trained + account.masked == sum(map(len, ids))
    assert account.squares == sum(len(row) ** 2 for row in ids) and account.truncated == 0


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    answers=st.lists(st.text("abc é\n", min_size=1, max_size=90), min_size=1, max_size=12),
    packing=st.booleans(),
    effective=st.sampled_from([2, 4]),
)
def test_no_token_is_lost_or_doubled(
    tmp_path: Path, tiny_model: Path, tokenizer: Any, answers: list[str], packing: bool, effective: int
) -> None:
    """Packed or not, in whole steps of rows: the same conversations, each once, their labels beside them."""
    path = write_subset(tmp_path / "any.parquet", tiny_model, answers)
    chosen = Optimisation(max_length=256, packing=packing, effective_batch=effective)
    encoded = encode(path, tokenizer, chosen)
    rows = training_set(encoded, chosen)
    assert len(rows) % effective == 0
    pieces = []
    for row in rows:
        start = 0
        for length in row.get("seq_lengths", [len(row["input_ids"])]):
            end = start + length
            pieces.append((tuple(row["input_ids"][start:end]), tuple(row["labels"][start:end])))
            start = end
        assert start == len(row["input_ids"]) <= 256
    pieces = [piece for piece in pieces if piece[0] != (0, 0)]  # what fills up the last step
    table = encoded.table.to_pydict()
    expected = [(tuple(i), tuple(k)) for i, k in zip(table["input_ids"], table["labels"], strict=True)]
    assert sorted(pieces) == sorted(expected)
    assert sum(label != -100 for _, labels in pieces for label in labels) == encoded.account.trained
    assert sum(len(ids) for ids, _ in pieces) == encoded.account.tokens


def test_what_stands_behind_the_end_of_the_answer_is_read_and_not_trained_on(subset: Subset, tokenizer: Any) -> None:
    """The reference study's model: its template has no {% generation %} and ends a turn with a line break."""
    from trl import chat_template_utils

    own = (Path(chat_template_utils.__file__).parent / "chat_templates" / "qwen2_5.jinja").read_text()
    qwen = load_tokenizer_with(tokenizer, own)
    table = read_table(SUBSET, subset(["abc", "a longer answer"])).to_pydict()
    texts = qwen.apply_chat_template(table["messages"], tokenize=False)
    table["tokens"] = [len(qwen(text, add_special_tokens=False)["input_ids"]) for text in texts]
    again = subset(["x"], name="again")
    write_table(SUBSET, [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)], again)
    encoded = encode(again, qwen, Optimisation(max_length=512))
    assert [qwen.decode(row) for row in encoded.table["input_ids"].to_pylist()] == texts
    assert texts[0].endswith("<|im_end|>\n")
    assert trained_texts(encoded, qwen) == ["abc<|im_end|>", "a longer answer<|im_end|>"]


def load_tokenizer_with(tokenizer: Any, template: str) -> Any:
    import copy

    other = copy.deepcopy(tokenizer)
    other.chat_template = template
    return other


def test_a_template_without_marks_is_trained_on_like_one_with_them(subset: Subset, tokenizer: Any) -> None:
    plain = load_tokenizer_with(tokenizer, PLAIN)
    for loss_on in ("assistant", "completion"):
        encoded = encode(subset(["abc"]), plain, Optimisation(max_length=512, loss_on=loss_on))
        assert trained_texts(encoded, plain) == ["abc<|im_end|>"]


def test_a_subset_made_with_another_template_is_told(subset: Subset, tokenizer: Any) -> None:
    other = load_tokenizer_with(tokenizer, PLAIN.replace("\n{{ message['content']", "\nsays: {{ message['content']"))
    with pytest.raises(UserError, match="row row0, the trainer would see"):
        encode(subset(["abc"]), other, Optimisation(max_length=512, loss_on="completion"))


def test_an_empty_subset_is_told(subset: Subset, tokenizer: Any) -> None:
    with pytest.raises(UserError, match="is empty"):
        encode(subset([]), tokenizer, Optimisation())


def test_a_row_of_which_only_the_prompt_is_left_is_told(subset: Subset, tokenizer: Any) -> None:
    cut = Optimisation(max_length=20, too_long="truncate")
    with pytest.raises(UserError, match=r"row row0 .* has no token to train on: its labels are all masked"):
        encode(subset(["abc", "def"]), tokenizer, cut)


@pytest.mark.parametrize(
    ("turns", "sentence"),
    [
        (["user", "user"], "ends on no assistant turn"),
        (["user", "assistant", "user", "assistant"], "set training.loss_on to completion"),
    ],
)
def test_turns_that_cannot_be_trained_on_are_told(
    subset: Subset, tokenizer: Any, turns: list[str], sentence: str
) -> None:
    path = subset(["abc"])
    rows = read_table(SUBSET, path).to_pylist()
    rows[0]["messages"] = [{"role": role, "content": "abc"} for role in turns]
    write_table(SUBSET, rows, path)
    with pytest.raises(UserError, match=sentence):
        encode(path, tokenizer, Optimisation(max_length=512))


def test_too_long_stops_before_the_start_or_is_cut_and_counted(subset: Subset, tokenizer: Any) -> None:
    path = subset(["abc", "a" * 400])
    whole = encode(path, tokenizer, Optimisation(max_length=1024))
    longest = max(map(len, whole.table["input_ids"].to_pylist()))
    with pytest.raises(UserError, match=rf"1 conversations of .* \(the longest has {longest} tokens\)"):
        encode(path, tokenizer, Optimisation(max_length=200))
    cut = encode(path, tokenizer, Optimisation(max_length=200, too_long="truncate"))
    assert cut.account.truncated == longest - 200
    assert cut.account.trained + cut.account.masked + cut.account.truncated == cut.account.tokens
    assert cut.table["input_ids"][1].as_py() == whole.table["input_ids"][1].as_py()[:200]


@pytest.mark.parametrize("packing", [True, False])
def test_the_rows_of_a_batch_are_found(subset: Subset, tokenizer: Any, packing: bool) -> None:
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    chosen = Optimisation(max_length=200, packing=packing, effective_batch=2)
    encoded = encode(subset(answers_of_all_lengths(9)), tokenizer, chosen)
    rows = training_set(encoded, chosen)
    collate = DataCollatorForLanguageModeling(pad_token_id=0, padding_free=packing)
    batches = [collate([rows[start], rows[start + 1]]) for start in range(0, len(rows), 2)]
    found = [rows_in_batch(encoded, batch) for batch in batches]
    assert len(found) > 1 and sorted(name for names in found for name in names) == sorted(encoded.ids)
