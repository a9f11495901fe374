"""Steps are the reasoning, byte for byte, and nothing that belongs together is torn."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scripts.select.patterns import ERROR_CORRECTION, MULTI_METHOD, PROGRESSIVE, VERIFICATION, classify
from scripts.select.segment import step_bounds

PIECES = ["Wait, ", "a. ", "\n\n", "\n", "$$x.\n\ny$$", "1. one\n2. two\n", "```\nWait. A\n\nb\n```", "\\[ a\n\nb \\]", "等等。", "So b. ",
          "\u2028", "\x00", "🙂. ", "\r\n", "\r", "\x0b", "\x85", "\xa0", "$x$", "$", "\\(", "```", "[asy]", "Okay. ", "a:\n", "  b\n", "- c\n", "\\begin{align}a\n\nWait\\end{align}"]  # fmt: skip


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


@pytest.mark.parametrize(
    "block", ["\\[\na\n\\]", "$$a$$", "```\n# Wait, no.\n```", "- a\n- b", "1. a\n\n2. b\n   or c\n\n3. d"]
)
def test_a_block_belongs_to_the_line_that_introduces_it(block: str) -> None:
    parts = steps(f"Now the sum.\nLet me verify:\n\n{block}\n\nSo it is.")
    assert parts == ["Now the sum.\n", f"Let me verify:\n\n{block}\n\n", "So it is."]


def test_connectives_do_not_cut_a_derivation_and_end_a_check() -> None:
    assert steps("Let a=1. Then b=2. So c=3. Now d=4.") == ["Let a=1. Then b=2. So c=3. Now d=4."]
    assert steps("Wait, is b=2? If a=1, it is. Then c=3. So c=3 is good. Now d=4.") == [
        "Wait, is b=2? If a=1, it is. Then c=3. ",
        "So c=3 is good. Now d=4.",
    ]
    assert steps("Wait, is b=2? Yes. Then c=3.") == ["Wait, is b=2? Yes. ", "Then c=3."]


def test_a_marker_of_another_pattern_begins_a_step_whatever_leads_to_it() -> None:
    assert steps("Alternatively, add them. Now let me verify it.") == [
        "Alternatively, add them. ",
        "Now let me verify it.",
    ]


def test_remarks_stay_with_the_check() -> None:
    text = "Hold on. Is that right? It is 2. It was 3. So that works.\n\n"
    assert steps(text + "So 5.") == [text, "So 5."]


def test_money_is_no_mathematics() -> None:
    assert steps("It costs $5. Wait, it costs $6 now.") == ["It costs $5. ", "Wait, it costs $6 now."]


HOSTILE = ["$", "$x$ ", "\n", " ", " \n ", ".", "1. ", "1. a\n", "- a\n\n", "```a``", "$$ a\n", "\\[ ", "\\( ", "[asy]", "! A",
           "\\begin{a} ", "So. ", "Wait, is it so now? ", "But is a ", "等等。", "(", "a:\n\n", "plugging ", "Let me "]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
def test_time_is_linear_in_hostile_text(piece: str) -> None:
    text = (piece * 200_000)[:200_000]
    begun = time.process_time()
    for part in steps("```" + text) + steps(text):
        classify(part)
    assert time.process_time() - begun < 5  # at most 0.5 s when written; what is quadratic takes minutes


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
        ("Now let me verify the formula.", VERIFICATION),
        ("But is 6 really even?", VERIFICATION),
        ("What about an empty list?", VERIFICATION),
        ("Is there another way to see it?", MULTI_METHOD),
        ("Let me try a different approach.", MULTI_METHOD),
        ("Wait, no. It is 5.", ERROR_CORRECTION),
        ("I misread the question.", ERROR_CORRECTION),
        ("我刚才这里算错了。", ERROR_CORRECTION),
        ("换个思路，用组合数。", MULTI_METHOD),
        ("Substituting this back, we find t = 2.", PROGRESSIVE),
        ("It runs.\n```\n# Wait, no\n```\n", PROGRESSIVE),
        ("Wait, this is wrong.", VERIFICATION),  # two markers: the first in the text
        ("Alternatively, let me check with x=1.", MULTI_METHOD),
    ],
)
def test_phrases(step: str, pattern: str) -> None:
    assert classify(step) == pattern
