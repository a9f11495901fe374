"""Answers judged by hand, and what a person has decided of them."""

import csv
import sys
from pathlib import Path

import pytest

from scripts.common.cli import UserError
from scripts.common.decided import read_decisions
from scripts.evaluate import judge_answers


def judged(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str, *options: str) -> list[dict[str, str]]:
    pairs, verdicts = folder / "pairs.csv", folder / "verdicts.csv"
    pairs.write_bytes(text.encode() if isinstance(text, str) else text)
    arguments = ["judge_answers", "--pairs", str(pairs), "--verdicts", str(verdicts), *options]
    monkeypatch.setattr(sys, "argv", arguments)
    judge_answers.main()
    with verdicts.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_rows_come_back_with_verdicts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        "\ufeffid,gold,answer\n1,12,\\boxed{12\\text{ cm}}\n2,12,<think>\\boxed{12}\n"
        '3,"x=-2,5","\\boxed{x\\in[1,2)}"\n4,"数","\\boxed{\\text{数}}"\n'
    )
    rows = judged(tmp_path, monkeypatch, text)
    assert list(rows[0]) == ["id", "gold", "answer", "correct", "extracted", "reason", "rule", "disputed"]
    assert [row["correct"] for row in rows] == ["1", "0", "0", "1"]
    assert rows[1]["extracted"] == "" and "thinking" in rows[1]["reason"]
    # lighteval compares the names of x=-2,5 and an interval, and finds them equal.
    assert [row["disputed"] for row in rows[:3]] == ["0", "0", "1"] and rows[0]["rule"] == "number"


def test_letters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "gold,answer\nD,\\boxed{A} so far. Answer: D\nE,Answer: E\n"
    rows = judged(tmp_path, monkeypatch, text, "--kind", "choice", "--letters", "ABCDE")
    assert [(row["correct"], row["extracted"]) for row in rows] == [("1", "D"), ("1", "E")]
    with pytest.raises(UserError, match="row 2: gold is 'E', none of the letters A, B, C, D"):
        judged(tmp_path, monkeypatch, text, "--kind", "choice")


def test_a_person_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decided = tmp_path / "decided.csv"
    decided.write_text("gold,answer,correct,note\nellipse,an oval,1,the same here\n")
    text = "gold,answer\nellipse,\\boxed{an oval}\ncircle,\\boxed{an oval}\n"
    assert [row["correct"] for row in judged(tmp_path, monkeypatch, text)] == ["0", "0"]
    rows = judged(tmp_path, monkeypatch, text, "--decided", str(decided))
    assert [row["correct"] for row in rows] == ["1", "0"] and rows[0]["rule"] == "decided"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"gold,reply\n1,2\n", "has no column 'answer': it needs gold, answer"),
        (b"", "has no column 'gold'"),
        (b"gold,answer\n1\n", "row 1 of 1 .*more or fewer cells"),
        (b"gold,answer\n1,2,3\n", "row 1 of 1 .*more or fewer cells"),
        (b'gold,answer\n1,"2\n', "is no CSV file"),
        ("gold,answer\n1,2\n".encode("utf-16"), "is no text in UTF-8"),
        (b"\xff\xfe\x00", "is no text in UTF-8"),
    ],
)
def test_odd_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, message: str) -> None:
    with pytest.raises(UserError, match=message):
        judged(tmp_path, monkeypatch, content)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("gold,answer,correct\n1,2,yes\n", "row 1: correct is 'yes', not 1 or 0"),
        ("gold,answer,correct,correct\n1,2,1,0\n", "the column 'correct' stands twice in the header"),
        ("gold,answer,correct\n1,2,1\n1,2,0\n", "row 2: the same gold and answer were decided the other way"),
    ],
)
def test_odd_decisions(tmp_path: Path, content: str, message: str) -> None:
    file = tmp_path / "decided.csv"
    file.write_text(content)
    with pytest.raises(UserError, match=message):
        read_decisions(file)
    assert read_decisions(None) == {}
