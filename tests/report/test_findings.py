"""The findings: fixed phrases, numbers from the tables only."""

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from scripts.common.config.experiment import Experiment
from scripts.common.config.load import load_experiment
from scripts.common.tables import CSV_COLUMNS
from scripts.report.labels import points
from scripts.report.report_tables import read_report_table
from scripts.report.write_findings import DEMO_CAVEAT, finding, findings, what_it_takes

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
        == "On b, s scores 12.3 points above as many random rows (interval +5.1 to +19.5; p =\u00a00.012 after Holm)."
    )


def test_a_loss() -> None:
    loss = {"difference": -0.123, "ci_low": -0.195, "ci_high": -0.051, "verdict": "worse", "p_holm": 0.0001}
    assert said(loss) == (
        "On b, s scores 12.3 points below as many random rows (interval −19.5 to −5.1; p <\u00a00.001 after Holm)."
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


def test_only_the_demo_model_carries_the_caveat(results: Path, experiment: Experiment, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    settings = experiment.model_dump(exclude_none=True) | {"name": "own", "model": {"name": str(tmp_path)}}
    tables = results / "report/tables"
    text = findings(
        pd.read_csv(tables / "comparisons.csv"),
        pd.read_csv(tables / "power.csv"),
        pd.read_csv(tables / "arms.csv"),
        load_experiment(settings),
    )
    assert "demonstration" not in text


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
    known |= {
        f"{int(value):,}" for name in CSV_COLUMNS["comparisons"] if name == "n_questions" for value in comparisons[name]
    }
    for name in ("questions_needed", "runs_needed", "both_runs", "both_questions"):
        known |= {f"{int(value):,}" for value in power[name].dropna()}
    text = (results / "report/findings.md").read_text().replace("\\", "")
    numbers = re.findall(r"\d[\d,]*(?:\.\d+)?", text)
    assert len(numbers) > 50
    assert [number for number in numbers if number.rstrip(",") not in known] == []
