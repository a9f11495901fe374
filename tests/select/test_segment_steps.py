"""steps.parquet: which rows are cut, and the same rows whatever the number of processes."""

import sys
from pathlib import Path

import polars as pl
import pytest

from scripts.common.cli import UserError
from scripts.common.tables import read_table, write_table
from scripts.data.tables import POOL
from scripts.select import segment_steps
from scripts.select.tables import STEPS


def clean(folder: Path, answers: list[str | None]) -> Path:
    rows = [
        {"id": f"r{n}", "question": f"{n}+1?", "answer": answer, "response": "", "system": None, "source": None,
         "category": None, "response_tokens": 1,
         "reasoning": f"{n}+1={n + 1}.\n\nWait, let me check that again: {n + 1}-1={n}. Yes.\n\nSo it is {n + 1}."}
        for n, answer in enumerate(answers)
    ]  # fmt: skip
    write_table(POOL, rows, folder / "clean.parquet")
    return folder / "clean.parquet"


def cut(path: Path, *options: str) -> pl.DataFrame:
    steps = path.with_name("steps.parquet")
    sys.argv = ["segment_steps", "--clean", str(path), "--steps", str(steps), "--seed", "1", *options]
    segment_steps.main()
    return pl.DataFrame(read_table(STEPS, steps))


def test_rows_without_an_answer_are_not_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [])
    path = clean(tmp_path, [None if n % 2 else "1" for n in range(40)])
    assert set(cut(path)["id"]) == {f"r{n}" for n in range(0, 40, 2)}
    assert cut(path, "--score-rows", "15")["id"].n_unique() == 15
    with pytest.raises(UserError, match="has a final answer, which the scores of steps ask after"):
        cut(clean(tmp_path, [None] * 3))


def test_steps_are_the_same_whatever_the_number_of_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [])
    monkeypatch.setattr(segment_steps, "BATCH", 5)
    path = clean(tmp_path, ["1"] * 40)
    one = cut(path, "--score-rows", "23")
    monkeypatch.setattr(segment_steps, "ROWS", 7)
    assert one.equals(cut(path, "--score-rows", "23", "--threads", "2", "--work", str(tmp_path / "work")))
    assert one["id"].n_unique() == 23
