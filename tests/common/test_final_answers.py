"""What a text gives as its answer, by how people and models end theirs. By hand."""

import pytest

from scripts.common.judging.final import final_answer
from scripts.common.judging.verdict import judge_choice, judge_mathematics

# Texts that say 5.
FIVE = [
    "Answer: 5", "Answer = 5", "Answer - 5", "Ans: 5", "Ans. 5", "Result: 5", "Answer:\n\n- 5", "Answer:\n```\n5\n```",
    "### Final Answer: 5 ###", "The answer is 5, not 7.", "Answer: 5?", "Answer: 5 because 2+3 = 5", "answer is therefore 5",
    "The answer is about 5", "Die Antwort ist 5.", "La réponse est 5.", "La respuesta es 5.", "答えは5です。", "Ответ: 5",
    "정답은 5입니다.", "정답: 5", "<answer>5</answer>", "5", "$5$", "**5**", "Therefore x = 5.",
    r"$$\boxed{6}$$ However, the answer is 5.", r"\boxed{5} Note that the answer is an integer.",
    r"\boxed{5}. But be careful: the answer is always whole.",
]  # fmt: skip
# Texts that do not.
NOT_FIVE = [
    r"\boxed{5} but that is wrong.", r"I first got \boxed{5}. Wait, that's not right.", "Answer: 5 or 6", "Therefore x = 5",
    "The answer is not 5.", "The answer is at least 5", "The first of 5 steps is to add", "5 is what we add to",
    "Answer:\n\n-5", r"$$\boxed{5}$$ However, the answer is 6.",
]  # fmt: skip
LETTERS = [
    ("B", "Answer: B; C is wrong because of its sign"), ("B", "The answer is most likely B"), ("B", "Answer: probably B."),
    ("B", "La respuesta correcta es B."), ("B", "We select B."), (None, "Answer: B; C"), (None, "Answer: likely B or C"),
]  # fmt: skip


@pytest.mark.parametrize("text", FIVE)
def test_five(text: str) -> None:
    assert judge_mathematics("5", text).correct


@pytest.mark.parametrize("text", NOT_FIVE)
def test_not_five(text: str) -> None:
    assert not judge_mathematics("5", text).correct


def test_what_follows_because_is_no_answer() -> None:
    assert final_answer("Answer: No, because it is even.") == "No"


@pytest.mark.parametrize(("letter", "text"), LETTERS)
def test_letters(letter: str | None, text: str) -> None:
    assert judge_choice("B", "ABCD", text).extracted == letter
