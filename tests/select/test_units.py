"""Units are the chain, byte for byte; displays, code and formulas are not torn."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scripts.select.limopro.units import is_numbering, unit_bounds

PIECES = ["Wait, ", "a. ", "\n\n", "\n", "$$x.\n\ny$$", "1. one\n2. two\n", "```\nWait. A\n\nb\n```", "\\[ a\n\nb \\]", "等等。", "So b. ",
          "\u2028", "\x00", "🙂. ", "\r\n", "\r", "\x0b", "\x85", "\xa0", "$x$", "$", "\\(", "```", "[asy]", "Okay. ", "a:\n", "  b\n", "- c\n", "\\begin{align}a\n\nWait\\end{align}"]  # fmt: skip
HOSTILE = ["$", "$x$ ", "\n", " ", " \n ", ".", "1. ", "1. a\n", "- a\n\n", "```a``", "$$ a\n", "\\[ ", "\\( ", "[asy]", "! A",
           "\\begin{a} ", "So. ", "Wait, is it so now? ", "But is a ", "等等。", "(", "a:\n\n", "plugging ", "Let me "]  # fmt: skip


def units(text: str) -> list[str]:
    return [text[start:end] for start, end in unit_bounds(text)]


@given(st.one_of(st.text(), st.lists(st.sampled_from(PIECES)).map("".join)))
@example("")
@example("\n")
@example("```never closed\n\nWait. So")
def test_joined_units_are_the_text(text: str) -> None:
    parts = unit_bounds(text)
    assert "".join(units(text)) == text
    assert all(start < end for start, end in parts)


def test_a_unit_is_a_sentence_a_line_or_a_display() -> None:
    text = "We add. We get 12, e.g. Alice's 3.5? Yes.\n\nThen:\n\\[\na = b. C\n\\]\n1. One.\n等等。让我检查。"
    assert units(text) == [
        "We add. ",
        "We get 12, e.g. Alice's 3.5? ",
        "Yes.\n\n",
        "Then:\n\\[\na = b. C\n\\]\n",
        "1. ",
        "One.\n",
        "等等。",
        "让我检查。",
    ]


@pytest.mark.parametrize(
    "block",
    [
        "\\[\na = b.\n\nWait. So c\n\\]",
        "$$a.\n\nWait, b.$$",
        "```python\nx = 1\n\n# Wait. So\ny = 2\n```",
        "\\begin{align*}\na &= b. \\\\\n\nWait &= c.\n\\end{align*}",
    ],
)
def test_blocks_are_not_torn(block: str) -> None:
    assert [part for part in units(f"Before it.\n\n{block}\n\nAfter it. Wait, is it?") if block in part]


def test_inline_mathematics_and_money() -> None:
    assert units("Use $x. Wait y$ there. Wait, no.") == ["Use $x. Wait y$ there. ", "Wait, no."]
    assert units("It costs $5. Wait, it costs $6 now.") == ["It costs $5. ", "Wait, it costs $6 now."]


def test_numbering() -> None:
    assert [is_numbering(unit) for unit in ("1. ", "(2) ", "- ", "3", "1. a")] == [True, True, True, False, False]


@pytest.mark.parametrize("piece", HOSTILE)
def test_time_is_linear_in_hostile_text(piece: str) -> None:
    text = (piece * 200_000)[:200_000]
    begun = time.process_time()
    unit_bounds("```" + text)
    unit_bounds(text)
    assert time.process_time() - begun < 5  # at most 0.5 s when written; what is quadratic takes minutes
