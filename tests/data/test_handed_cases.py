"""The cases that lie beside the checkout: each file is read rightly, or refused with a sentence."""

import re
from pathlib import Path
from typing import Any

import pytest

from scripts.common.answers import final_answer
from scripts.common.chain import ChainError, split_response
from scripts.common.cli import UserError
from scripts.common.config.dataset import Dataset, Reading
from scripts.data.account import Account
from scripts.data.fetch_benchmark import read_local
from scripts.data.files import SUFFIXES, suffix_of
from scripts.data.hub_files import choose
from scripts.data.reading import raw_rows, source_rows
from tests.beside import DATA

CASES = DATA / "cases" / "data"
pytestmark = pytest.mark.real

# The final answers of the rows, in order; None for a row without one, a word for one that is rejected for that reason.
ROWS: dict[str, list[str | None]] = {
    "alpaca_history.jsonl": ["context", "144"],
    "alpaca_tools.jsonl": ["context"],
    "answer_boxed_dollars.jsonl": ["46", "144", "84"],
    "answer_float.jsonl": ["46", "0.3", "10000000000000000000000"],
    "answer_hashes.jsonl": ["46", "144"],
    "answer_list.jsonl": ["46", "144", "84, 85"],
    "answer_nan_none.jsonl": ["46", "144", "84"],
    "bom.csv": ["5", "11"],
    "bom.json": ["46", "144", "84", "10"],
    "bom.jsonl": ["46", "144", "84", "10"],
    "box_only_in_think.jsonl": [None, None],
    "boxes_several_at_end.jsonl": ["2, 9, -4", "4, 7"],
    "column_named_defect.jsonl": ["46", "144", "84"],
    "columns_problem_full_response.jsonl": ["46", "144", "84"],
    "columns_query_response.jsonl": ["46", "144", "84"],
    "columns_question_answer.jsonl": ["46", "10"],
    "conversations_role_content.jsonl": ["46", "144", "84"],
    "messages_from_value.jsonl": ["46", "144", "84"],
    "messages_tools.jsonl": ["context"],
    "mixed_formats.jsonl": ["46", "144", "84", "10", "27"],
    "row_deep_nesting.jsonl": ["46", "malformed", "144"],
    "row_integer_5000_digits.jsonl": ["46", "malformed", "144"],
    "row_lone_surrogate.jsonl": ["46", "not_utf8", "144"],
    "row_surrogate.json": ["46", "not_utf8"],
    "row_surrogate_in_answer.jsonl": ["46", "not_utf8", "84"],
    "think_in_column_thinking.jsonl": ["27", "7", "10.50"],
    "think_tag_capitals.jsonl": ["10", "27", "7"],
    "think_two_blocks.jsonl": ["think_not_one_block"] * 3,
}  # fmt: skip
SAME = {
    "shape_": ["46", "144", "84", "10", "27"],
    "think_": ["46", "144", "84"],
}
ROWS |= {
    name: list(SAME[name[:6]])
    for name in (
        "shape_columns.json",
        "shape_lines.json",
        "shape_list_pretty.jsonl",
        "shape_object_with_data.json",
        "think_beside_open_conversation.jsonl",
        "think_in_column_deepseek_thinking_trajectory.jsonl",
        "think_in_column_generations.jsonl",
        "think_in_column_reasoning.jsonl",
        "think_in_field_reasoning_content.jsonl",
        "think_in_field_thinking.jsonl",
        "think_tag_begin_of_thought.jsonl",
        "think_tag_thinking.jsonl",
    )
}
REFUSED = {
    "broken_inside.jsonl.gz": "cut off or damaged",
    "cut_off.jsonl.gz": "cut off or damaged",
    "cut_off.jsonl.zst": "cut off or damaged",
    "cut_off.parquet": "cut off or damaged",
    "json_named.parquet": "no Parquet file as its name says",
    "plain_text.jsonl.gz": "not compressed by gzip as its name says",
    "plain_text.jsonl.zst": "not compressed by zstd as its name says",
    "quote_unclosed.csv": "the row that begins in line 5",
}


def read(path: Path) -> list[dict[str, Any]]:
    account, reading = Account(), Reading(source="file")
    return list(raw_rows(source_rows([path], reading, account), reading, account))


@pytest.mark.parametrize("name", ROWS)
def test_a_file_is_read(name: str) -> None:
    found: list[str | None] = []
    for row in read(CASES / name):
        if row["defect"]:
            found.append(row["reason"])
            continue
        try:
            parts = split_response(row["response"])
        except ChainError as error:
            found.append(error.reason)
            continue
        found.append(row["answer"] or final_answer(parts))
        if name.startswith("think_"):  # the chain, and not what follows it or its tags
            assert parts.reasoning.count("\n\n") >= 1 and not re.search(r"boxed|think|thought", parts.reasoning)
            assert "boxed" in parts.after
    assert found == ROWS[name]


@pytest.mark.parametrize("name", REFUSED)
def test_a_damaged_file_is_refused(name: str) -> None:
    with pytest.raises(UserError, match=REFUSED[name]):
        read(CASES / name)


def test_none_of_the_handed_files_is_left_out() -> None:
    there = {path.name for path in CASES.iterdir() if path.is_file() and not path.name.startswith("benchmark_")}
    assert there <= {*ROWS, *REFUSED, "duplicates.jsonl"}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("benchmark_integer_5000_digits.jsonl", "line 2: a whole number of more than 4,300 digits"),
        ("benchmark_lone_surrogate.jsonl", "line 2: not UTF-8"),
        ("benchmark_nan_answers.jsonl", "line 2: there is no text or number in the field 'answer'"),
        ("benchmark_utf16.jsonl", "is not UTF-8"),
    ],
)
def test_a_benchmark_is_refused(name: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_local(CASES / name, "math")


@pytest.mark.parametrize(
    ("name", "files", "left"),
    [
        ("hub_configs", ["main/train.jsonl"], "configuration everything"),
        ("hub_test_split", ["data/train-00000-of-00001.jsonl"], "split test"),
        ("hub_validation", ["train.csv"], "split validation"),
    ],
)
def test_one_split_of_a_repository_is_read(name: str, files: list[str], left: str) -> None:
    there = [str(path.relative_to(CASES / name)) for path in (CASES / name).rglob("*") if path.is_file()]
    card = (CASES / name / "README.md").read_text() if "README.md" in there else ""
    data = [file for file in there if suffix_of(file) in SUFFIXES]
    found, chosen = choose(Dataset(source="hub", path="owner/name", revision="main"), data, card)
    assert found == files and left in chosen
