"""Compare arms on the same questions: comparisons.csv, with what would be needed to see more (power.csv).

Each question of the experiment is a family: base (every arm against the baseline) and each control (a subset against
its control). p-values are adjusted by Holm within it, and the printed interval is at the level at which Holm decided,
so that it leaves out zero exactly where a verdict is claimed. mcnemar.csv has the exact test where each side is one run
with one sample.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from scripts.common import cli
from scripts.common.provenance import recording
from scripts.common.tables import write_csv
from scripts.report import power, statistics
from scripts.report.answer_matrix import Arm, arms_of, is_trained, read_answers
from scripts.report.labels import QUESTIONS
from scripts.report.report_tables import COLUMNS, write_report_table

# For a model that was not trained here: no runs vary, and what is found is not said of these runs only.
NO_RUNS = statistics.RunVariance(0.0, 0)


class Comparison(NamedTuple):
    """Two arms on one benchmark, asked one question."""

    question: str
    benchmark: str
    subset: Arm
    reference: Arm
    found: statistics.Difference
    runs: statistics.RunVariance
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


def compare(answers: pd.DataFrame, baseline: str) -> list[Comparison]:
    """Return every comparison, with its difference."""
    trained, found = is_trained(answers), []
    if baseline not in trained or trained[baseline]:
        raise cli.UserError(f"report.baseline: no answers of a model '{baseline}' that was not trained here")
    for benchmark, rows in answers.groupby("benchmark", sort=False):
        arms = arms_of(rows)
        if next(iter(arms.values())).means.shape[1] < 2:
            raise cli.UserError(f"benchmark '{benchmark}' has one question: a comparison takes two or more")
        tuned = [arm.run_scores for name, arm in arms.items() if trained[name]]
        runs = statistics.run_variance(tuned)
        for question, subset, reference in pairs(list(arms), trained, baseline):
            a, b = arms[subset], arms[reference]
            fixed = not trained[reference]
            varies = runs if trained[subset] else NO_RUNS
            difference = statistics.paired_difference(a.means, b.means, varies, reference_is_fixed=fixed)
            found.append(Comparison(question, str(benchmark), a, b, difference, varies, len(tuned), fixed))
    return sorted(found, key=lambda comparison: QUESTIONS.index(comparison.question))


def comparison_rows(family: list[Comparison], alpha: float) -> list[dict[str, Any]]:
    """Return the rows of comparisons.csv for one family."""
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
                "mde80": power.detectable(found, len(family), alpha),
                "verdict": statistics.verdict(found.difference, adjusted.p_holm, alpha),
                "level": "method" if comparison.runs.known or comparison.runs is NO_RUNS else "these runs",
            }
        )
    return rows


def power_row(comparison: Comparison, family: int, effect: float, alpha: float) -> dict[str, Any]:
    """Return the row of power.csv: never planned at the difference just seen."""
    found, runs, n = comparison.found, comparison.runs, comparison.subset.means.shape[1]
    size = (comparison.arms, comparison.fixed, effect, family, alpha)
    both = power.design_needed(found, n, runs, *size)
    return {
        **comparison.names,
        "family": family,
        "question_se": found.question_variance**0.5,
        "run_se": found.run_variance**0.5 if runs.known else None,
        "run_sd": runs.variance**0.5 if runs.known else None,
        "run_df": runs.df,
        "effect": effect,
        "questions_needed": power.questions_needed(found, n, runs, effect, family, alpha),
        "runs_needed": power.runs_needed(found, n, runs, *size),
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
    parser.add_argument("--baseline", required=True, help="the model that every arm is held against")
    parser.add_argument("--alpha", type=float, required=True, help="family-wise error rate")
    parser.add_argument("--interesting-effect", type=float, required=True, help="difference that the planning is for")
    parser.add_argument("--comparisons", type=Path, required=True, help="comparisons.csv to write")
    parser.add_argument("--power", type=Path, required=True, help="power.csv to write")
    parser.add_argument("--mcnemar", type=Path, required=True, help="mcnemar.csv to write")
    arguments = parser.parse_args()
    outputs = [arguments.comparisons, arguments.power, arguments.mcnemar]
    with recording(outputs=outputs, inputs=[arguments.answers]):
        comparisons = compare(read_answers(arguments.answers), arguments.baseline)
        rows, needs = [], []
        for question in QUESTIONS:
            family = [comparison for comparison in comparisons if comparison.question == question]
            if family:
                rows += comparison_rows(family, arguments.alpha)
                needs += [power_row(c, len(family), arguments.interesting_effect, arguments.alpha) for c in family]
        write_csv("comparisons", pd.DataFrame(rows), arguments.comparisons)
        whole = dict.fromkeys(["questions_needed", "runs_needed", "both_runs", "both_questions"], "Int64")
        write_report_table("power", pd.DataFrame(needs).astype(whole), arguments.power)
        exact = pd.DataFrame(mcnemar_rows(comparisons), columns=COLUMNS["mcnemar"])
        write_report_table("mcnemar", exact, arguments.mcnemar)


if __name__ == "__main__":
    cli.run(main)
