"""The demo's truth about its chains, checked by a reader that knows nothing of the generator."""

import random
import re
from collections import Counter

from scripts.common.chain import last_boxed, split_response
from scripts.common.config.dataset import Hurtful
from scripts.data.demo_world import Habits, draw_benchmark, draw_chain, draw_problem, write_response
from scripts.data.make_demo_dataset import FAULTS, make_rows
from scripts.select.limopro.steps import segment

SUM = re.compile(r"([A-Z])(?:: (?:add|take) \d+,|:|\.) (\d+)([+-])(\d+)=(\d+)")


def value_of(question: str) -> int:
    start, *operations = re.findall(r"Start with (\d+)|(add|take) (\d+)", question)
    value = int(start[0])
    for _, verb, amount in operations:
        value += int(amount) if verb == "add" else -int(amount)
        assert 0 <= value <= 20
    return value


def value_read(question: str, lines: list[str]) -> int:
    """What a reader takes for the answer: the result that the lines state last for the last operation."""
    last_label = re.findall(r"([A-Z]): (?:add|take)", question)[-1]
    results = [int(match[5]) for line in lines for match in SUM.finditer(line) if match[1] == last_label]
    return results[-1]


def problems(count: int) -> list:
    rng = random.Random(0)
    return [(problem, draw_chain(rng, problem, Habits())) for problem in (draw_problem(rng, 4) for _ in range(count))]


def test_answers_are_right() -> None:
    for problem, lines in problems(300):
        assert (
            int(problem.answer) == value_of(problem.question) == value_read(problem.question, [x.text for x in lines])
        )
        response = write_response(lines, problem.answer)
        assert last_boxed(split_response(response).after) == problem.answer


def test_a_line_is_needed_just_when_the_answer_is_lost_without_it() -> None:
    seen = Counter()
    for problem, lines in problems(600):
        texts = [line.text for line in lines]
        for place, line in enumerate(lines):
            if line.needed is None:
                continue
            without = value_read(problem.question, texts[:place] + texts[place + 1 :])
            assert line.needed == (str(without) != problem.answer), (texts, place)
            seen[line.needed] += 1
    assert seen[True] > 50 and seen[False] > 500


def test_the_segmenter_takes_each_line_as_the_generator_meant_it() -> None:
    same = total = 0
    for problem, lines in problems(100):
        chain = "\n".join(line.text for line in lines)
        steps = segment(chain, problem.question, problem.answer)
        found = {chain[step.start : step.end].rstrip(): step.pattern for step in steps}
        total += len(lines)
        same += sum(found.get(line.text) == line.pattern for line in lines)
    assert same / total >= 0.98, same / total  # what is missed is called progressive, which is never removed


def test_position_is_a_poor_guide() -> None:
    """AUC of position for needed against idle: 0.5 says nothing, 1 would make PIR's success cheap."""
    places: dict[bool, list[float]] = {True: [], False: []}
    for _, lines in problems(1500):
        for place, line in enumerate(lines):
            if line.needed is not None:
                places[line.needed].append(place / (len(lines) - 1))
    pairs = [(a > b) + (a == b) / 2 for a in places[True] for b in random.Random(0).sample(places[False], 500)]
    assert sum(pairs) / len(pairs) <= 0.75


def test_benchmarks_are_fresh_and_hold_no_question_twice() -> None:
    benchmark = draw_benchmark(1, operations=4, questions=200)
    assert len({problem.question for problem in benchmark}) == 200
    assert benchmark == draw_benchmark(1, operations=4, questions=200) != draw_benchmark(2, operations=4, questions=200)
    training = {row["question"] for row in make_rows(2000, 1, {})}
    assert not training & {problem.question for problem in benchmark}


def test_faults_and_leaks_are_planted_as_documented() -> None:
    spec = {"operations": 4, "questions": 50}
    rows = make_rows(400, 1, {"chains": spec})
    assert [row["row"] for row in rows] == list(range(400))
    assert rows[37]["response"] == rows[36]["response"] and rows[37]["question"] == rows[36]["question"]
    assert (
        "</think>" not in rows[74]["response"] and "boxed" not in rows[111]["response"] and rows[148]["question"] == ""
    )
    assert rows[185]["question"].lower().split() == rows[184]["question"].lower().split()
    assert rows[185]["question"] != rows[184]["question"]
    leaked = {problem.question for problem in draw_benchmark(1, **spec)} & {row["question"] for row in rows}
    assert len(leaked) == 3
    assert len(FAULTS) == 5 and make_rows(400, 1, {"chains": spec}) == rows


def test_rows_that_hurt_are_what_they_are_called() -> None:
    """Told by a reader of the question, and of the sums that a response states, who knows nothing of the generator."""
    shares = {"wrong_sums": 0.3, "reworded": 0.15, "template": 0.1}
    rows = [row for n, row in enumerate(make_rows(3000, 1, {}, Hurtful(**shares))) if not FAULTS.get(n % 200)]
    by_worth = {worth: [row for row in rows if row["worth"] == worth] for worth in ("helps", *shares)}
    for worth, share in {**shares, "helps": 0.45}.items():
        assert abs(len(by_worth[worth]) / len(rows) - share) < 0.03, worth
    for row in by_worth["helps"] + by_worth["template"]:
        assert int(row["answer"]) == value_of(row["question"])
    for row in by_worth["wrong_sums"]:
        assert int(row["answer"]) != value_of(row["question"])
        assert last_boxed(split_response(row["response"]).after) == row["answer"]
    assert {len(re.findall(r"(?:add|take) \d", row["question"])) for row in by_worth["template"]} == {1}
    operations = [tuple(re.findall(r"[A-Z]: \D+ \d+", row["question"])) for row in by_worth["reworded"]]
    asked = Counter(tuple(re.findall(r"\d+", row["question"])) for row in by_worth["reworded"])
    assert len(asked) <= 8 < len(by_worth["reworded"]) / 10, "few problems"
    assert len(set(operations)) > 8 and len({row["question"] for row in by_worth["reworded"]}) > 300, "in many words"


def test_rows_of_the_usual_world_are_not_touched() -> None:
    """With no share of rows that hurt every row is as it always was; the usual one says nothing of worth."""
    plain = make_rows(300, 1, {})
    marked = make_rows(300, 1, {}, Hurtful())
    assert [row | {"worth": "helps"} for row in plain] == marked
