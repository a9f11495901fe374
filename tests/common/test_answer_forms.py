"""Answers as models and books write them (answer_forms.csv): equal ones, and near misses. By hand."""

import csv
from pathlib import Path

import pytest

from scripts.common.judging.verdict import same_answer

with Path(__file__).with_name("answer_forms.csv").open(encoding="utf-8", newline="") as stream:
    PAIRS = [(row["gold"], row["answer"], row["same"] == "1") for row in csv.DictReader(stream)]


@pytest.mark.parametrize(("gold", "answer", "same"), PAIRS)
def test_the_verdict(gold: str, answer: str, same: bool) -> None:
    assert same_answer(gold, answer)[0] is same
