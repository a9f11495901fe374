"""The chains and questions that experiments/smollm2.yaml ships: every equation and every answer is computed again."""

import json
import re
from fractions import Fraction
from typing import Any

import pytest

from scripts.common.digest import ROOT

FOLDER = ROOT / "experiments/smollm2"
EQUATION = re.compile(r"(\d+(?: [-+×/] \d+)+) = (\d+)")
# Slips that the chain itself finds and mends.
SLIPS = {"120 - 35 = 95", "7 × 8 = 54", "4 × 13 = 42", "20 × 25 = 450"}


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (FOLDER / name).read_text(encoding="utf-8").splitlines()]


def value(arithmetic: str) -> Fraction:
    """Return the value of numbers joined by + - * /, products first."""
    total = Fraction(0)
    for sign, product in re.findall(r"([-+]) (\d+(?: [*/] \d+)*)", f"+ {arithmetic}"):
        first, *others = re.findall(r"([*/]?) ?(\d+)", product)
        term = Fraction(first[1])
        for operator, number in others:
            term = term * int(number) if operator == "*" else term / int(number)
        total += term if sign == "+" else -term
    return total


@pytest.mark.parametrize("question", rows("questions.jsonl"), ids=lambda row: row["id"])
def test_an_answer_is_its_sum(question: dict[str, Any]) -> None:
    assert value(question["arithmetic"]) == int(question["answer"])


def test_only_the_slips_that_are_mended_are_wrong() -> None:
    wrong = set()
    for row in rows("chains.jsonl"):
        for equation in EQUATION.finditer(row["response"]):
            if value(equation[1].replace("×", "*")) != int(equation[2]):
                wrong.add(equation[0])
    assert wrong == SLIPS


def test_a_chain_ends_on_the_answer_that_it_derives() -> None:
    chains = rows("chains.jsonl")
    for row in chains:
        thinking, _, answer = row["response"].partition("</think>")
        assert re.search(rf"\b{row['answer']}\b", thinking.strip().splitlines()[-1])
        assert f"\\boxed{{{row['answer']}}}" in answer
    asked = [row["question"] for row in chains + rows("questions.jsonl")]
    assert len(set(asked)) == len(asked) == 80
