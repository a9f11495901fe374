"""Answers that are labels, words or dates, and look like products and differences: by hand, as people write them."""

import pytest

from scripts.common.judging.verdict import same_answer

EQUAL = [
    ("(A)(B)", "(B)(A)"), ("(A)(B)", "A, B"), ("(A)(B)", "AB"), ("ABD", "(A)(B)(D)"), ("(B)(C)(D)", "B、C、D"),
    (r"\text{(A) and (C)}", "A, C"), ("$(A)$ and $(C)$", r"\mathbf{AC}"), ("(a), (c)", "ac"), ("(a)(b)", "b*a"),
    ("(i) and (ii)", "(ii) and (i)"), ("(i) and (ii)", "(i), (ii)"), ("statements (i) and (iii)", "(i), (iii)"),
    ("I and II only", "I, II"), ("I only", "I"), ("Both I and II", "I and II"), (r"\text{I and III only}", "I, III"),
    ("①③", "③①"), ("①③", "(1)(3)"), ("①③", "1、3"), ("①", "1"), ("(1)(2)", "(2)(1)"), ("(1), (3)", "1 and 3"),
    ("(i)", "i"), ("(2)", "2"), ("(A) 5", "(A)"), ("(x+1)(x+2)", "(x+2)(x+1)"), ("(x)(v)", "xv"),
    ("2024-01-02", "2024-1-2"), ("01/02/2024", "1/2/2024"), ("1/2/3", "1/6"), ("2024-1", "2023"),
    ("abc", "cba"), ("PQ", "QP"), ("mgh", r"m \cdot g \cdot h"), (r"\text{no}", "No"), ("NO", "no"), ("HHT", "HHT"),
    (r"\angle ABC", "∠ABC"), (r"\triangle ABC", "△ABC"), (r"\Delta/2", "Δ/2"), (r"\Gamma(3)", "Γ(3)"),
]  # fmt: skip
UNEQUAL = [
    ("(A)(B)", "(A)(C)"), ("(A)(B)(D)", "(A)(B)"), ("(A)", "(A)(B)"), ("(A) and (B)", "(A)"), ("ABD", "ABC"),
    ("(B)(C)(D)", "B,C"), ("(i) and (ii)", "(i) and (iii)"), ("(ii)", "(iii)"), ("(iii)", "-i"),
    ("(ii) and (iii)", "B"), ("I and II only", "I and III only"), ("I only", "I and II"), ("II", "III"),
    ("①③", "①④"), ("①③", "13"), ("①②", "2"), ("(1)(2)", "2"), ("(1), (3)", "13"), ("(1), (3)", "(1), (3), (4)"),
    ("2024-01-02", "2024-02-01"), ("2024-01-02", "2021"), ("2024/01/02", "2024/02/01"), ("01/02/2024", "02/01/2024"),
    ("(x) and (y)", "(x) and (zw)"), ("rat", "tar"), ("no", "on"), ("HHT", "THH"), ("TTF", "TFT"), ("odd", "ddo"),
    ("HHT, HTH", "HHT, HHT"),
]  # fmt: skip


@pytest.mark.parametrize(("gold", "answer"), EQUAL)
def test_equal(gold: str, answer: str) -> None:
    assert same_answer(gold, answer)[0]


@pytest.mark.parametrize(("gold", "answer"), UNEQUAL)
def test_unequal(gold: str, answer: str) -> None:
    assert not same_answer(gold, answer)[0]
