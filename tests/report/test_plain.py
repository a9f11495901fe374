"""Page one: sentences over constructed tables say what the verdicts say, with the tables' numbers and no others."""

import itertools
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from scripts.common.config.experiment import Experiment
from scripts.common.config.load import load_experiment
from scripts.compare.labels import points
from scripts.report.cautions import cautions
from scripts.report.plain import answer, decided, model_label
from scripts.report.sections import page_one
from scripts.report.write_findings import Found, summary

NOTHING = "no detectable difference"
ROW: dict[str, Any] = {
    "question": "rows", "benchmark": "b", "subset": "s", "reference": "s.rows", "metric": "pass@1", "n_questions": 100,
    "runs_subset": 3, "runs_reference": 3, "difference": 0.123, "se": 0.03, "df": 20, "ci_low": 0.051, "ci_high": 0.195,
    "p_value": 0.002, "p_holm": 0.012, "mde80": 0.091, "verdict": "better", "level": "method", "margin": 0.01,
    "lower_bound": 0.06, "no_worse": True,
}  # fmt: skip
LOSS = {"difference": -0.117, "ci_low": -0.2, "ci_high": -0.04, "verdict": "worse", "no_worse": False}
OPEN = {"difference": 0.012, "verdict": NOTHING, "no_worse": False, "lower_bound": -0.028}
EVEN = {"difference": 0.002, "verdict": NOTHING, "no_worse": True, "lower_bound": -0.006}
KINDS = {"better": {}, "worse": LOSS, NOTHING: OPEN, "no worse": EVEN}


@pytest.fixture
def selection(experiment: Experiment) -> Experiment:
    """The experiment with a selection called s."""
    return experiment.model_copy(update={"subsets": {"s": experiment.subsets["limopro"]}})


def table(*rows: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame([ROW | row for row in rows])


def said(experiment: Experiment, *rows: dict[str, Any], averages: pd.DataFrame | None = None) -> str:
    found = table(*rows)
    return answer(found, averages, experiment, found["benchmark"].nunique())


C = {"benchmark": "c"}
RANDOM = "as many random rows"


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([{}], f"s is better than {RANDOM} on b, by 12.3 points."),
        ([{}, C | {"difference": 0.034}], f"s is better than {RANDOM} on both benchmarks, by 3.4 to 12.3 points."),
        ([LOSS, LOSS | C], f"s is worse than {RANDOM} on both benchmarks, by 11.7 points."),
        ([OPEN, OPEN | C | {"mde80": 0.05}], f"No difference was found between s and {RANDOM} on either benchmark; one of 9.1 points would most likely have been seen."),
        ([OPEN, C], f"s is better than {RANDOM} on c, by 12.3 points; no difference was found on b; one of 9.1 points would most likely have been seen."),
        ([{}, LOSS | C], f"s is better than {RANDOM} on b, by 12.3 points; it is worse on c, by 11.7 points."),
        ([EVEN, EVEN | C], f"s is no worse than {RANDOM} on both benchmarks (one-sided bound −0.6 points)."),
        ([{"level": "these runs"}], f"In these runs s is better than {RANDOM} on b, by 12.3 points."),
        ([OPEN | {"level": "these runs"}], f"In these runs no difference was found between s and {RANDOM} on b; one of 9.1 points would most likely have been seen."),
        ([{"benchmark": name} for name in "abcdefg"], f"s is better than {RANDOM} on all seven benchmarks, by 12.3 points."),
        ([OPEN | {"benchmark": name} for name in "abc"], f"No difference was found between s and {RANDOM} on any of the three benchmarks; one of 9.1 points would most likely have been seen."),
        ([OPEN | {"mde80": 1.2}], f"No difference was found between s and {RANDOM} on b; even the largest possible one might have been missed."),
        ([OPEN, OPEN | {"subset": "t", "reference": "t.rows"}], f"No difference from {RANDOM} was found for any of s and t on b; one of 9.1 points would most likely have been seen."),
        ([{"subset": f"s{n}"} for n in range(8)], f"All eight methods are better than {RANDOM} on b, by 12.3 points."),
        ([{"subset": f"s{n}"} for n in range(7)] + [LOSS], f"All methods but s are better than {RANDOM} on b, by 12.3 points. s is worse than {RANDOM} on b, by 11.7 points."),
        ([OPEN | {"subset": f"s{n}"} for n in range(7)] + [{}], f"No difference from {RANDOM} was found for any method but s on b; one of 9.1 points would most likely have been seen. s is better than {RANDOM} on b, by 12.3 points."),
        ([{"question": "base", "reference": "base"}], "s is better than the base model on b, by 12.3 points."),
        ([{}, {"subset": "t", "reference": "t.rows", "difference": 0.2}], f"s and t are better than {RANDOM} on b, by 12.3 to 20.0 points."),
    ],
)  # fmt: skip
def test_constructed_tables_read_right(selection: Experiment, rows: list[dict[str, Any]], expected: str) -> None:
    assert said(selection, *rows) == expected


@pytest.mark.parametrize("pattern", itertools.product(KINDS, repeat=3))
def test_every_pattern_of_verdicts_is_told(selection: Experiment, pattern: tuple[str, ...]) -> None:
    """Each word stands there exactly where a row calls for it, and every benchmark is accounted for."""
    rows = [KINDS[kind] | {"benchmark": name} for kind, name in zip(pattern, ("b1", "b2", "b3"), strict=True)]
    text = said(selection, *rows)
    words = {
        "better": r"\bis better\b",
        "worse": r"\bis worse\b",
        "no worse": r"\bno worse\b",
        NOTHING: "no difference",
    }
    for kind, word in words.items():
        assert bool(re.search(word, text, re.IGNORECASE)) == (kind in pattern), text
        where = [name for name, found in zip(("b1", "b2", "b3"), pattern, strict=True) if found == kind]
        if 0 < len(where) < 3:
            own = re.split(word, text, flags=re.IGNORECASE)[1].split(";")[0].split(".")[0]
            assert re.findall(r"b\d", own) == where
    known = {
        points(row[name], sign=False)
        for row in map(ROW.__or__, rows)
        for name in ("difference", "mde80", "lower_bound")
    }
    numbers = re.findall(r"(?<![b\d])\d+(?:\.\d+)?", text)
    assert numbers and set(numbers) <= known


def test_the_first_family_decides_its_target() -> None:
    """And nothing else: not another benchmark, not another question, not another arm."""
    rows = table(OPEN, OPEN | C, OPEN | {"question": "unpruned"}, OPEN | {"subset": "t"})
    first = pd.DataFrame([ROW | {"target": "b", "p_adjusted": 0.01, "ci_low": 0.02}])
    found = decided(rows, first)
    assert list(found["verdict"]) == ["better", NOTHING, NOTHING, NOTHING]
    assert list(found["ci_low"]) == [0.02, 0.051, 0.051, 0.051]
    assert decided(rows, None).equals(rows) and list(rows["verdict"]) == [NOTHING] * 4


def test_averages_come_first(selection: Experiment) -> None:
    course = table(LOSS | {"benchmark": "course"})
    assert said(selection, {}, C, averages=course) == (
        f"s is worse than {RANDOM} on the average (course), by 11.7 points. By benchmark, it is better on both "
        "benchmarks, by 12.3 points."
    )


def test_what_was_found_is_not_left_to_the_table(selection: Experiment) -> None:
    """Where there are more sentences than page one has room for, those without a finding are left out."""
    kinds = [(OPEN, EVEN), (EVEN, OPEN), (OPEN, EVEN), (EVEN, OPEN), (OPEN, {})]
    rows = [
        kind | {"subset": f"s{n}", "benchmark": name}
        for n, pair in enumerate(kinds)
        for name, kind in zip("bc", pair, strict=True)
    ]
    text = said(selection, *rows)
    assert text.startswith(f"s4 is better than {RANDOM} on c") and "s3" not in text
    assert text.endswith("have the other one.")


def test_arms_that_differ_on_the_average_are_told_apart(selection: Experiment) -> None:
    """Though every benchmark says the same of both."""
    second = {"subset": "t", "reference": "t.rows"}
    course = table({"benchmark": "course"}, OPEN | second | {"benchmark": "course", "level": "these runs"})
    text = said(selection, OPEN, OPEN | C, OPEN | second, OPEN | C | second, averages=course)
    none = "no difference was found on either benchmark; one of 9.1 points would most likely have been seen."
    assert text == (
        f"s is better than {RANDOM} on the average (course), by 12.3 points. By benchmark, {none} In these runs no "
        f"difference was found between t and {RANDOM} on the average (course); one of 9.1 points would most likely have "
        f"been seen. By benchmark, {none}"
    )


def test_all_are_those_that_were_compared(selection: Experiment) -> None:
    """Of a sweep only the chosen arm is compared: twelve selections, eight of them in the table."""
    sweep = selection.model_copy(update={"subsets": dict.fromkeys("abcdefghijkl", selection.subsets["s"])})
    rows = [{"subset": name} for name in "abcdefgh"]
    assert said(sweep, *rows).startswith("All eight methods compared here are better than")
    assert said(sweep, *rows[1:], OPEN | {"subset": "a"}).startswith("All methods compared here but a are better than")


def test_many_answers_leave_the_rest_to_the_table(selection: Experiment) -> None:
    rows = [
        KINDS[kind] | {"subset": f"s{n}", "benchmark": name}
        for n in range(6)
        for name, kind in (("b", "better"), ("c", "worse"))
    ]
    assert said(selection, *rows).endswith(
        "it is worse on c, by 11.7 points. @tbl-answers and @tbl-comparisons have the other two."
    )


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("Qwen/Qwen2.5-3B-Instruct", "Qwen2.5-3B-Instruct"),
        ("models/SmolLM2-135M-Instruct.Q4_1.gguf", "SmolLM2-135M-Instruct"),
        ("~/weights/my-model/", "my-model"),
        ("./my-model.v2.gguf", "my-model.v2"),
        ("demo", "a tiny language model"),
    ],
)
def test_models_as_people_write_them(name: str, label: str) -> None:
    assert model_label(name) == label


def found(comparisons: pd.DataFrame) -> Found:
    costs = table({"measure": "output_tokens", "verdict": NOTHING})
    arms = pd.DataFrame(
        [{"arm": "math", "benchmark": name, "trained": False, "n_questions": 30} for name in ("b", "c")]
    )
    return Found(comparisons, pd.DataFrame(), costs, arms)


def test_an_evaluation_alone_names_its_models(tmp_path: Path) -> None:
    settings = {
        "name": "own", "title": "t", "model": {"name": "Qwen/Qwen2.5-3B-Instruct", "revision": "main"},
        "models": {"math": {"name": "Qwen/Qwen2.5-Math-1.5B-Instruct", "revision": "main"}},
        "evaluation": {"benchmarks": {"b": {"task": "gsm8k"}, "c": {"task": "math_500"}}},
    }  # fmt: skip
    rows = [{"question": "base", "subset": "math", "reference": "base", "benchmark": name} for name in ("b", "c")]
    text = summary(found(table(*rows)), load_experiment(settings)).replace("\\", "").replace("\u200b", "")
    assert "**Do the other models beat the baseline?** math is better than Qwen2.5-3B-Instruct on both" in text
    assert "math (Qwen2.5-Math-1.5B-Instruct), asked the same questions of b and c (30 questions each)" in text


class Tables:
    """Facts of constructed tables."""

    def __init__(self, experiment: Experiment, **tables: pd.DataFrame) -> None:
        self.experiment, self.tables, self.is_demo, self.checks = experiment, tables, False, {}

    def table(self, name: str) -> pd.DataFrame:
        return self.tables[name]


def facts(experiment: Experiment, rows: list[dict[str, Any]] | None = None, **changes: Any) -> Tables:
    """Facts of which nothing is to be warned of, but for `changes`."""
    arm = {"arm": "s", "benchmark": "b", "truncated_rate": 0.0, "unparsed_rate": 0.0}
    training = [
        {"arm": "s", "steps": 100, "trained_tokens": 7045},
        {"arm": "s.rows", "steps": 100, "trained_tokens": 7000},
    ]
    contamination = {"benchmark": "b", "rows": 0, "questions": 0, "taken_out": True}
    told = {"benchmark": "b", "models": 4, "n_questions": 100, "all_right": 10, "all_wrong": 20}
    made = {
        "comparisons": table(*(rows or [{}])),
        "arms": pd.DataFrame([arm | changes.get("arms", {})]),
        "training_arms": pd.DataFrame([training[0] | changes.get("training", {}), training[1]]),
        "contamination": pd.DataFrame([contamination | changes.get("contamination", {})]),
        "reliability": pd.DataFrame([told | changes.get("reliability", {})]),
    }
    return Tables(experiment, **made)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"arms": {"truncated_rate": 0.75, "unparsed_rate": 0.8}}, "Up to 75.0% of answers (s on b) reached the limit of 256 tokens"),
        ({"arms": {"truncated_rate": 0.1, "unparsed_rate": 0.4}}, "In up to 30.0% of whole answers (s on b) no final answer was found"),
        ({"training": {"steps": 3}}, "s had 3 training steps"),
        ({"training": {"trained_tokens": 2753}}, "s learnt from 2,753 tokens and as many random rows from 7,000"),
        ({"contamination": {"rows": 20, "taken_out": False}}, "20 rows of the pool hold questions of b"),
        ({"reliability": {"all_right": 0, "all_wrong": 100}}, "b tells nothing: every model answers each of its 100 questions wrong."),
        ({"rows": [{"level": "these runs"}]}, "3 training seeds an arm."),
    ],
)  # fmt: skip
def test_what_changes_the_reading_is_said(selection: Experiment, changes: dict[str, Any], expected: str) -> None:
    assert cautions(facts(selection)) == []
    assert expected in " ".join(cautions(facts(selection, **changes))).replace("\\", "")


def test_many_arms_share_a_caution(selection: Experiment) -> None:
    """Those that hardly trained, and the pairs that learnt from unequal amounts, are one sentence each."""
    arms = [f"s{n}" for n in range(8)]
    rows = [{"subset": arm, "reference": f"{arm}.rows"} for arm in arms]
    trained = [
        {"arm": f"{arm}{control}", "steps": 12 + n, "trained_tokens": 9000 - 8000 * bool(control)}
        for n, arm in enumerate(arms)
        for control in ("", ".rows")
    ]
    made = facts(selection, rows)
    made.tables["training_arms"] = pd.DataFrame(trained)
    few, unequal = (text.replace("\\", "") for text in cautions(made))
    assert few.startswith("**Hardly trained.** Every arm had 12 to 19 training steps:")
    assert unequal.count("learnt from 9,000 tokens and as many random rows from 1,000") == 4
    assert "; s1 learnt" in unequal and "(@tbl-training has 4 more): what" in unequal
    made.tables["training_arms"] = pd.DataFrame([*trained, {"arm": "u", "steps": 900, "trained_tokens": 9000}])
    assert "16 of 17 arms had 12 to 19 training steps" in cautions(made)[0]


def test_greedy_answers_and_models_are_told(selection: Experiment) -> None:
    evaluation = selection.evaluation
    greedy = evaluation.generation.model_copy(update={"temperature": 0.0})
    cold = selection.model_copy(update={"evaluation": evaluation.model_copy(update={"generation": greedy})})
    (text,) = cautions(facts(cold))
    assert text.startswith("**Temperature 0.**") and "several samples are copies" in text
    checked = facts(selection)
    checked.checks = {"base": {"findings": ["it is large"], "cautions": ["it answers without thinking"]}}
    assert [text.replace("\\", "") for text in cautions(checked)] == [
        "**A tiny language model.** It answers without thinking."
    ]


@pytest.mark.parametrize(("benchmarks", "interval", "number"), [(2, True, True), (7, False, True), (13, False, False)])
def test_the_table_has_what_it_has_room_for(
    selection: Experiment, benchmarks: int, interval: bool, number: bool
) -> None:
    rows = [
        KINDS[kind] | {"benchmark": f"b{n}"} for n, kind in zip(range(benchmarks), itertools.cycle(KINDS), strict=False)
    ]
    text = page_one.answers(facts(selection, rows))
    assert ("[+5.1," in text.replace("\\", "")) == interval and ("+12.3" in text) == number
    for kind in list(KINDS)[:benchmarks]:
        assert page_one.SHAPES[kind] in text and page_one.WORDS[kind] in text.split("\n: ")[1]


def test_too_many_rows_leave_the_baseline_to_the_tables(selection: Experiment) -> None:
    rows = [
        {"question": question, "subset": f"s{n:02d}", "reference": f"s{n:02d}.rows" if question == "rows" else "base"}
        for question in ("base", "rows")
        for n in range(20)
    ]
    shown, left = page_one.shown_rows(table(*rows))
    assert [subset for _, subset in shown] == [f"s{n:02d}" for n in range(page_one.MOST_ROWS)]
    assert {question for question, _ in shown} == {"rows"} and left == 40 - len(shown)
