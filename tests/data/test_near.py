"""Near duplicates are found, and rows that only look alike stay; likeness against plain sets."""

import random
import re

import numpy as np

from scripts.data.demo_world import Habits, draw_chain, draw_problem, write_response
from scripts.data.near import NearDuplicates, signature

VOCABULARY = ["".join(random.Random(k).choices("aeioulmnrst", k=2 + k % 7)) for k in range(3000)]


def prose(draw: random.Random, words: int) -> str:
    return " ".join(draw.choice(VOCABULARY) if draw.random() < 0.9 else str(draw.randrange(500)) for _ in range(words))


def edited(draw: random.Random, text: str, share: float) -> str:
    """Return a text with that share of its words left out, doubled, replaced or swapped; numbers stay."""
    words = text.split(" ")
    for place in range(len(words)):
        if draw.random() < share and words[place].isalpha():
            words[place] = draw.choice(["", words[place] + "s", "perhaps " + words[place], draw.choice(VOCABULARY)])
    return " ".join(words)


def test_likeness_is_the_share_in_common() -> None:
    def elements(text: str) -> set[tuple[str, ...]]:
        words = re.findall(r"[a-z]+|\d+", text)
        numbers = [word for word in words if word.isdigit()]
        runs = {tuple(words[k : k + 3]) for k in range(len(words) - 2)}
        return runs | {("#", *numbers[k : k + n]) for n in (1, 2, 3) for k in range(len(numbers) - n + 1)}

    draw = random.Random(4)
    errors = []
    for share in (0.0, 0.02, 0.05, 0.1, 0.3):
        one = prose(draw, 300)
        other = edited(draw, one, share)
        true = len(elements(one) & elements(other)) / len(elements(one) | elements(other))
        errors.append(abs((signature("", one).values == signature("", other).values).mean() - true))
    assert np.max(errors) < 0.13 and np.mean(errors) < 0.05  # standard deviation of 128 permutations: 0.044 at most


def test_planted_near_duplicates_are_found_and_name_their_rows() -> None:
    draw = random.Random(7)
    rows = [(prose(draw, 25), prose(draw, draw.choice((40, 200)))) for _ in range(1500)]
    near = NearDuplicates()
    assert all(near.check(signature(*row), number) is None for number, row in enumerate(rows))
    planted = draw.sample(range(len(rows)), 100)
    copies = [(edited(draw, rows[k][0], 0.03), edited(draw, rows[k][1], 0.03)) for k in planted]
    found = [near.check(signature(*copy), 10_000) for copy in copies]
    assert sum(hit is not None and hit[0] == k for hit, k in zip(found, planted, strict=True)) >= 98
    assert all(0.7 <= hit[1] <= 1 for hit in found if hit)


def test_rows_of_one_template_stay() -> None:
    draw = random.Random(2)
    near = NearDuplicates()
    problems = [draw_problem(draw, 4) for _ in range(400)]
    rows = [(one.question, write_response(draw_chain(draw, one, Habits()), one.answer)) for one in problems]
    rows += [(f"Compute {a} + {b}.", f"<think>\nWe add {a} and {b}. The sum of the two numbers is {a + b}, so the result is {a + b}.\n</think>\n\\boxed{{{a + b}}}") for a in range(100, 110) for b in range(50, 60)]  # fmt: skip
    assert [hit for row in rows if (hit := near.check(signature(*row), 0))] == []


def test_other_chains_for_the_same_question_stay() -> None:
    draw = random.Random(3)
    near, question = NearDuplicates(), prose(draw, 30)
    assert all(near.check(signature(question, prose(draw, 150)), k) is None for k in range(50))


def test_empty_and_short_texts() -> None:
    near = NearDuplicates()
    texts = ["", "a", "a b", "数", "1"]
    assert [near.check(signature(text, ""), k) for k, text in enumerate(texts)] == [None] * 5
    assert near.check(signature("A b", ""), 9) == (2, 1.0)


def test_chinese_numbers_make_other_problems() -> None:
    question, response = (
        "小明有{}个苹果，吃了两个，还剩几个？",
        "首先我们考虑这个方程，逐步求解未知数，然后仔细检查。" * 3,
    )
    near = NearDuplicates()
    assert near.check(signature(question.format("三"), response), 1) is None
    assert near.check(signature(question.format("十五"), response), 2) is None
    assert near.check(signature(question.format("15"), response), 3) == (2, 1.0)


def test_numbers_in_words_make_other_problems_too() -> None:
    question = (
        "A farmer has {} sheep and buys {} more at the market on a rainy Monday morning in the small town of Ashford. How "
        "many sheep does the farmer own after that, if none of them runs away on the long way home over the hills?"
    )
    response = "The farmer begins with some sheep. Buying more adds to that, so the two numbers are added together: {}."

    def repeats(*other: str) -> bool:
        rows = NearDuplicates()
        assert rows.check(signature(question.format("seventeen", "25"), response.format(42)), 1) is None
        return rows.check(signature(question.format(*other[:2]), response.format(other[2])), 2) is not None

    assert not repeats("eighteen", "25", "43") and not repeats("thirty-one", "25", "56")
    assert repeats("17", "twenty-five", "42")
