"""What is an answer in a text, and which answers are equal: cases made by hand, and numbers against fractions."""

import random
from fractions import Fraction

import pytest

from perf import answer_changes
from perf.answer_checking import PLACES, TAGS, boxed, read_pairs
from scripts.common.judging.final import final_answer
from scripts.common.judging.thinking import after_thinking, opened_tag
from scripts.common.judging.verdict import IN_THINKING, NO_ANSWER, judge_choice, judge_mathematics, same_answer
from scripts.data.fetch_benchmark import read_local
from tests.beside import BENCHMARKS


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"It is \boxed{7}.", "7"),
        (r"First \boxed{6}; no, \boxed {7}.", "7"),
        (r"It is \fbox{7}, in a box: \boxed{}", "7"),
        (r"The roots are $\boxed{2}$ and $\boxed{-4}$.", "2, -4"),
        (r"It is \boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"Cut: \boxed{7} and \boxed{1", None),
        (r"I had \boxed{6}, but no. **Final answer: 7**", "7"),
        (r"\boxed{7}. The final answer is found by adding 3 and 4.", "7"),
        ("So it is.\n\nANSWER: 7", "7"),
        ("### Final answer\n\n7", "7"),
        ("The answer is **7**.", "7"),
        ("The answer is $7$ miles.", "$7$ miles"),
        ("Thus the sum is $3+4=7$.", "7"),
        ("所以答案是7。", "7"),
        ("There are 7 ways to begin, but I could not finish.", None),
        ("We have 7", None),
        ("", None),
    ],
)
def test_the_answer_in_a_text(text: str, answer: str | None) -> None:
    assert final_answer(text) == answer


@pytest.mark.parametrize("place", PLACES)
def test_only_what_stands_behind_the_thinking_counts(place: str) -> None:
    """The same for every tag, in any case, for boxes and letters."""
    text, counts = PLACES[place]
    for opening, closing in TAGS:
        for change in (str, str.upper, str.title):
            written = text.format(o=change(opening), c=change(closing))
            judged = judge_mathematics("7", written)
            assert judged.correct is counts, written
            letters = judge_choice("C", "ABCD", written.replace("7", "C").replace("8", "A"))
            assert letters.correct is counts, written
            if "cut off" in place:
                assert judged.extracted is None and judged.reason == IN_THINKING


def test_a_plain_channel_that_is_cut_off_is_thinking() -> None:
    """gpt-oss without its tokens: "analysis" runs into the first word."""
    assert after_thinking("analysisWe get \\boxed{7}assistantfinal8") == "8"
    assert after_thinking("analysisWe get \\boxed{7}") is after_thinking("analysisI'm at \\boxed{7}") is None
    assert after_thinking("analysis of it: \\boxed{7}") == "analysis of it: \\boxed{7}"


def test_of_several_answer_tags_the_last_counts() -> None:
    assert judge_mathematics("7", "<answer>8</answer> No: <answer>7</answer>").correct
    assert judge_mathematics("7", "<answer>8</answer> No: \\boxed{7}").correct


def test_a_prompt_may_open_the_thinking() -> None:
    assert opened_tag("<|assistant|>\n<think>\n") == "<think>"
    assert (
        opened_tag("<|assistant|>\n<think>\n\n</think>\n\n") == opened_tag("Do not write <think>!\nassistant: ") == ""
    )
    assert after_thinking(opened_tag("a <think>\n") + "It is \\boxed{7}.") is None


def test_the_pairs_by_hand() -> None:
    """At least 98% of them; docs/answer_checking.md marks the others."""
    pairs = read_pairs()
    wrong = [p for p in pairs if judge_mathematics(p["gold"], boxed(p["answer"])).correct != (p["same"] == "1")]
    assert len(pairs) >= 300 and len(wrong) <= len(pairs) // 50, wrong


def test_rational_numbers_are_compared_as_fractions_are() -> None:
    draw = random.Random(5)

    def written(value: Fraction) -> str:
        sign, above, below = "-" if value < 0 else "", abs(value.numerator), value.denominator
        whole, rest = divmod(above, below)
        factor = draw.randint(1, 5)
        forms = [rf"{sign}\frac{{{above * factor}}}{{{below * factor}}}", f"{sign}{above}/{below}"]
        if below == 1:
            forms += [str(value), f"{value}.0", f"{value}."]
        elif whole:
            forms.append(rf"{sign}{whole}\frac{{{rest}}}{{{below}}}")
        if 10**6 % below == 0:
            forms.append(f"{float(value):.6f}")
        return draw.choice(forms)

    for _ in range(300):
        values = [Fraction(draw.randint(-30, 30), draw.choice([1, 2, 3, 5, 8])) for _ in range(2)]
        if draw.random() < 0.5:
            values[1] = values[0]
        gold, answer = map(written, values)
        assert same_answer(gold, answer)[0] == (values[0] == values[1]), (gold, answer)


def test_intervals_and_points_are_compared_by_their_ends() -> None:
    draw = random.Random(6)

    def written(low: int, closed: bool, high: int, shut: bool) -> str:
        forms = [f"{'[' if closed else '('}{low},{high}{']' if shut else ')'}"]
        forms.append(rf"x \in {forms[0]}")
        below, above = "\\le" if closed else "<", "\\leq" if shut else "<"
        forms.append(f"{low} {below} x {above} {high}")
        return draw.choice(forms)

    for _ in range(100):
        one = (draw.randint(-5, 0), draw.random() < 0.5, draw.randint(1, 5), draw.random() < 0.5)
        other = one if draw.random() < 0.5 else (one[0], draw.random() < 0.5, one[2] + draw.randint(0, 1), one[3])
        gold, answer = written(*one), written(*other)
        assert same_answer(gold, answer)[0] == (one == other), (gold, answer)


@pytest.mark.parametrize(
    "answer",
    [
        r"\frac{1}{" * 500 + "2" + "}" * 500,
        "1" * 10_000,
        "9^{9^{9^{9}}}",
        "10^{10^{10}}!",
        r"\binom{10^9}{5}",
        "(" * 3000 + "7" + ")" * 3000,
        "{" * 1000 + "7" + "}" * 1000,
        "1e999999999",
        r"\begin{pmatrix}" * 50,
        "$" * 5000,
        "\x00\ud83d\u202e",
        r"\frac{1}{0}",
        r"0^{-1}",
    ],
)
def test_hostile_answers_are_judged(answer: str) -> None:
    judged = judge_mathematics("7", rf"So \boxed{{{answer}}}")
    assert judged.correct is (answer == "{" * 1000 + "7" + "}" * 1000)


def test_no_answer_says_why() -> None:
    assert judge_mathematics("7", "I cannot say.") == (False, None, "none", NO_ANSWER)


@pytest.mark.real
@pytest.mark.parametrize("name", ["amc", "kaoyan", "math_500", "minerva", "olympiadbench"])
def test_real_golds_changed_are_wrong_and_dressed_are_right(name: str) -> None:
    """A tenth of them; perf.answer_checking tries all. At most one of 200 may go wrong, or be equal by accident."""
    golds = list(dict.fromkeys(each.answer for each in read_local(BENCHMARKS / f"{name}.jsonl", "math")))[::10]
    right = [
        (gold, worn) for gold in golds for _, worn in answer_changes.dressed(gold) if not same_answer(gold, worn)[0]
    ]
    wrong = [
        (gold, other) for gold in golds for _, other in answer_changes.changed(gold) if same_answer(gold, other)[0]
    ]
    assert not right and [pair for pair in wrong if pair != ("0", "-0")] == []
