"""raw = pool + rejected, with the right reason for each row that left."""

import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.common.chain import last_boxed, split_response
from scripts.common.tables import read_table
from scripts.data import prepare_pool
from scripts.data.prepare_pool import Rejected, read_row

GOOD = "<think>\n1+1=2\n</think>\n\nThe final answer is \\boxed{2}."


def raw(**columns: Any) -> dict[str, Any]:
    return {"row": 0, "question": "1+1?", "response": GOOD, "answer": None, "system": None, "source": None,
            "category": None, "defect": None, **columns}  # fmt: skip


REASONS = [
    (raw(defect="malformed: x"), "malformed"),
    (raw(defect="not UTF-8: x"), "not_utf8"),
    (raw(question="  "), "empty_question"),
    (raw(response=None), "empty_response"),
    (raw(response="<think>\n1+1"), "think_not_closed"),
    (raw(response="so \\boxed{\\frac{1}{2}"), "answer_not_parseable"),
    (raw(response="<think>\n2\n</think>\n2", answer="2"), "no_boxed_answer"),
]


@pytest.mark.parametrize(("row", "reason"), REASONS, ids=[reason for _, reason in REASONS])
def test_reasons(row: dict[str, Any], reason: str) -> None:
    with pytest.raises(Rejected) as caught:
        read_row(row, require_boxed_answer=True)
    assert caught.value.reason == reason


def test_a_row_without_any_answer_is_rejected_even_where_no_box_is_asked_for() -> None:
    with pytest.raises(Rejected, match="no_answer"):
        read_row(raw(response="two"), require_boxed_answer=False)
    assert read_row(raw(response="two", answer=" 2 "), require_boxed_answer=False)["answer"] == "2"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"\boxed{1} then \boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"\boxed{\{1,2\}}", r"\{1,2\}"),
        (r"\boxed{a\\}", r"a\\"),
        ("no box", None),
    ],
)
def test_last_boxed(text: str, answer: str | None) -> None:
    assert last_boxed(text) == answer


@given(st.text(), st.text(), st.booleans(), st.booleans())
def test_the_parts_of_a_response_are_the_response(inner: str, after: str, opened: bool, closed: bool) -> None:
    response = ("<think>\n" if opened and closed else "") + inner + ("\n</think>\n\n" if closed else "") + after
    parts = split_response(response)
    assert "".join(parts) == response
    assert parts.reasoning == parts.reasoning.strip()


def run_main(tmp_path: Path, model: Path, rows: list[dict[str, Any]], *options: str) -> tuple[list, list]:
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "raw.parquet")
    paths = {name: str(tmp_path / f"{name}.parquet") for name in ("raw", "pool", "rejected")}
    sys.argv = ["prepare_pool", "--model", str(model), *options, *(w for n, p in paths.items() for w in (f"--{n}", p))]
    prepare_pool.main()
    return read_table("pool", paths["pool"]).to_pylist(), read_table("rejected", paths["rejected"]).to_pylist()


def test_the_account_balances(tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [])
    rows = [
        raw(question="a?"),
        raw(question="a?"),
        raw(question="A?  "),
        raw(question="b?"),
        raw(question="long?", response="<think>\n" + "1+1=2 so " * 60 + "\n</think>\n\\boxed{2}"),
        raw(question="longer than the context?", response="<think>\n" + "数" * 400 + "\n</think>\n\\boxed{2}"),
        *(row for row, _ in REASONS),
    ]
    for number, row in enumerate(rows):
        row["row"] = number
    pool, rejected = run_main(tmp_path, tiny_model, rows, "--max-tokens", "5000", "--require-boxed-answer", "true")
    assert {row["row"]: row["reason"] for row in rejected} == {
        1: "duplicate", 2: "duplicate_normalised", 5: "over_context", **{6 + n: why for n, (_, why) in enumerate(REASONS)}
    }  # fmt: skip
    assert [row["question"] for row in pool] == ["a?", "b?", "long?"]
    assert len(pool) + len(rejected) == len(rows)
    assert all(row["reasoning"] in row["response"] and row["answer"] == "2" for row in pool)


def test_bounds_count_tokens_of_the_model(tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from scripts.common import chat

    monkeypatch.setattr(sys, "argv", [])
    exact = len(chat.load_tokenizer(tiny_model)(GOOD)["input_ids"])
    rows = [raw(), raw(row=1, response="\\boxed{2}"), raw(row=2, response="1+1=2, " + GOOD.replace("<think>", ""))]
    bounds = ["--min-tokens", str(exact), "--max-tokens", str(exact)]
    pool, rejected = run_main(tmp_path, tiny_model, rows, *bounds)
    assert [row["response_tokens"] for row in pool] == [exact]
    assert [row["reason"] for row in rejected] == ["too_short", "too_long"]
