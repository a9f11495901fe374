"""Steps are the reasoning, byte for byte, and nothing that belongs together is torn."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scripts.select.patterns import ERROR_CORRECTION, MULTI_METHOD, PROGRESSIVE, VERIFICATION, classify
from scripts.select.segment import step_bounds

PIECES = ["Wait, ", "a. ", "\n\n", "\n", "$$x.\n\ny$$", "1. one\n2. two\n", "```\nWait. A\n\nb\n```", "\\[ a\n\nb \\]", "等等。", "So b. ",
          "\u2028", "\x00", "🙂. ", "\r\n", "\\begin{align}a\n\nWait\\end{align}"]  # fmt: skip


def steps(text: str) -> list[str]:
    return [text[start:end] for start, end in step_bounds(text)]


@given(st.one_of(st.text(), st.lists(st.sampled_from(PIECES)).map("".join)))
@example("")
@example("\n")
@example("```never closed\n\nWait. So")
def test_joined_steps_are_the_text(text: str) -> None:
    parts = step_bounds(text)
    assert "".join(text[start:end] for start, end in parts) == text
    assert all(start < end for start, end in parts)


def test_a_line_break_ends_a_step_and_stays_with_it() -> None:
    assert steps("First, a=1.\n\nSo b=2.\nDone.") == ["First, a=1.\n\n", "So b=2.\n", "Done."]


def test_a_functional_step_does_not_swallow_the_derivation_after_it() -> None:
    parts = steps("We add. We get 12. Wait, let me check: 5+7=12, yes. So the sum is 12. Next, double it.")
    assert parts == [
        "We add. We get 12. ",
        "Wait, let me check: 5+7=12, yes. ",
        "So the sum is 12. ",
        "Next, double it.",
    ]
    assert [classify(part) for part in parts] == [PROGRESSIVE, VERIFICATION, PROGRESSIVE, PROGRESSIVE]


@pytest.mark.parametrize(
    "block",
    [
        "\\[\na = b.\n\nWait. So c\n\\]",
        "$$a.\n\nWait, b.$$",
        "```python\nx = 1\n\n# Wait. So\ny = 2\n```",
        "\\begin{align*}\na &= b. \\\\\n\nWait &= c.\n\\end{align*}",
        "1. First case. Wait here.\n2. Second case. So there.\n3. Third.",
    ],
)
def test_blocks_are_not_torn(block: str) -> None:
    text = f"Before it.\n\n{block}\n\nAfter it. Wait, is it?"
    assert [part for part in steps(text) if block in part]


def test_a_long_paragraph_is_split_after_four_sentences() -> None:
    text = "Aa is b. Cc is d. Ee is f. Gg is h. Ii is j. Kk is l."
    assert steps(text) == ["Aa is b. Cc is d. Ee is f. Gg is h. ", "Ii is j. Kk is l."]


def test_decimals_abbreviations_and_inline_mathematics_end_no_sentence() -> None:
    text = "Take e.g. Alice and 3.5 apples. Use $x. Wait y$ there. Wait, no."
    assert steps(text) == ["Take e.g. Alice and 3.5 apples. Use $x. Wait y$ there. ", "Wait, no."]


@pytest.mark.parametrize(
    ("step", "pattern"),
    [
        ("Let's solve it.", PROGRESSIVE),
        ("Therefore x = 3.", PROGRESSIVE),
        ("We wait for the bus, which comes at 9.", PROGRESSIVE),
        ("The alternatives are a and b.", PROGRESSIVE),
        ("Wait, is that right?", VERIFICATION),
        ("But wait, x is negative.", VERIFICATION),
        ("Hmm, let me verify this.", VERIFICATION),
        ("Double-check: 3*4=12.", VERIFICATION),
        ("Going back to the equation, it holds.", VERIFICATION),
        ("Alternatively, use induction.", MULTI_METHOD),
        ("Another way is to count pairs.", MULTI_METHOD),
        ("Let's try a different approach.", MULTI_METHOD),
        ("We can also verify by substitution.", MULTI_METHOD),
        ("This is wrong. A: 5+5=10.", ERROR_CORRECTION),
        ("The mistake was in the sign.", ERROR_CORRECTION),
        ("That's impossible, since x > 0.", ERROR_CORRECTION),
        ("Hmm, this contradicts the second equation.", ERROR_CORRECTION),
        ("等等，让我检查一下。", VERIFICATION),
        ("另一种方法是配方。", MULTI_METHOD),
        ("不对，这里算错了。", ERROR_CORRECTION),
        ("因此答案是5。", PROGRESSIVE),
        ("Wait, this is wrong.", VERIFICATION),  # two markers: the first in the text
        ("Alternatively, let me check with x=1.", MULTI_METHOD),
    ],
)
def test_phrases(step: str, pattern: str) -> None:
    assert classify(step) == pattern
