"""2,000 mutated rows and files, 500 benchmark files: no traceback, the account balances, no kept text is changed."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from scripts.common.chain import ChainError, split_response
from scripts.common.cli import UserError
from scripts.common.config.dataset import Reading
from scripts.data.account import Account
from scripts.data.fetch_benchmark import read_local
from scripts.data.files import SourceRow
from scripts.data.reading import raw_rows, source_rows
from tests.data.test_containers import HELD_APART, IN_ONE_TEXT, REFUSED

READING = Reading(source="file")
SEEDS = [*HELD_APART.values(), *IN_ONE_TEXT.values(), *(row for row, _, _ in REFUSED.values())]
NAMES = sorted(
    {key for row in SEEDS for key in row} | {"prompt", "completion", "extra_info", "system", "source", "defect"}
)
# Texts that mean something to the reader, and any other.
TEXTS = st.one_of(
    st.sampled_from(
        ["<think>", "</think>", "<|end_of_thought|>", "#### 4", "\\boxed{", "\\boxed{2}", "None", "[]", "\ud83d"]
    ),
    st.text(max_size=20),
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.tuples(TEXTS, TEXTS).map("".join),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES + ["role", "content"]), inner, max_size=3)
    ),
    max_leaves=6,
)
QUICK = settings(
    deadline=None, phases=(Phase.explicit, Phase.generate), suppress_health_check=list(HealthCheck), database=None
)


def texts_of(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for part in parts for text in texts_of(part)]


def check(rows: list[dict[str, Any]], account: Account, texts: list[str]) -> None:
    """The account balances, and what is kept stands in the source, byte for byte."""
    assert [row["row"] for row in rows] == list(range(len(rows)))
    defects = [row for row in rows if row["defect"]]
    assert (
        account.rows == len(rows) and account.defects.total() == len(defects) and all(row["reason"] for row in defects)
    )
    for row in rows:
        if row["defect"]:
            continue
        row["question"].encode(), row["response"].encode()
        assert any(row["question"] in text for text in texts) or all(
            any(part in text for text in texts) for part in row["question"].split("\n")
        )
        if not any(row["response"] == text for text in texts):
            try:
                before, reasoning, after = split_response(row["response"])
            except ChainError:
                continue  # prepare_pool rejects it
            assert (before.strip(), after.strip().partition("\n")[0]) == ("<think>", "</think>")
            answer = after.partition("</think>\n\n")[2]
            assert any(reasoning in text for text in texts) and any(answer == text for text in texts)


@settings(QUICK, max_examples=1500)
@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=3),
    st.lists(st.integers(0, 5), max_size=2),
)
def test_mutated_rows(seed: dict[str, Any], changes: list[tuple[str, Any]], removed: list[int]) -> None:
    row = json.loads(json.dumps(seed)) | dict(changes)
    for place in removed:
        row.pop(sorted(row)[place % len(row)], None) if row else None
    account = Account()
    rows = list(raw_rows([SourceRow("line 1", row)], READING, account))
    texts = [part for text in texts_of(row) for part in (text, *json_texts(text))]
    check(rows, account, texts)


def json_texts(text: str) -> list[str]:
    """Texts inside a conversation that is written as text."""
    try:
        return texts_of(json.loads(text))
    except (ValueError, RecursionError):
        return []


def forms(rows: list[Any], draw: random.Random) -> tuple[str, bytes]:
    """Return rows as a file of some form."""
    lines = "\n".join(json.dumps(row, ensure_ascii=draw.random() < 0.5) for row in rows)
    columns = {key: [row.get(key) for row in rows] for key in rows[0]}
    table = "\n".join(",".join(json.dumps(str(value)).replace("\\n", "\n") for value in row.values()) for row in rows)
    name, text = draw.choice(
        [
            ("rows.jsonl", lines),
            ("rows.json", json.dumps(rows, indent=draw.choice([None, 1]))),
            ("rows.json", json.dumps({"data": rows})),
            ("rows.json", json.dumps(columns)),
            ("rows.csv", ",".join(rows[0]) + "\n" + table),
        ]
    )
    return name, text.encode("utf-8", errors="replace")


def damaged(data: bytes, draw: random.Random) -> bytes:
    """Return bytes with some of them changed, left out, put in or cut off."""
    out = bytearray(data)
    for _ in range(draw.choice([0, 1, 1, 2, 5])):
        place = draw.randrange(len(out) + 1)
        kind = draw.randrange(4)
        if kind == 0 and place < len(out):
            out[place] = draw.randrange(256)
        elif kind == 1:
            out[place : place + draw.randrange(20)] = b""
        elif kind == 2:
            out[place:place] = draw.choice(
                [b'"', b"\n", b"{", b"]", b"\\", b"\xff", b"\x00", b"\xef\xbb\xbf", b"[" * 2000]
            )
        elif draw.random() < 0.3:
            del out[place:]
    return bytes(out)


def test_mutated_files(tmp_path: Path) -> None:
    draw = random.Random(1)
    read = told = 0
    for _ in range(500):
        name, data = forms(draw.choices(SEEDS, k=draw.randrange(1, 5)), draw)
        path = tmp_path / name
        path.write_bytes(damaged(data, draw))
        account = Account()
        try:
            rows = list(raw_rows(source_rows([path], READING, account), READING, account))
        except UserError as mistake:
            told += 1
            assert name in str(mistake)
            continue
        read += 1
        assert account.rows == len(rows) and account.defects.total() == sum(row["defect"] is not None for row in rows)
    assert read > 200 and told > 20


QUESTIONS = [
    {"question": "What is 12 + 19?", "answer": "31", "id": 3},
    {"problem": "3 + 3?", "answer": ["6"], "subject": "sums"},
    {"question": "Which?", "answer": "B", "choices": ["a", "b"]},
]


@pytest.mark.parametrize("kind", ["math", "choice"])
def test_mutated_benchmarks(tmp_path: Path, kind: str) -> None:
    draw = random.Random(2)
    odd = [None, 10**400, float("nan"), "\ud83d", [], {}, [[1]], True, "", -1.5, {"a": None}, "nan", ["x", None]]
    read = 0
    for _ in range(250):
        rows = [dict(draw.choice(QUESTIONS if kind == "math" else QUESTIONS[2:])) for _ in range(draw.randrange(1, 4))]
        if draw.random() < 0.6:
            rows[-1][draw.choice(["question", "answer", "choices", "id", "subject", "group"])] = draw.choice(odd)
        name, data = forms(rows, draw)
        path = tmp_path / name
        path.write_bytes(damaged(data, draw))
        try:
            questions = read_local(path, kind)
        except UserError as mistake:
            assert name in str(mistake)
            continue
        read += 1
        assert all(question.answer and question.answer != "nan" for question in questions)
    assert read > 30
