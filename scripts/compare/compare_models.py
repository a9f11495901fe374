"""Compare arms on the same questions: comparisons.csv, what seeing more would take (power.csv), and costs.csv.

The comparisons of one kind are a family: base (every arm against the baseline) and each control (a subset against
its control). p-values are adjusted by Holm within it, and the printed interval is at the level at which Holm decided,
so that it leaves out zero exactly where a verdict is claimed. mcnemar.csv has the exact test where each side is one run
with one sample. costs.csv compares in the same way what answers cost: output tokens, and score per 1,000 of them;
average_comparisons.csv the named averages of benchmarks, in families of their own.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import pandas as pd

from scripts.common import cli
from scripts.common.config.report import Metric, Scoring
from scripts.common.program import Program
from scripts.common.questions import Question
from scripts.compare import primary, statistics
from scripts.compare.answer_matrix import (
    Arm,
    arms_of,
    benchmark_questions,
    by_draw,
    is_trained,
    metric_arms,
    question_design,
    read_answers,
)
from scripts.compare.averages import average
from scripts.compare.labels import FAMILIES
from scripts.compare.moderation import pooled_by_kind, runs_by_kind
from scripts.compare.power import Plan, detectable
from scripts.compare.tables import COLUMNS, write_csv
from scripts.compare.variance import Questions, RunVariance, RunVariances

# What is compared, and what more and less of it are called.
SCORE, TOKENS, EFF = "score", "output_tokens", "eff"
WORDS = {SCORE: ("better", "worse"), TOKENS: ("longer", "shorter"), EFF: ("better", "worse")}

# For a model that was not trained here: no runs vary, and what is found is not said of these runs only.
NO_RUNS = RunVariance(0.0, 0)


class Comparison(NamedTuple):
    """Two arms on one benchmark, held against each other by one measure."""

    family: str
    """Which of FAMILIES it is of; the tables call it question."""
    benchmark: str
    subset: Arm
    reference: Arm
    found: statistics.Difference
    runs: RunVariance
    """How much the runs of the two vary."""
    control: RunVariance
    """How much those of the reference do."""
    arms: int
    """How many arms of the benchmark were trained."""
    fixed: bool
    """Whether the reference was not trained here."""
    design: Questions
    """How the questions were drawn."""

    @property
    def names(self) -> dict[str, Any]:
        return {
            "question": self.family,
            "benchmark": self.benchmark,
            "subset": self.subset.name,
            "reference": self.reference.name,
        }


# By subset and control, the arm that the subset is held against.
References = Mapping[str, Mapping[str, str]]
NO_CONTROLS: References = MappingProxyType({})


def pairs(
    arms: list[str], trained: dict[str, bool], baseline: str, references: References
) -> Iterator[tuple[str, str, str]]:
    """Yield (family, subset, reference) for all that is compared, family by family."""
    for family in FAMILIES:
        for arm in arms:
            if family == "base" and arm != baseline:
                yield family, arm, baseline
            if trained[arm] and (reference := references.get(arm, {}).get(family)):
                yield family, arm, reference


def efficiency(scores: Arm, tokens: Arm) -> Arm:
    """Return an arm of score per 1,000 output tokens, made linear: question by question, with EFF as its mean.

    EFF is a ratio of means, S / T; its first-order expansion (the delta method) is S / T + (s - S / T * t) / T.
    """
    length = float(tokens.means.mean())
    ratio = float(scores.means.mean()) / length
    return scores._replace(means=1000 * (ratio + (scores.means - ratio * tokens.means) / length))


def measured(rows: pd.DataFrame, measure: str, metric: Metric = "pass@1") -> dict[str, Arm]:
    """Return the arms of one benchmark's answers with a measure for every run (of several draws: every draw) and
    question; `metric` is the score's."""
    return {name: by_draw(arm) for name, arm in _measured(rows, measure, metric).items()}


def _measured(rows: pd.DataFrame, measure: str, metric: Metric) -> dict[str, Arm]:
    if measure == SCORE:
        return metric_arms(rows, metric)
    if measure == TOKENS:
        return arms_of(rows, "output_tokens")
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
    metric: Metric = "pass@1",
    references: References = NO_CONTROLS,
) -> list[Comparison]:
    """Return every comparison of a measure, with its difference. `questions`, by benchmark, say how they were drawn.

    `references` has the arms that subsets are held against, by subset and control.
    """
    trained = _trained(answers, baseline)
    found: list[Comparison] = []
    arms, designs = {}, {}
    for name, rows in answers.groupby("benchmark", sort=False):
        benchmark = str(name)
        arms[benchmark] = measured(rows, measure, metric)
        designs[benchmark] = question_design(rows, benchmark, questions)
        _check_design(benchmark, designs[benchmark])
    tuned = {name: [arm for key, arm in of.items() if trained[key]] for name, of in arms.items()}
    runs = runs_by_kind(tuned, designs, relative=measure != SCORE)
    for benchmark, rows in answers.groupby("benchmark", sort=False):
        least = _least(measure, len(designs[str(benchmark)].unit), rows)
        of = arms[str(benchmark)]
        design, varies = designs[str(benchmark)], runs[str(benchmark)]
        found += _compared(str(benchmark), of, design, varies, least, trained, baseline, references)
    return _by_family(found)


def compare_averages(
    answers: pd.DataFrame,
    baseline: str,
    weights: Mapping[str, Mapping[str, float]],
    questions: dict[str, dict[str, Question]] | None = None,
    metric: Metric = "pass@1",
    references: References = NO_CONTROLS,
) -> list[Comparison]:
    """Return every comparison of the named averages; their `benchmark` is the average's name."""
    trained = _trained(answers, baseline)
    found: list[Comparison] = []
    of_benchmark = {str(name): rows for name, rows in answers.groupby("benchmark", sort=False)} if weights else {}
    arms = {name: measured(rows, SCORE, metric) for name, rows in of_benchmark.items()}
    designs = {name: question_design(rows, name, questions) for name, rows in of_benchmark.items()}
    for name, shares in weights.items():
        whole = average(shares, arms, designs)
        runs = pooled_by_kind((arm for key, arm in whole.arms.items() if trained[key]), whole.questions)
        found += _compared(name, whole.arms, whole.questions, runs, whole.least, trained, baseline, references)
    return _by_family(found)


def _trained(answers: pd.DataFrame, baseline: str) -> dict[str, bool]:
    trained = is_trained(answers)
    if baseline not in trained or trained[baseline]:
        raise cli.UserError(f"report.baseline: no answers of a model '{baseline}' that was not trained here")
    return trained


def _check_design(benchmark: str, design: Questions) -> None:
    if len(design.unit) < 2:
        raise cli.UserError(f"benchmark '{benchmark}' has one question: a comparison takes two or more")
    if design.df < 1:
        raise cli.UserError(
            f"all {len(design.unit):,} questions of benchmark '{benchmark}' are of one group: they tell nothing of "
            "other groups, and a comparison takes two or more"
        )


def _compared(
    benchmark: str,
    arms: dict[str, Arm],
    design: Questions,
    runs: RunVariances,
    least: float,
    trained: dict[str, bool],
    baseline: str,
    references: References,
) -> Iterator[Comparison]:
    """Yield the comparisons on one benchmark, or of one average."""
    tuned = sum(trained[name] for name in arms)
    for family, subset, reference in pairs(list(arms), trained, baseline, references):
        if reference not in arms:
            continue
        a, b, fixed = arms[subset], arms[reference], not trained[reference]
        varies = runs.between(a.units, a.units if fixed else b.units) if trained[subset] else NO_RUNS
        control = NO_RUNS if fixed else runs[b.kind]
        difference = statistics.paired_difference(a.means, b.means, varies, fixed, design, least)
        yield Comparison(family, benchmark, a, b, difference, varies, control, tuned, fixed, design)


def _by_family(comparisons: list[Comparison]) -> list[Comparison]:
    return sorted(comparisons, key=lambda comparison: FAMILIES.index(comparison.family))


def families(comparisons: list[Comparison]) -> list[list[Comparison]]:
    """Return the comparisons of each family that has any."""
    groups = [[found for found in comparisons if found.family == family] for family in FAMILIES]
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
                "runs_subset": comparison.subset.runs,
                "runs_reference": comparison.reference.runs,
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


def score_rows(family: list[Comparison], alpha: float, metric: Metric, margin: float) -> list[dict[str, Any]]:
    """Return the rows of comparisons.csv for one family: those of any measure, and whether an arm is no worse.

    No worse is non-inferiority: the lower bound that holds for all of the family at once is above -margin. What is
    better is no worse.
    """
    rows = []
    for comparison, row in zip(family, comparison_rows(family, alpha), strict=True):
        low = comparison.found.lower_bound(alpha / len(family))
        no_worse = low > -margin or row["verdict"] == WORDS[SCORE][0]
        rows.append({**row, "metric": metric, "margin": margin, "lower_bound": low, "no_worse": no_worse})
    return rows


def cost_rows(comparisons: list[Comparison], alpha: float, measure: str) -> list[dict[str, Any]]:
    """Return the rows of costs.csv for one measure."""
    rows = []
    for family in families(comparisons):
        for comparison, row in zip(family, comparison_rows(family, alpha, measure), strict=True):
            a, b = (float(arm.means.mean()) for arm in (comparison.subset, comparison.reference))
            rows.append({"measure": measure, **row, "value_subset": a, "value_reference": b})
    return rows


def primary_rows(comparisons: list[Comparison], target: str, alpha: float) -> list[dict[str, Any]]:
    """Return the rows of primary.csv: every method against random rows on the target, adjusted together."""
    family = [found for found in comparisons if (found.family, found.benchmark) == ("rows", target)]
    if not family:
        return []
    held = [primary.Held(c.subset, c.reference, c.found, c.runs, c.design, c.control) for c in family]
    decided = primary.decide(held, alpha)
    rows = []
    for comparison, said in zip(family, decided.adjusted, strict=True):
        (row,) = comparison_rows([comparison], alpha)
        row |= {"target": row.pop("benchmark"), "ci_low": said.ci_low, "ci_high": said.ci_high}
        row |= {"p_adjusted": said.p_value, "correction": decided.correction}
        row["verdict"] = statistics.verdict(comparison.found.difference, said.p_value, alpha, WORDS[SCORE])
        rows.append({**row, "best_of": len(family), "best_bias": decided.best_bias})
    return rows


def choose(comparisons: list[Comparison], sweeps: Sequence[Sequence[str]], target: str | None) -> set[str]:
    """Return the arms of sweeps that were not chosen: all but the one of each that scores highest on `target`."""
    if target is None:
        return set()
    scores = {c.subset.name: float(c.subset.means.mean()) for c in comparisons if c.benchmark == target}
    lost = set()
    for sweep in sweeps:
        best = max((arm for arm in sweep if arm in scores), key=scores.__getitem__, default=None)
        lost |= {arm for arm in sweep if arm != best}
    return lost


def without(comparisons: list[Comparison], lost: set[str], target: str | None) -> list[Comparison]:
    """Return the comparisons but those of `lost` arms on other benchmarks than the one that decided."""
    return [c for c in comparisons if c.benchmark == target or c.subset.name not in lost]


def power_row(comparison: Comparison, family: int, effect: float, alpha: float) -> dict[str, Any]:
    """Return the row of power.csv: never planned at the difference just seen."""
    found, runs, n = comparison.found, comparison.runs, comparison.subset.means.shape[1]
    inverse_runs = 1 / len(comparison.subset.models)
    inverse_runs += 0 if comparison.fixed else 1 / len(comparison.reference.models)
    plan = Plan(found, n, runs, inverse_runs, comparison.arms, comparison.fixed, effect, family, alpha)
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
    program = Program(__doc__)
    program.add_input("--answers", "answers.parquet")
    program.add_input("--benchmarks", "test.jsonl of each benchmark", many=True)
    program.add_argument("--baseline", required=True, help="the model that every arm is held against")
    program.add_argument(
        "--references", type=json.loads, default={}, help="the arms that subsets are held against, as JSON"
    )
    program.add_argument("--sweeps", type=json.loads, default=[], help="the arms of each sweep, as JSON")
    program.add_argument("--choose-on", help="the benchmark or average that decides sweeps (default: none are decided)")
    program.add_argument("--target", help="the benchmark or average of the first family (default: there is none)")
    program.add_argument("--alpha", type=float, required=True, help="family-wise error rate")
    program.add_argument("--interesting-effect", type=float, required=True, help="difference that the planning is for")
    program.add_argument("--margin", type=float, required=True, help="how much less is still no worse")
    program.add_settings("--scoring", Scoring)
    for name in ("comparisons", "power", "mcnemar", "costs"):
        program.add_output(f"--{name}", f"{name}.csv to write")
    program.add_output("--primary", "primary.csv to write", optional=True)
    program.add_output("--average-comparisons", "average_comparisons.csv to write", optional=True)
    arguments = program.parse()
    scoring: Scoring = arguments.scoring
    with program.recording():
        answers, questions = read_answers(arguments.answers), benchmark_questions(arguments.benchmarks)
        baseline, references, alpha = arguments.baseline, arguments.references, arguments.alpha
        asked = (alpha, scoring.primary_metric, arguments.margin)
        metric, weights, target = scoring.primary_metric, scoring.weights(), arguments.choose_on
        comparisons = compare(answers, baseline, SCORE, questions, metric, references)
        averages = compare_averages(answers, baseline, weights, questions, metric, references)
        lost = choose(comparisons + averages, arguments.sweeps, target)
        comparisons, averages = (without(found, lost, target) for found in (comparisons, averages))
        rows, needs = [], []
        for family in families(comparisons):
            rows += score_rows(family, *asked)
            needs += [power_row(c, len(family), arguments.interesting_effect, alpha) for c in family]
        write_csv("comparisons", pd.DataFrame(rows), arguments.comparisons)
        if arguments.average_comparisons:
            found = [row for family in families(averages) for row in score_rows(family, *asked)]
            named = pd.DataFrame(found).rename(columns={"benchmark": "average"})
            write_csv("average_comparisons", named, arguments.average_comparisons)
        if arguments.primary:
            found = primary_rows(comparisons + averages, arguments.target, alpha)
            write_csv("primary", pd.DataFrame(found)[COLUMNS["primary"]], arguments.primary)
        whole = dict.fromkeys(["questions_needed", "runs_needed", "both_runs", "both_questions"], "Int64")
        write_csv("power", pd.DataFrame(needs).astype(whole), arguments.power)
        exact = pd.DataFrame(mcnemar_rows(comparisons), columns=COLUMNS["mcnemar"])
        write_csv("mcnemar", exact, arguments.mcnemar)
        costs = []
        for measure in (TOKENS, EFF):
            measured_by = compare(answers, baseline, measure, questions, references=references)
            costs += cost_rows(without(measured_by, lost, target), alpha, measure)
        write_csv("costs", pd.DataFrame(costs, columns=COLUMNS["costs"]), arguments.costs)


if __name__ == "__main__":
    cli.run(main)
