"""A final answer comes bare, whatever a source puts around it."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.common.answers import answer_in, clean_answer, final_answer
from scripts.common.chain import split_response

COLUMN: list[tuple[Any, str | None]] = [
    (["46"], "46"), ([144], "144"), (["84", "85"], "84, 85"), (["$2$", r"\boxed{3}"], "2, 3"), ([], None), ([None], None),
    (46.0, "46"), (0.1 + 0.2, "0.3"), (1e22, "10000000000000000000000"), (-2.5, "-2.5"), (Decimal("7.00"), "7"), (12, "12"), (1234567890123456.0, "1234567890123456"),
    (Decimal("12345678901234567890123456789012.50"), "12345678901234567890123456789012.5"), (-0.0, "0"), (Decimal("1E+2"), "100"),
    (1.5e300, "1.5e+300"), (1e-50, "1e-50"), (100.0, "100"),
    ("['a', \"it's\"]", "a, it's"),
    (float("nan"), None), (float("inf"), None), ("nan", None), ("None", None), ("null", None), (" N/A ", None), ("-", None), ("?", None), ("[]", None), ("-1", "-1"), ("", None),
    (None, None), (True, "True"), (r"\boxed{46}", "46"), ("$144$", "144"), (r"$\boxed{84}$", "84"), (r"\(x^2\)", "x^2"),
    ("6*9=<<6*9=54>>54\n54-8=46\n#### 46", "46"), ("#### 5", "5"), ('["46"]', "46"), ("[1, 2]", "[1, 2]"),
    ("The answer is $28$.", "28"), ("So the final answer is: 3.5.", "3.5"), ("Answer key", "Answer key"), ("Answer: (B)", "(B)"),
    ("14.0", "14"), ("10.50", "10.50"), (" none ", "none"), ("1,234", "1,234"), (r"\frac{1}{2}", r"\frac{1}{2}"), ("$2$ and $3$", "$2$ and $3$"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "answer"), COLUMN, ids=str)
def test_a_column(value: Any, answer: str | None) -> None:
    assert clean_answer(value) == answer


@pytest.mark.parametrize(
    "value", [{"value": 1}, [["a"]], ["a", None], b"a", r"\boxed{2", '["a", [1]]', 2.0**61 + 2**10]
)
def test_what_is_no_answer_is_told(value: Any) -> None:
    with pytest.raises(ValueError):
        clean_answer(value)


ENDS: list[tuple[str, str | None]] = [
    (r"The roots are $\boxed{2}$, $\boxed{9}$ and $\boxed{-4}$.", "2, 9, -4"),
    (r"They are $\boxed{4}$ and $\boxed{7}$.", "4, 7"),
    (r"$x = \boxed{1}$ or $x = \boxed{5}$", "1, 5"),
    ("1. $\\boxed{2}$\n2. $\\boxed{3}$", "2, 3"),
    ("(a) \\boxed{3}\n\n(b) \\boxed{4}", "3, 4"),
    (r"The first is \boxed{a}, the second is \boxed{b}.", "a, b"),
    (r"\[x_1=\boxed{3},\quad x_2=\boxed{-3}\]", "3, -3"),
    (r"$\boxed{2}$ 和 $\boxed{3}$", "2, 3"),
    (r"Part (i): \boxed{3}. Part (ii): \boxed{4}.", "3, 4"),
    ("- Alice: $\\boxed{3}$\n- Bob: $\\boxed{4}$", "3, 4"),
    (r"$$\boxed{2}\quad\text{or}\quad\boxed{-2}$$", "2, -2"),
    (r"**Step 1**: $a=\boxed{3}$. **Step 2**: the sum is $\boxed{7}$.", "7"),
    (r"A first try gave \boxed{3}. So the total is \boxed{7}.", "7"),
    (r"We get \boxed{6} and then \boxed{7}", "7"),
    ("\\boxed{5}\n\n**Final Answer**\n\\boxed{5}", "5"),
    (r"\boxed{3} + \boxed{4} = \boxed{7}", "7"),
    (r"\boxed{\boxed{2}}", "2"),
    (r"\fbox{3}", "3"),
    (r"\boxed 14", "14"),
    (r"\boxed{\{1,2\}}", r"\{1,2\}"),
    (r"Put it within \boxed{}.", None),
    ("so <answer> 12 </answer>", "12"),
    ("4*7=28\n#### 28", "28"),
    ("4*7=28\nThe answer is: 28", "28"),
    ("4*7=28\n#### 28\nThe answer is: $28$.", "28"),
    ("So 28.\n\n**Final Answer:** 28 chairs\n", "28 chairs"),
    ("So 28.\nAnswer: (B)", "(B)"),
    ("So 28.\nThe answer is: the number of all chairs", None),
    ("Answer: 27\nBut no.", None),
    ("no answer", None),
]


@pytest.mark.parametrize(("text", "answer"), ENDS)
def test_what_a_text_ends_in(text: str, answer: str | None) -> None:
    assert answer_in(text) == answer


def test_a_box_inside_closed_thinking_is_a_thought() -> None:
    thought = "<think>\nMaybe \\boxed{3}? No, 10.\n</think>\n\n"
    assert final_answer(split_response(f"{thought}It is 10.")) is None
    assert final_answer(split_response(f"{thought}It is \\boxed{{10}}.")) == "10"
    assert final_answer(split_response("No tags: it is \\boxed{10}.")) == "10"


@given(st.text(alphabet="ab1 ,$\\{}#\n", max_size=40))
def test_any_text_is_read_or_told(text: str) -> None:
    try:
        found = clean_answer(text)
    except ValueError:
        return
    assert found is None or (found == found.strip() and found)


@given(st.floats(-1e300, 1e300))
def test_a_float_keeps_its_value(value: float) -> None:
    """Exactly as long as a float tells one whole number from the next; beyond that it is told."""
    try:
        text = clean_answer(value)
    except ValueError as error:
        assert abs(value) >= 2**53 and "15 digits" in str(error)
        return
    assert text is not None and float(text) == pytest.approx(value, rel=0 if value.is_integer() else 1e-14)
