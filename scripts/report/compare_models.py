"""Compare arms on the same questions: comparisons.csv, what seeing more would take (power.csv), and costs.csv.

Each question of the experiment is a family: base (every arm against the baseline) and each control (a subset against
its control). p-values are adjusted by Holm within it, and the printed interval is at the level at which Holm decided,
so that it leaves out zero exactly where a verdict is claimed. mcnemar.csv has the exact test where each side is one run
with one sample. costs.csv compares in the same way what answers cost: output tokens, and score per 1,000 of them.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from scripts.common import cli
from scripts.common.provenance import recording
from scripts.common.questions import Question
from scripts.common.tables import write_csv
from scripts.report import statistics
from scripts.report.answer_matrix import Arm, arms_of, benchmark_questions, drawn, is_trained, read_answers
from scripts.report.labels import QUESTIONS
from scripts.report.power import Plan, detectable
from scripts.report.report_tables import COLUMNS, write_report_table
from scripts.report.variance import RunVariance, run_variance

# What is compared, and what more and less of it are called.
SCORE, TOKENS, EFF = "score", "output_tokens", "eff"
WORDS = {SCORE: ("better", "worse"), TOKENS: ("longer", "shorter"), EFF: ("better", "worse")}

# For a model that was not trained here: no runs vary, and what is found is not said of these runs only.
NO_RUNS = RunVariance(0.0, 0)


class Comparison(NamedTuple):
    """Two arms on one benchmark, asked one question of one measure."""

    question: str
    benchmark: str
    subset: Arm
    reference: Arm
    found: statistics.Difference
    runs: RunVariance
    arms: int
    """How many arms of the benchmark were trained."""
    fixed: bool
    """Whether the reference was not trained here."""

    @property
    def names(self) -> dict[str, Any]:
        return {
            "question": self.question,
            "benchmark": self.benchmark,
            "subset": self.subset.name,
            "reference": self.reference.name,
        }


def pairs(arms: list[str], trained: dict[str, bool], baseline: str) -> Iterator[tuple[str, str, str]]:
    """Yield (question, subset, reference) for all that is compared, question by question."""
    for question in QUESTIONS:
        for arm in arms:
            if question == "base" and arm != baseline:
                yield question, arm, baseline
            if trained[arm] and f"{arm}.{question}" in arms:
                yield question, arm, f"{arm}.{question}"


def efficiency(scores: Arm, tokens: Arm) -> Arm:
    """Return an arm of score per 1,000 output tokens, made linear: question by question, with EFF as its mean.

    EFF is a ratio of means, S / T; its first-order expansion (the delta method) is S / T + (s - S / T * t) / T.
    """
    length = float(tokens.means.mean())
    ratio = float(scores.means.mean()) / length
    return scores._replace(means=1000 * (ratio + (scores.means - ratio * tokens.means) / length))


def measured(rows: pd.DataFrame, measure: str) -> dict[str, Arm]:
    """Return the arms of one benchmark's answers with a measure for every run and question."""
    if measure != EFF:
        return arms_of(rows, {SCORE: "correct", TOKENS: "output_tokens"}[measure])
    scores, tokens = arms_of(rows), arms_of(rows, "output_tokens")
    return {name: efficiency(scores[name], tokens[name]) for name in scores if tokens[name].means.any()}


def _least(measure: str, n: int, rows: pd.DataFrame) -> float:
    """Return the least variance of a difference: pseudo-counts for shares, nothing for lengths."""
    share = 1 / (n + 2) ** 2
    return {SCORE: share, TOKENS: 0.0, EFF: share * (1000 / max(rows["output_tokens"].mean(), 1)) ** 2}[measure]


def compare(
    answers: pd.DataFrame,
    baseline: str,
    measure: str = SCORE,
    questions: dict[str, dict[str, Question]] | None = None,
) -> list[Comparison]:
    """Return every comparison of a measure, with its difference. `questions`, by benchmark, say how they were drawn."""
    trained, found = is_trained(answers), []
    if baseline not in trained or trained[baseline]:
        raise cli.UserError(f"report.baseline: no answers of a model '{baseline}' that was not trained here")
    for benchmark, rows in answers.groupby("benchmark", sort=False):
        arms, design = measured(rows, measure), drawn(rows, str(benchmark), questions)
        if design.df < 1:
            raise cli.UserError(f"benchmark '{benchmark}' has one question: a comparison takes two or more")
        tuned = [arm.means for name, arm in arms.items() if trained[name]]
        runs = run_variance(tuned, design)
        least = _least(measure, len(design.unit), rows)
        for question, subset, reference in pairs(list(arms), trained, baseline):
            if reference not in arms:
                continue
            a, b, fixed = arms[subset], arms[reference], not trained[reference]
            varies = runs if trained[subset] else NO_RUNS
            difference = statistics.paired_difference(a.means, b.means, varies, fixed, design, least)
            found.append(Comparison(question, str(benchmark), a, b, difference, varies, len(tuned), fixed))
    return sorted(found, key=lambda comparison: QUESTIONS.index(comparison.question))


def families(comparisons: list[Comparison]) -> list[list[Comparison]]:
    """Return the comparisons of each question that has any."""
    groups = [[found for found in comparisons if found.question == question] for question in QUESTIONS]
    return [family for family in groups if family]


def comparison_rows(family: list[Comparison], alpha: float, measure: str = SCORE) -> list[dict[str, Any]]:
    """Return the rows of comparisons.csv, or of costs.csv, for one family."""
    rows = []
    decided = statistics.holm([comparison.found.p_value for comparison in family], alpha)
    for comparison, adjusted in zip(family, decided, strict=True):
        found = comparison.found
        low, high = found.interval(adjusted.alpha)
        rows.append(
            {
                **comparison.names,
                "n_questions": comparison.subset.means.shape[1],
                "runs_subset": len(comparison.subset.models),
                "runs_reference": len(comparison.reference.models),
                "difference": found.difference,
                "se": found.se,
                "df": found.df,
                "ci_low": low,
                "ci_high": high,
                "p_value": found.p_value,
                "p_holm": adjusted.p_holm,
                "mde80": detectable(found, len(family), alpha),
                "verdict": statistics.verdict(found.difference, adjusted.p_holm, alpha, WORDS[measure]),
                "level": "method" if comparison.runs.known or comparison.runs is NO_RUNS else "these runs",
            }
        )
    return rows


def cost_rows(comparisons: list[Comparison], alpha: float, measure: str) -> list[dict[str, Any]]:
    """Return the rows of costs.csv for one measure."""
    rows = []
    for family in families(comparisons):
        for comparison, row in zip(family, comparison_rows(family, alpha, measure), strict=True):
            a, b = (float(arm.means.mean()) for arm in (comparison.subset, comparison.reference))
            rows.append({"measure": measure, **row, "value_subset": a, "value_reference": b})
    return rows


def power_row(comparison: Comparison, family: int, effect: float, alpha: float) -> dict[str, Any]:
    """Return the row of power.csv: never planned at the difference just seen."""
    found, runs, n = comparison.found, comparison.runs, comparison.subset.means.shape[1]
    share = 1 / len(comparison.subset.models) + (0 if comparison.fixed else 1 / len(comparison.reference.models))
    plan = Plan(found, n, runs, share, comparison.arms, comparison.fixed, effect, family, alpha)
    alone = {"questions_needed": plan.questions_needed(), "runs_needed": plan.runs_needed()}
    both = plan.larger() if set(alone.values()) == {None} else None
    return {
        **comparison.names,
        "family": family,
        "question_se": found.variance.questions**0.5,
        "run_se": found.variance.runs**0.5 if runs.known else None,
        "run_sd": runs.proper**0.5 if runs.known else None,
        "run_df": runs.df,
        "effect": effect,
        **alone,
        "both_runs": both.runs if both else None,
        "both_questions": both.questions if both else None,
    }


def mcnemar_rows(comparisons: list[Comparison]) -> list[dict[str, Any]]:
    """Return McNemar's exact test where both sides are one run with one sample."""
    rows = []
    for comparison in comparisons:
        a, b = comparison.subset, comparison.reference
        if len(a.models) == len(b.models) == a.samples == b.samples == 1:
            only_subset, only_reference, p = statistics.mcnemar(a.means[0], b.means[0])
            rows.append(
                {**comparison.names, "only_subset": only_subset, "only_reference": only_reference, "p_value": p}
            )
    return rows


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--answers", type=Path, required=True, help="answers.parquet")
    parser.add_argument("--benchmarks", type=Path, nargs="+", required=True, help="test.jsonl of each benchmark")
    parser.add_argument("--baseline", required=True, help="the model that every arm is held against")
    parser.add_argument("--alpha", type=float, required=True, help="family-wise error rate")
    parser.add_argument("--interesting-effect", type=float, required=True, help="difference that the planning is for")
    for name in ("comparisons", "power", "mcnemar", "costs"):
        parser.add_argument(f"--{name}", type=Path, required=True, help=f"{name}.csv to write")
    arguments = parser.parse_args()
    outputs = [arguments.comparisons, arguments.power, arguments.mcnemar, arguments.costs]
    with recording(outputs=outputs, inputs=[arguments.answers, *arguments.benchmarks]):
        answers, questions = read_answers(arguments.answers), benchmark_questions(arguments.benchmarks)
        comparisons = compare(answers, arguments.baseline, SCORE, questions)
        rows, needs = [], []
        for family in families(comparisons):
            rows += comparison_rows(family, arguments.alpha)
            needs += [power_row(c, len(family), arguments.interesting_effect, arguments.alpha) for c in family]
        write_csv("comparisons", pd.DataFrame(rows), arguments.comparisons)
        whole = dict.fromkeys(["questions_needed", "runs_needed", "both_runs", "both_questions"], "Int64")
        write_report_table("power", pd.DataFrame(needs).astype(whole), arguments.power)
        exact = pd.DataFrame(mcnemar_rows(comparisons), columns=COLUMNS["mcnemar"])
        write_report_table("mcnemar", exact, arguments.mcnemar)
        costs = []
        for measure in (TOKENS, EFF):
            costs += cost_rows(compare(answers, arguments.baseline, measure, questions), arguments.alpha, measure)
        write_report_table("costs", pd.DataFrame(costs, columns=COLUMNS["costs"]), arguments.costs)


if __name__ == "__main__":
    cli.run(main)
