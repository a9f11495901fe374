"""Pairs of one kind that another reading makes equal: words as products, statements as lists, signs left out. By hand."""

import pytest

from scripts.common.judging.verdict import same_answer

EQUAL = [
    # periods of a decimal: 0.3636... = 36/99, 0.1(234) = 1/10 + 234/9990
    (r"0.\dot{3}\dot{6}", "4/11"), (r"0.\bar{3}", "1/3"), (r"0.1\dot{2}3\dot{4}", r"\frac{1233}{9990}"),
    ("5!!", "15"), ("6!!", "48"), (r"n2^n", r"2^n \cdot n"), (r"\lfloor x+1\rfloor", r"\lfloor x\rfloor+1"),
    (r"\lfloor\frac{n+1}{2}\rfloor", r"\lceil\frac{n}{2}\rceil"),  # of whole numbers
    (r"1011 \text{ (base 2)}", "1011_2"), ("1011 base two", "1011_2"), (r"1011\text{ in base }3", "1011_3"),
    ("2 to 3", "2:3"), (r"2\text{ to }3", r"\frac23"), ("2∶3", "2:3"), ("5-10", "5–10"), ("x**2+1", "x^2+1"),
    (r"\$5", "5"), (r"\$5", "5 dollars"), ("US$5", "5 USD"), ("€5", "5 euros"), ("5 €", "EUR 5"), ("¥5", "5元"),
    (r"\pm1\pm2", "3, 1, -1, -3"), ("{1,3}", r"\{3,1\}"), ("1 or 3", "1, 3"), (r"x=\pm1 \text{ or } x=3", "-1, 1, 3"),
    ("a=2, b=3 or a=3, b=2", "a=3, b=2 or a=2, b=3"), (r"x\in(1,3)", "1<x<3"), (r"x\in(1,3)", "(1,3)"),
    ("y=2, x=1", "x=1, y=2"), ("**5**", "5"), (r"5\text{ m/s east}", "5"), (r"20\% \text{ increase}", r"20\%"), ("A or B", "B or A"), ("A, B", "A and B"),
    (r"\{\{1,2\},\{3\}\}", r"\{\{3\},\{2,1\}\}"), ("True, False", "true, false"), ("(n+1)2^n", r"2^n \cdot (n+1)"),
    (r"\{A, B\}", "A, B"), (r"P^{-1}AP", r"P^{-1} A P"), (r"\vec{a}\times\vec{b}", r"\vec a \times \vec b"), (r"\max(2,3)", "3"),
    (r"\text{Yes, }x=2", r"\text{Yes}, x=2"), ("all of them", "All of them."),
]  # fmt: skip
UNEQUAL = [
    (r"0.\dot{3}", r"0.\dot{3}\dot{6}"), (r"0.\bar{3}", r"0.\bar{6}"), (r"0.\dot{3}", "0"), ("5!!", "(5!)!"),
    (r"\lfloor x\rfloor", "x"), (r"\lfloor x\rfloor", r"\lceil x\rceil"), (r"\lfloor 2x\rfloor", r"2\lfloor x\rfloor"),
    ("1011_3", r"1011 \text{ (base 2)}"), ("2 to 3", "3 to 2"), ("5 to 6", "2 to 15"), ("5-10", "10-15"),
    ("5–10", "-5"), ("x**2", "x2"), ("H2O", "HO2"), (r"\$5", "€5"), ("5 euros", "£5"), (r"\$5", "5 cents"),
    (r"\pm1\pm2", r"\pm3"), ("{1,3}", "(1,3)"), ("x=1 or x=3", "(1,3)"), (r"x\in(1,3)", "x=1, 3"),
    ("a=2, b=3 or a=3, b=2", "a=2, b=2 or a=3, b=3"), ("x>2, y<3", "x>2 or y<3"), ("x=3 oder x=5", "x=5"),
    ("x = 3 oder x = 5", "x = 3 und y = 5"), ("O(n log n)", "O(mn)"), ("P(AB)", "P(CD)"),
    (r"n \text{ prime}", r"n \text{ composite}"), ("cat is fat", "fat is cat"), ("p implies q", "q implies p"),
    ("Alice is taller than Bob", "Bob is taller than Alice"), ("2 hours 30 minutes", "30 hours 2 minutes"),
    ("2 hours 30 minutes", "60 minutes"), ("2 1/3", "21/3"), (r"5\text{ N, upward}", r"5\text{ N, downward}"), ("10% increase", "10% decrease"), ("5 more", "5 less"),
    (r"30^\circ\text{ N of E}", r"30^\circ\text{ S of W}"), (r"5\text{ profit}", r"5\text{ loss}"), ("5 left", "5 right"),
    ("A or B", "A and B"), ("p or q", "p, q"), ("True, False", "False, True"), ("T, F, T", "T, T, F"), ("even, odd", "odd, even"),
    ("(a) 5 (b) 6", "(a) 6 (b) 5"), ("(1) 5 (2) 6", "(1) 6 (2) 5"), ("max 5, min 3", "max 3, min 5"), (r"A^{-1}B", r"BA^{-1}"),
    (r"\vec a\times\vec b", r"\vec a\cdot\vec b"), (r"\nabla\times F", r"\nabla\cdot F"), (r"\{1,\{2\}\}", r"\{1,2\}"),
    (r"\emptyset", r"\{\emptyset\}"), (r"\text{Yes, }x=2", r"\text{No, }x=2"), ("1 2 3", "12 3"), ("00101", "101"), (r"x^{(2)}", "x^2"),
]  # fmt: skip


@pytest.mark.parametrize(("gold", "answer"), EQUAL)
def test_equal(gold: str, answer: str) -> None:
    assert same_answer(gold, answer)[0]
    assert same_answer(answer, gold)[0]


@pytest.mark.parametrize(("gold", "answer"), UNEQUAL)
def test_unequal(gold: str, answer: str) -> None:
    assert not same_answer(gold, answer)[0]
    assert not same_answer(answer, gold)[0]
