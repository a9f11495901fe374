"""The findings: fixed phrases, numbers from the tables only."""

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from scripts.common.config.experiment import Experiment
from scripts.common.config.load import load_experiment
from scripts.common.config.report import Metric
from scripts.compare.labels import ASKED, amount, arm_label, points
from scripts.compare.tables import COLUMNS, read_csv
from scripts.report.cost_findings import cost_list, cost_summary
from scripts.report.markdown import escape
from scripts.report.write_findings import Found, design, finding, findings, question_list, summary, what_it_takes

ROW: dict[str, Any] = {
    "question": "rows", "benchmark": "b", "subset": "s", "reference": "random-9", "n_questions": 100, "runs_subset": 3,
    "runs_reference": 3, "difference": 0.123, "se": 0.03, "df": 20, "ci_low": 0.051, "ci_high": 0.195, "p_value": 0.002,
    "p_holm": 0.012, "mde80": 0.09, "verdict": "better", "level": "method",
    "margin": 0.01, "lower_bound": 0.06, "no_worse": True,
}  # fmt: skip
POWER = {"effect": 0.03, "questions_needed": None, "runs_needed": None, "both_runs": None, "both_questions": None}


def said(row: dict[str, Any] | None = None, power: dict[str, Any] | None = None) -> str:
    return finding(pd.Series(ROW | (row or {})), pd.Series(POWER | (power or {})), "as many random rows")


def test_a_gain() -> None:
    assert said() == "On b s scored 12.3 points above as many random rows (interval +5.1 to +19.5)."


def test_a_loss() -> None:
    loss = {"difference": -0.123, "ci_low": -0.195, "ci_high": -0.051, "verdict": "worse", "p_holm": 0.0001}
    assert said(loss) == "On b s scored 12.3 points below as many random rows (interval −19.5 to −5.1)."


NOTHING = {"difference": 0.012, "ci_low": -0.03, "ci_high": 0.054, "verdict": "no detectable difference", "p_holm": 0.4}
NOTHING |= {"lower_bound": -0.028, "no_worse": False}
NO_WORSE = NOTHING | {"lower_bound": -0.004, "no_worse": True}


def test_nothing_says_what_could_have_been_seen_and_what_it_takes() -> None:
    assert said(NOTHING, {"questions_needed": 1200, "runs_needed": 9}) == (
        "On b no difference was found between s and as many random rows: +1.2 points (interval −3.0 to +5.4). One of 9.0 points "
        "would most likely have been seen; to see one of 3.0 points would take 1,200 questions with these runs or 9 runs an arm "
        "with these questions."
    )


def test_no_worse_is_said_with_its_bound() -> None:
    assert "It is no worse: the one-sided bound is −0.4 points." in said(NO_WORSE)
    assert "no worse" not in said({"no_worse": True}), "better is more than no worse"


def test_verdict_words_come_from_the_verdict_column() -> None:
    """An interval that leaves out zero is no verdict by itself."""
    assert "no difference" in said({"verdict": "no detectable difference", "no_worse": False})


def test_one_seed_speaks_of_these_runs() -> None:
    assert said({"level": "these runs"}).endswith("This speaks of these runs only, not of the method.")


@pytest.mark.parametrize(
    ("mde80", "power", "expected"),
    [
        (0.02, {}, "One of 3.0 points would most likely have been seen."),
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
    assert what_it_takes(pd.Series({"mde80": 0.09}), pd.Series(POWER)) == (
        "One of 9.0 points would most likely have been seen."
    )


def test_the_summary_answers_every_question(results: Path) -> None:
    summary = (results / "report/findings.md").read_text().split("\n\n")[0]
    assert (
        "**Does the selection beat as many random rows?** limopro is better than as many random rows on both" in summary
    )
    assert "limopro is better than the base model on both benchmarks, by " in summary
    assert "**What was compared?** A tiny language model, fine-tuned on 3 training sets" in summary


def tables_of(results: Path) -> Found:
    names = ("power", "costs", "arms", "training_arms")
    tables = results / "compare"
    return Found(
        read_csv("comparisons", tables / "comparisons.csv"),
        *(read_csv(name, tables / f"{name}.csv") for name in names),
    )


def test_a_model_is_called_by_its_name_and_not_its_path(results: Path, experiment: Experiment, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    settings = experiment.model_dump(exclude_none=True) | {"name": "own", "model": {"name": str(tmp_path)}}
    text = findings(tables_of(results), load_experiment(settings))
    assert f"**What was compared?** {escape(tmp_path.name)}, fine-tuned on" in text and str(tmp_path) not in text


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        ("pass@1", None),
        ("pass@k", "any of its answers is \\(pass@k\\)"),
        ("majority@k", "its most frequent answer is \\(majority@k\\)"),
    ],
)
def test_page_one_says_what_the_score_counts(
    metric: Metric, said: str | None, results: Path, experiment: Experiment
) -> None:
    """A point of pass@k is no point of pass@1."""
    report = experiment.report.model_copy(update={"primary_metric": metric})
    text = summary(tables_of(results), experiment.model_copy(update={"report": report}))
    assert re.findall(r"A question counts as right where (.*)\.$", text) == ([said.replace("\\", "")] if said else [])


def test_the_questions_are_answered_in_their_order(results: Path) -> None:
    text = (results / "report/findings.md").read_text()
    places = [
        text.index(f"## {heading} {{")
        for heading in (*(ASKED[q] for q in ("base", "rows", "unpruned")), "What does it cost?")
    ]
    assert places == sorted(places)


def cost(measure: str, **more: Any) -> dict[str, Any]:
    row = ROW | {"measure": measure, "value_subset": 90.0, "value_reference": 100.0, "difference": -10.0}
    return row | {"ci_low": -15.0, "ci_high": -5.0, "mde80": 7.0, "verdict": "shorter"} | more


TRAINING = pd.DataFrame([{"arm": "s", "runs": 3, "seconds": 60.0, "gpu_hours": 4.5}])


def test_costs_are_told_with_their_intervals(experiment: Experiment) -> None:
    eff = {"difference": 0.5, "ci_low": -0.1, "ci_high": 1.1, "verdict": "no detectable difference", "mde80": 0.9}
    text = cost_list(pd.DataFrame([cost("output_tokens"), cost("eff", **eff)]), TRAINING)
    assert text.splitlines() == [
        "- Training took: s 4.50 GPU-hours (3 runs).",
        "- s against as many random rows: its answers are shorter on b (−10.0 tokens, −15.0 to −5.0); no difference in EFF "
        "was found on b (+0.50, −0.10 to +1.10).",
    ]
    assert (
        cost_summary(pd.DataFrame([cost("output_tokens")]), experiment)
        == "Answers of s are shorter than those of as many random rows on b."
    )
    assert cost_summary(pd.DataFrame([cost("output_tokens", verdict="no detectable difference")]), experiment) == ""
    assert (
        cost_summary(pd.DataFrame([cost("output_tokens", level="these runs")]), experiment)
        == "In these runs answers of s are shorter than those of as many random rows on b."
    )


def on(names: str, **more: Any) -> pd.DataFrame:
    """Return rows alike but for their benchmark; the difference of the n-th is n times the first's."""
    row = cost("output_tokens") | more
    rows = [row | {"benchmark": name, "difference": row["difference"] * (n + 1)} for n, name in enumerate(names)]
    return pd.DataFrame(rows)


def test_many_benchmarks_are_told_by_their_span() -> None:
    """Seven times the same is one clause, with the smallest and the largest difference."""
    none = {"verdict": "no detectable difference", "difference": 1.0}
    assert cost_list(on("abcdefg", **none), None) == (
        "- s against as many random rows: no difference in length of the answers was found on any of the seven benchmarks "
        "(+1.0 to +7.0 tokens)."
    )
    assert "on a (+1.0 tokens, −15.0 to −5.0), b (" in cost_list(on("abc", **none), None)


def test_of_many_selections_only_what_was_found_is_told() -> None:
    none = {"verdict": "no detectable difference"}
    costs = pd.concat([on("a", subset="s"), *(on("a", subset=name, **none) for name in "tuv")])
    text = cost_list(costs, pd.concat([TRAINING, TRAINING.assign(arm="t")]))
    assert text.splitlines() == [
        "- Training took: s and t 4.50 GPU-hours (3 runs) each.",
        "- s against as many random rows: its answers are shorter on a (−10.0 tokens, −15.0 to −5.0).",
        "- No other difference in length of the answers or EFF was found; all are in @tbl-lengths and @tbl-eff.",
    ]
    nothing = costs[costs["subset"] != "s"]
    assert cost_list(pd.concat([nothing, on("a", subset="w", **none)]), None).startswith("- No difference in length")


def test_the_same_of_several_references_is_said_once(experiment: Experiment) -> None:
    costs = pd.concat([on("ab"), on("ab", question="unpruned", reference="s.unpruned")])
    assert cost_summary(costs, experiment) == (
        "Answers of s are shorter than those of as many random rows and of the same rows unpruned on both benchmarks."
    )


def test_selections_of_which_the_same_is_to_be_said_share_a_sentence(experiment: Experiment) -> None:
    costs = pd.concat([on("ab"), on("ab", subset="t", reference="t.rows"), on("a", subset="u", reference="u.rows")])
    assert cost_summary(costs, experiment) == (
        "Answers of s and t are shorter than those of as many random rows on both benchmarks. "
        "Answers of u are shorter than those of as many random rows on a."
    )


def test_many_nothings_are_one_sentence(experiment: Experiment) -> None:
    rows = on("abcdefg", **NOTHING | {"difference": 0.01})
    needs = pd.DataFrame(columns=list(POWER))
    assert question_list(rows, needs, None, experiment) == (
        "- No difference was found between s and as many random rows on any of the seven benchmarks: +1.0 to +7.0 points (the "
        "intervals are in @tbl-comparisons). @tbl-power says what could have been seen, and what more would take."
    )


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ({"a": 40, "b": 40}, "of a and b (40 questions each)"),
        ({"a": 24, "b": 30}, "of a (24 questions) and b (30 questions)"),
        ({"a": 24}, "of a (24 questions)"),
    ],
)
def test_questions_are_counted_once_where_all_have_as_many(
    sizes: dict[str, int], said: str, experiment: Experiment
) -> None:
    arms = pd.DataFrame(
        {"arm": "limopro", "trained": True, "runs": 3, "benchmark": name, "n_questions": size}
        for name, size in sizes.items()
    )
    assert f"the same questions {said}." in design(Found(*[pd.DataFrame()] * 3, arms=arms), experiment)


def test_training_without_a_gpu_is_told_in_seconds() -> None:
    text = cost_list(pd.DataFrame([cost("eff")]), TRAINING.assign(gpu_hours=0.0))
    assert text.startswith("- Training took, without a GPU: s 60 seconds a run (3 runs).")


def test_every_number_stands_in_the_tables(results: Path) -> None:
    tables = results / "compare"
    comparisons = pd.read_csv(tables / "comparisons.csv")
    power = read_csv("power", tables / "power.csv")
    known = {"3"}  # training sets and runs (asserted below)
    assert set(comparisons["runs_subset"]) == {3}
    for name in ("difference", "ci_low", "ci_high", "mde80", "lower_bound"):
        known |= {points(value).lstrip("+−") for value in comparisons[name]}
    known |= {points(value).lstrip("+−") for value in power["effect"]}
    costs = read_csv("costs", tables / "costs.csv")
    for _, row in costs.iterrows():
        for name in ("difference", "ci_low", "ci_high", "mde80"):
            known.add(amount(row["measure"], row[name]).lstrip("+−"))
    known |= {f"{seconds:,.0f}" for seconds in read_csv("training_arms", tables / "training_arms.csv")["seconds"]}
    known |= {
        f"{int(value):,}" for name in COLUMNS["comparisons"] if name == "n_questions" for value in comparisons[name]
    }
    for name in ("questions_needed", "runs_needed", "both_runs", "both_questions"):
        known |= {f"{int(value):,}" for value in power[name].dropna()}
    text = (results / "report/findings.md").read_text().replace("\\", "")
    for arm in read_csv("arms", tables / "arms.csv")["arm"]:
        text = text.replace(arm_label(arm), "")  # a name may hold numbers
    numbers = re.findall(r"\d[\d,]*(?:\.\d+)?", text)
    assert len(numbers) > 40
    assert [number for number in numbers if number.rstrip(",") not in known] == []
