"""Which answers count as right, and that judging them ends."""

import json
import time
from pathlib import Path

import pytest
from lighteval.metrics.metrics_sample import SamplingMetric

from perf import answer_checking
from scripts.common.questions import Question
from scripts.data.fetch_benchmark import read_local
from scripts.evaluate.kinds import KINDS
from scripts.evaluate.scoring import Judge, Verdict
from scripts.evaluate.tasks import metrics, to_doc
from tests.beside import BENCHMARKS

GOLDS = [
    "7",
    "-0.5",
    r"\frac{14}{3}",
    r"\left( 3, \frac{\pi}{2} \right)",
    "p - q",
    r"\text{Evelyn}",
    r"2\sqrt{2}",
    "$2n-2$",
    "1.6",
]


def doc_of(answer: str):
    return to_doc(Question(id="q", question="?", answer=answer), "task", "math")


def judge_of(kind: str) -> Judge:
    judge = KINDS[kind].judge([metric.sample_level_fn for metric in metrics(kind, 2)], [], False, 1)
    assert isinstance(judge, Judge)
    return judge


@pytest.fixture(scope="module")
def judge():
    with judge_of("math") as judge:
        yield judge


def boxed(answer: str) -> str:
    return rf"The final answer is \boxed{{{answer.strip('$')}}}."


@pytest.mark.parametrize("gold", GOLDS)
def test_gold_fed_back_is_right_and_others_are_wrong(judge: Judge, gold: str) -> None:
    assert judge.verdict(doc_of(gold), boxed(gold)).correct == 1
    for other in GOLDS:
        if other != gold:
            assert judge.verdict(doc_of(gold), boxed(other)).correct == 0


@pytest.mark.parametrize(
    ("gold", "text", "correct"),
    [
        ("0.5", boxed(r"\frac{1}{2}"), 1),
        ("14", "So the sum is $7+7=14$.", 1),
        ("14", "I cannot say.", 0),
        ("14", "", 0),
        ("14", boxed("15") + " Not 14? No, " + boxed("15"), 0),
        ("14", r"\boxed{14", 0),  # cut off at the limit
    ],
)
def test_forms_of_an_answer(judge: Judge, gold: str, text: str, correct: int) -> None:
    assert judge.verdict(doc_of(gold), text).correct == correct


def test_extracted_is_the_answer_as_text_or_nothing(judge: Judge) -> None:
    assert judge.verdict(doc_of("7"), boxed("12")).extracted == "12"
    assert (
        judge.verdict(doc_of("7"), boxed(r"\frac{24}{2}")).extracted
        == judge.verdict(doc_of("7"), boxed("12")).extracted
    )
    assert judge.verdict(doc_of("7"), "I cannot say.").extracted is None


@pytest.mark.parametrize(
    ("text", "extracted"),
    [
        ("It must be so.\nAnswer: B", "B"),
        ("**Answer: C**", "C"),
        ("A ball falls. The final answer is \\boxed{B}.", "B"),
        ("A case like this: \\boxed{\\text{B}}", "B"),
        ("Not A or D. \\boxed{(C)}", "C"),
        ("Not A or D. $\\boxed{B) 5 m/s}$ as A said", "B"),
        ("I first had \\boxed{A}. Answer: \\boxed{D}", "D"),
        ("Answer: D, that is \\boxed{5}", "D"),
        ("Answer: D, that is \\boxed{5", "D"),
        ("?", None),
    ],
)
def test_letters(text: str, extracted: str | None) -> None:
    question = Question(id="q", question="?", answer="B", choices=["A", "B", "C", "D"], gold_index=1)
    with judge_of("choice") as judge:
        verdict = judge.verdict(to_doc(question, "task", "choice"), text)
        assert (verdict.correct, verdict.extracted) == (int(extracted == "B"), extracted)


@pytest.mark.real
@pytest.mark.parametrize(("name", "every"), [("aime24", 1), ("amc", 1), ("math_500", 9), ("olympiadbench", 12)])
def test_golds_of_public_benchmarks_are_right_and_their_neighbours_wrong(judge: Judge, name: str, every: int) -> None:
    questions = read_local(BENCHMARKS / f"{name}.jsonl", "math")[::every]
    for question, neighbour in zip(questions, [*questions[1:], questions[0]], strict=True):
        doc = to_doc(question, name, "math")
        assert judge.verdict(doc, boxed(question.answer)).correct == 1, question.answer
        if question.answer != neighbour.answer:
            assert judge.verdict(doc, boxed(neighbour.answer)).correct == 0, (question.answer, neighbour.answer)


def test_the_page_of_pairs_is_in_step() -> None:
    """docs/answer_checking.md says what becomes of each pair of answer_pairs.csv, as it is today."""
    pairs = answer_checking.read_pairs()
    assert [sum(pair["same"] == same for pair in pairs) for same in "10"] == [202, 181]
    section = answer_checking.pairs_section()
    page = answer_checking.PAGE.read_text(encoding="utf-8")
    assert page.endswith(section) and page.startswith(answer_checking.INTRODUCTION), (
        "run: python -m perf.answer_checking"
    )
    assert section.count("**(!)**") <= 3


def _endless(doc, response):
    while "loop" in response.text[0]:
        pass
    return 1.0


def _greedy(doc, response):
    return float(len(bytes(8 * 2**30)) if "big" in response.text[0] else 1)


def test_an_endless_answer_is_wrong_and_the_next_is_judged() -> None:
    with Judge([SamplingMetric(sample_scoring_function=_endless)], seconds=0.3) as judge:
        started = time.monotonic()
        assert judge.verdict(doc_of("1"), "loop") == Verdict(0, None, "no verdict within 0.3 s")
        assert time.monotonic() - started < 5
        assert judge.verdict(doc_of("1"), "fine") == Verdict(1, None)
        assert judge.ended == 1


def test_an_answer_that_takes_all_memory_is_wrong() -> None:
    with Judge([SamplingMetric(sample_scoring_function=_greedy)]) as judge:
        assert judge.verdict(doc_of("1"), "big") == Verdict(0, None, "MemoryError while it was judged")
        assert judge.verdict(doc_of("1"), "small") == Verdict(1, None)


def test_a_tower_of_powers_ends() -> None:
    """lighteval's own alarm cannot interrupt this one; our reading refuses it at once."""
    with judge_of("math") as judge:
        judge._seconds = 1.0
        verdict = judge.verdict(doc_of("7"), boxed("9^{9^{9^{9}}}"))
        assert (verdict.correct, verdict.reason, verdict.disputed) == (0, None, False)
        assert judge.verdict(doc_of("7"), boxed("7")).correct == 1


def test_the_same_answer_is_judged_once(tmp_path: Path) -> None:
    calls = tmp_path / "calls"

    def compute(doc, response):
        with calls.open("a") as stream:
            stream.write(json.dumps(response.text) + "\n")
        return 1.0

    with Judge([SamplingMetric(sample_scoring_function=compute)]) as judge:
        for text in ("a", "b", "a", "a"):
            judge.verdict(doc_of("1"), text)
        judge.verdict(doc_of("2"), "a")
    assert calls.read_text().splitlines() == ['["a"]', '["b"]', '["a"]']
