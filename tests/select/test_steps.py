"""Steps are the reasoning, byte for byte, and a check, another way or a correction is one step to its end."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scripts.select.limopro.patterns import ERROR_CORRECTION, MULTI_METHOD, PROGRESSIVE, VERIFICATION
from scripts.select.limopro.reading import read_task, read_unit
from scripts.select.limopro.sequence import LABELS, labels_of, may_follow, read_model, shipped_model
from scripts.select.limopro.steps import Run, segment, without_closing
from scripts.select.limopro.train_segmenter import TAGGED, tagged_chains
from tests.select.test_units import HOSTILE, PIECES

P, V, M, E = PROGRESSIVE, VERIFICATION, MULTI_METHOD, ERROR_CORRECTION


def cut(text: str, question: str = "", answer: str = "") -> list[tuple[str, str]]:
    """Return (pattern, text) of each step, derivation in one piece."""
    steps: list[tuple[str, str]] = []
    for step in segment(text, question, answer):
        part = text[step.start : step.end]
        if steps and step.pattern == steps[-1][0] == P:
            steps[-1] = (P, steps[-1][1] + part)
        else:
            steps.append((step.pattern, part))
    return steps


@given(st.one_of(st.text(), st.lists(st.sampled_from(PIECES)).map("".join)), st.sampled_from(["", "7", "x$"]))
@example("", "")
@example("\n", "7")
@example("```never closed\n\nWait. So", "\\boxed{")
@example("\\boxed{never closed", "")
def test_joined_steps_are_the_text(text: str, answer: str) -> None:
    parts = segment(text, answer, answer)
    assert "".join(text[part.start : part.end] for part in parts) == text
    assert all(part.start < part.end for part in parts)


def test_the_same_chain_is_cut_the_same_way_each_time() -> None:
    text = "First, a = 1.\n\nSo b = 2.\n\nWait, let me check: a + 1 = 2. Yes.\n\nSo b = 2.\n\nThe answer is 2."
    assert segment(text, "b?", "2") == segment(text, "b?", "2") == segment(text, "b?", "2", shipped_model())


@pytest.mark.parametrize("piece", HOSTILE)
def test_time_is_linear_in_hostile_text(piece: str) -> None:
    text = (piece * 30_000)[:30_000]
    begun = time.process_time()
    segment(text, text[:1000], "7")
    assert time.process_time() - begun < 20  # at most 2 s when written; what is quadratic takes minutes


# Real manners of R1 that used to be torn: a check ended at its first "So", its calculations were derivation.
SOLVED = (
    "Okay, so I need the perimeter of a rectangle with sides 3 and 4. First, recall the formula: it is 2 times the sum"
    " of the sides.\n\nSo the sum of the sides is 3 + 4 = 7.\n\nTherefore, the perimeter is 2 * 7 = 14.\n\n"
)
CHECK = (
    "Wait, let me double-check that. The sides are 3 and 4. So two of them are 3 + 3 = 6, and the other two are"
    " 4 + 4 = 8. So in total 6 + 8 = 14. Yes, that matches what I had before. So 14 is correct.\n\n"
)
OTHER = (
    "Alternatively, I can use another method. Walk around the rectangle: 3 + 4 = 7, then 7 + 3 = 10, then 10 + 4 = 14."
    " So this way also gives 14, the same result.\n\n"
)
END = "**Final Answer**\nThe perimeter is \\boxed{14}."
QUESTION = "What is the perimeter of a rectangle with sides 3 and 4?"


def test_a_check_is_one_step_up_to_its_verdict() -> None:
    assert cut(SOLVED + CHECK + END, QUESTION, "14") == [(P, SOLVED), (V, CHECK), (P, END)]


def test_another_way_is_one_step() -> None:
    assert cut(SOLVED + OTHER + END, QUESTION, "14") == [(P, SOLVED), (M, OTHER), (P, END)]


def test_a_derivation_in_the_same_words_stays_progressive() -> None:
    text = "Wait for the bus, says the problem.\n\nLet me compute the time.\n\nSo it is 3 + 4 = 7 minutes.\n\n"
    assert cut(text, "How long?", "7") == [(P, text)]


def test_derivation_is_cut_at_the_end_of_a_paragraph_but_not_after_a_colon() -> None:
    text = "First, a=1.\n\nThen:\n\n\\[ b=2 \\]\n\nThe list is:\n\n1. c=3\n2. d=4\n\nDone."
    parts = [text[step.start : step.end] for step in segment(text)]
    assert parts == ["First, a=1.\n\n", "Then:\n\n\\[ b=2 \\]\n\n", "The list is:\n\n1. c=3\n2. d=4\n\n", "Done."]


# Chinese: no chain of the training data is in Chinese, its phrases are read as the English ones.
CHINESE_START = "题目说长方形的边长是3和4，求周长。\n\n首先，周长等于两边之和的两倍。\n\n两边之和是3+4=7。\n\n所以周长是2*7=14。\n\n"
CHINESE_CHECK = "等等，让我检查一下。两条长边是4+4=8，两条短边是3+3=6，一共是8+6=14。没错，结果一致。\n\n"
CHINESE_OTHER = "另一种方法是绕着长方形走一圈：3+4=7，7+3=10，10+4=14。结果也是14，结果一致。\n\n"
CHINESE_END = "最终答案是\\boxed{14}。"


def test_other_line_ends_and_spaces_in_empty_lines_change_no_cut() -> None:
    chains = tagged_chains(TAGGED.with_name("chains_held_back.md"))
    for steps in chains.values():
        text = "".join(part for part, _ in steps)
        found = cut(text)
        for other in ("\r\n\r\n", "\n  \n"):
            parts = [(pattern, part.replace("\n\n", other)) for pattern, part in found]
            assert cut(text.replace("\n\n", other)) == parts


def test_a_letter_states_the_answer_only_as_an_option() -> None:
    puzzle = read_task([], "Who is a knight?", "A")
    assert not any(puzzle.states(read_unit(text)) for text in ("So it is a knave.", "Then A lies.", "So a = 3"))
    options = [read_task([], "Which one? A) 1 B) 2 C) 3", answer) for answer in ("B", r"\text{B}")]
    for text in ("So option B.", "The answer is **B**.", "(B)", "所以答案是B。", "因此选 B"):
        assert all(task.states(read_unit(text)) for task in options)
        assert not puzzle.states(read_unit(text))


def test_closing_lines_that_state_the_answer_are_no_part_of_the_check_before_them() -> None:
    runs = [Run(0, 2, P), Run(2, 6, V)]

    def rows(closing: int, names: set[str]) -> list[set[str]]:
        return [{"paragraph"} if k in (0, 2) else {"paragraph", *names} if k == closing else set() for k in range(6)]

    assert without_closing(runs, rows(5, {"states"})) == [*runs[:1], Run(2, 5, V), Run(5, 6, P)]
    assert without_closing(runs, rows(4, {"ends"})) == [*runs[:1], Run(2, 4, V), Run(4, 6, P)]
    # It says something else, is longer than closing lines, or is the check itself: nothing changes.
    assert without_closing(runs, rows(5, set())) == without_closing(runs, rows(3, {"states"})) == runs
    assert without_closing([runs[0], Run(2, 5, P), Run(5, 6, V)], rows(5, {"states"}))[-1] == Run(5, 6, V)
    assert without_closing([], []) == []


def test_chinese_chains() -> None:
    question = "长方形的边长是3和4，求周长。"
    assert cut(CHINESE_START + CHINESE_CHECK + CHINESE_END, question, "14") == [
        (P, CHINESE_START),
        (V, CHINESE_CHECK),
        (P, CHINESE_END),
    ]
    assert [pattern for pattern, _ in cut(CHINESE_START + CHINESE_OTHER + CHINESE_END, question, "14")] == [P, M, P]


def test_labels_follow_each_other_as_steps_do() -> None:
    assert labels_of(["P*", "V*", "V", "V*", "P", "P*", "E", "M"]) == ["P", "BV", "IV", "BV", "R", "P", "BE", "BM"]
    assert may_follow("BV", "IV") and may_follow("IV", "R") and may_follow("P", "BM")
    assert not may_follow("P", "IV") and not may_follow("BV", "IM") and not may_follow("IV", "P")


def test_the_shipped_model_is_small_and_whole(tmp_path) -> None:
    from scripts.select.limopro.sequence import MODEL

    assert MODEL.stat().st_size < 2_000_000
    model = read_model(MODEL)
    assert len(model.rows) > 100 and model.weights.shape == (len(model.rows) + 1, len(LABELS))
    assert model.label([]).labels == []
