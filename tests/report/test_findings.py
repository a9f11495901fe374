"""The findings: fixed phrases, numbers from the tables only."""

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from scripts.common.config.experiment import Experiment
from scripts.common.config.load import load_experiment
from scripts.common.tables import CSV_COLUMNS, read_csv
from scripts.report.cost_findings import cost_list, cost_summary
from scripts.report.labels import ASKED, amount, points
from scripts.report.report_tables import read_report_table
from scripts.report.write_findings import DEMO_CAVEAT, KEYS, Found, finding, findings, what_it_takes

ROW: dict[str, Any] = {
    "question": "rows", "benchmark": "b", "subset": "s", "reference": "s.rows", "n_questions": 100, "runs_subset": 3,
    "runs_reference": 3, "difference": 0.123, "se": 0.03, "df": 20, "ci_low": 0.051, "ci_high": 0.195, "p_value": 0.002,
    "p_holm": 0.012, "mde80": 0.09, "verdict": "better", "level": "method",
}  # fmt: skip
POWER = {"effect": 0.03, "questions_needed": None, "runs_needed": None, "both_runs": None, "both_questions": None}


def said(row: dict[str, Any] | None = None, power: dict[str, Any] | None = None) -> str:
    return finding(pd.Series(ROW | (row or {})), pd.Series(POWER | (power or {})))


def test_a_gain() -> None:
    assert (
        said()
        == "On b, s scores 12.3 points above as many random rows (interval +5.1 to +19.5; p =\u00a00.012 after Holm; smallest detectable 9.0)."
    )


def test_a_loss() -> None:
    loss = {"difference": -0.123, "ci_low": -0.195, "ci_high": -0.051, "verdict": "worse", "p_holm": 0.0001}
    assert said(loss) == (
        "On b, s scores 12.3 points below as many random rows (interval −19.5 to −5.1; p <\u00a00.001 after Holm; smallest detectable 9.0)."
    )


NOTHING = {"difference": 0.012, "ci_low": -0.03, "ci_high": 0.054, "verdict": "no detectable difference", "p_holm": 0.4}


def test_nothing_says_what_could_have_been_seen_and_what_it_takes() -> None:
    assert said(NOTHING, {"questions_needed": 1200, "runs_needed": 9}) == (
        "On b, no difference between s and as many random rows can be told: +1.2 points (interval −3.0 to +5.4). The smallest "
        "difference that this comparison finds with 80% power is 9.0 points. Finding 3.0 points with 80% power would take 1,200 "
        "questions with these runs or 9 runs an arm with these questions."
    )


def test_verdict_words_come_from_the_verdict_column() -> None:
    """An interval that leaves out zero is no verdict by itself."""
    assert "no difference" in said({"verdict": "no detectable difference"})


def test_one_seed_speaks_of_these_runs() -> None:
    assert said({"level": "these runs"}).endswith("This speaks of these runs only, not of the method.")


@pytest.mark.parametrize(
    ("mde80", "power", "expected"),
    [
        (0.02, {}, "A true difference of 3.0 points would have been found with at least 80% power."),
        (0.09, {"both_runs": 20, "both_questions": 900}, "more of both, such as 20 runs an arm and 900 questions."),
        (
            0.09,
            {"runs_needed": 5, "both_runs": 20, "both_questions": 900},
            "would take 5 runs an arm with these questions.",
        ),
    ],
)
def test_what_it_takes(mde80: float, power: dict[str, Any], expected: str) -> None:
    assert what_it_takes(pd.Series({"mde80": mde80}), pd.Series(POWER | power)).endswith(expected)


def test_unknown_runs_promise_nothing() -> None:
    assert what_it_takes(pd.Series({"mde80": 0.09}), pd.Series(POWER)) == ""


def test_the_abstract_answers_every_question_and_the_demo_says_what_it_is(results: Path) -> None:
    abstract = (results / "report/findings.md").read_text().split("\n\n")[0]
    assert "Against as many random rows, limopro is better on chains (+" in abstract
    assert "Against the same rows unpruned, no difference can be told for limopro on chains (+" in abstract
    assert "Against base, limopro is better on chains (+" in abstract
    assert abstract.endswith(DEMO_CAVEAT)


def tables_of(results: Path) -> Found:
    names = ("power", "costs", "arms", "reliability", "training_arms")
    tables = results / "report/tables"
    return Found(
        read_csv("comparisons", tables / "comparisons.csv"),
        *(read_report_table(name, tables / f"{name}.csv") for name in names),
    )


def test_only_the_demo_model_carries_the_caveat(results: Path, experiment: Experiment, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    settings = experiment.model_dump(exclude_none=True) | {"name": "own", "model": {"name": str(tmp_path)}}
    assert "demonstration" not in findings(tables_of(results), load_experiment(settings))


def test_the_questions_are_answered_in_their_order(results: Path) -> None:
    text = (results / "report/findings.md").read_text()
    places = [
        text.index(f"**{heading}**")
        for heading in (*(ASKED[q] for q in ("base", "rows", "unpruned")), "What does it cost?")
    ]
    assert places == sorted(places)


def cost(measure: str, **more: Any) -> dict[str, Any]:
    row = ROW | {"measure": measure, "value_subset": 90.0, "value_reference": 100.0, "difference": -10.0}
    return row | {"ci_low": -15.0, "ci_high": -5.0, "mde80": 7.0, "verdict": "shorter"} | more


TRAINING = pd.DataFrame([{"arm": "s", "runs": 3, "seconds": 60.0, "gpu_hours": 4.5}])


def test_costs_are_told_with_their_intervals() -> None:
    eff = {"difference": 0.5, "ci_low": -0.1, "ci_high": 1.1, "verdict": "no detectable difference", "mde80": 0.9}
    text = cost_list(pd.DataFrame([cost("output_tokens"), cost("eff", **eff)]), TRAINING)
    assert text.splitlines() == [
        "- Training took: s 4.50 GPU-hours (3 runs).",
        "- s against as many random rows: its answers are shorter on b (−10.0 tokens, −15.0 to −5.0; smallest detectable 7.0); no difference in EFF "
        "can be told on b (+0.50, −0.10 to +1.10; smallest detectable 0.90).",
    ]
    assert (
        cost_summary("s", pd.DataFrame([cost("output_tokens")]))
        == "Answers of s are shorter than those of as many random rows on b."
    )
    assert cost_summary("s", pd.DataFrame([cost("output_tokens", verdict="no detectable difference")])) == ""


def test_training_without_a_gpu_is_told_in_seconds() -> None:
    text = cost_list(pd.DataFrame([cost("eff")]), TRAINING.assign(gpu_hours=0.0))
    assert text.startswith("- Training took, without a GPU: s 60 seconds a run (3 runs).")


ARMS = {"trained": True, "n_questions": 100, "runs": 3, "samples": 4}


def constructed(rows: list[dict[str, Any]], reliability: dict[str, Any] | None = None) -> Found:
    """Tables of one selection on benchmarks b and c, with these rows of comparisons."""
    comparisons = pd.DataFrame([ROW | row for row in rows])
    power = pd.DataFrame([{key: row[key] for key in KEYS} | POWER for _, row in comparisons.iterrows()])
    arms = pd.DataFrame([{"arm": "s", "benchmark": name, **ARMS} for name in ("b", "c")])
    blind = {"benchmark": "b", "models": 4, "n_questions": 100, "all_right": 10, "all_wrong": 20} | (reliability or {})
    return Found(comparisons, power, pd.DataFrame([cost("output_tokens")]), arms, pd.DataFrame([blind]), TRAINING)


@pytest.fixture
def selection(experiment: Experiment) -> Experiment:
    """The experiment with a selection called s."""
    return experiment.model_copy(update={"subsets": {"s": experiment.subsets["limopro"]}})


ZERO = {"difference": 0.0, "ci_low": -0.02, "ci_high": 0.02, "p_holm": 1.0, "verdict": "no detectable difference"}
LOSS = {"difference": -0.123, "ci_low": -0.195, "ci_high": -0.051, "verdict": "worse"}


@pytest.mark.parametrize(
    ("rows", "reliability", "expected", "unsaid"),
    [
        ([{}], {}, ["s is better on b (+12.3 points, +5.1 to +19.5)."], ["no difference", "worse"]),
        ([LOSS], {}, ["s is worse on b (−12.3 points, −19.5 to −5.1)."], ["better", "no difference"]),
        ([NOTHING], {}, ["no difference can be told for s on b (+1.2 points, −3.0 to +5.4; smallest detectable 9.0)."], ["better", "worse", "p ="]),
        ([{"level": "these runs"}], {}, ["+5.1 to +19.5) (these runs only).", "not of the method."], []),
        ([ZERO], {"all_right": 0, "all_wrong": 100}, ["(0.0 points, −2.0 to +2.0;", "b tells nothing: every model answers each of its 100 questions wrong."], ["better"]),
        ([{}], {"all_right": 100, "all_wrong": 0}, ["b tells nothing: every model answers each of its 100 questions right."], []),
        # A benchmark without a comparison is named as asked, and nothing is said of it.
        ([{}], {}, ["on b (100 questions) and c (100 questions)"], ["on c (+"]),
        ([{}, LOSS | {"benchmark": "c", "n_questions": 30}], {}, ["s is better on b (+12.3 points, +5.1 to +19.5); s is worse on c (−12.3 points, −19.5 to −5.1)."], []),
    ],
)  # fmt: skip
def test_constructed_tables_read_right(
    selection: Experiment,
    rows: list[dict[str, Any]],
    reliability: dict[str, Any],
    expected: list[str],
    unsaid: list[str],
) -> None:
    text = findings(constructed(rows, reliability), selection).split("**What does it cost?**")[0]
    for phrase in expected:
        assert phrase in text
    for phrase in unsaid:
        assert phrase not in text
    assert "significant" not in text


def test_every_number_stands_in_the_tables(results: Path) -> None:
    tables = results / "report/tables"
    comparisons = pd.read_csv(tables / "comparisons.csv")
    power = read_report_table("power", tables / "power.csv")
    known = {"5", "80", "3"}  # alpha in percent, power, training sets and runs (asserted below)
    assert set(comparisons["runs_subset"]) == {3}
    for name in ("difference", "ci_low", "ci_high", "mde80"):
        known |= {points(value).lstrip("+−") for value in comparisons[name]}
    known |= {points(value).lstrip("+−") for value in power["effect"]}
    known |= (
        {f"{value:.3f}" for value in comparisons["p_holm"]}
        | {f"{value:.2f}" for value in comparisons["p_holm"]}
        | {"0.001"}
    )
    costs = read_report_table("costs", tables / "costs.csv")
    for _, row in costs.iterrows():
        for name in ("difference", "ci_low", "ci_high", "mde80"):
            known.add(amount(row["measure"], row[name]).lstrip("+−"))
    known |= {
        f"{seconds:,.0f}" for seconds in read_report_table("training_arms", tables / "training_arms.csv")["seconds"]
    }
    known |= {
        f"{int(value):,}" for name in CSV_COLUMNS["comparisons"] if name == "n_questions" for value in comparisons[name]
    }
    for name in ("questions_needed", "runs_needed", "both_runs", "both_questions"):
        known |= {f"{int(value):,}" for value in power[name].dropna()}
    text = (results / "report/findings.md").read_text().replace("\\", "")
    numbers = re.findall(r"\d[\d,]*(?:\.\d+)?", text)
    assert len(numbers) > 50
    assert [number for number in numbers if number.rstrip(",") not in known] == []
