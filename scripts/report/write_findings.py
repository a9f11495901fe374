"""Say in words what the comparisons show: findings.md, whose first paragraph is the report's abstract.

Fixed phrases with the tables' numbers: every difference with its interval, verdicts only from the verdict column, and
where nothing can be told, what could have been found and what it would take. What it costs comes last (cost_findings).
"""

from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from scripts.common import cli
from scripts.common.atomic import replacing
from scripts.common.config.experiment import Experiment
from scripts.common.config.model import DEMO
from scripts.common.provenance import recording
from scripts.common.tables import read_csv
from scripts.report.cost_findings import cost_list, cost_summary
from scripts.report.labels import (
    AGAINST,
    ASKED,
    QUESTIONS,
    arm_label,
    counted,
    is_control,
    listed,
    p_text,
    points,
    reference_label,
)
from scripts.report.markdown import escape
from scripts.report.report_tables import read_report_table
from scripts.report.statistics import NOTHING

KEYS = ["question", "benchmark", "subset", "reference"]
MANY = 12  # comparisons from which on the abstract leaves numbers to the figure
MANY_NOTHINGS = 4  # comparisons of one question that tell nothing, from which on they share a sentence
DEMO_CAVEAT = (
    "This is the demonstration: its base model was trained from scratch on the same kind of problem, so that the "
    "lift of fine-tuning over it is elicitation of what it had already learnt. The numbers show that the machinery "
    "works; they say nothing about language models in general."
)


def interval(row: "pd.Series[Any]") -> str:
    """Return a difference's interval in words: '−1.2 to +3.4'."""
    return f"{points(row['ci_low'])} to {points(row['ci_high'])}"


def what_it_takes(row: "pd.Series[Any]", power: "pd.Series[Any]") -> str:
    """Return the sentence on what finding the interesting effect would take (a row each of comparisons and power)."""
    effect = f"{points(power['effect'], sign=False)} points"
    if row["mde80"] <= power["effect"]:
        return f"A true difference of {effect} would have been found with at least 80% power."
    ways = []
    if pd.notna(power["questions_needed"]):
        ways.append(f"{counted(int(power['questions_needed']), 'question')} with these runs")
    if pd.notna(power["runs_needed"]):
        ways.append(f"{counted(int(power['runs_needed']), 'run')} an arm with these questions")
    if not ways and pd.notna(power["both_runs"]):
        ways.append(
            f"more of both, such as {int(power['both_runs']):,} runs an arm and {int(power['both_questions']):,} "
            "questions"
        )
    return f"Finding {effect} with 80% power would take {' or '.join(ways)}." if ways else ""


def finding(row: "pd.Series[Any]", power: "pd.Series[Any]") -> str:
    """Return what one comparison shows."""
    subset, benchmark = escape(arm_label(row["subset"])), escape(row["benchmark"])
    reference = escape(reference_label(row["reference"], AGAINST))
    if row["verdict"] == NOTHING:
        text = (
            f"On {benchmark}, no difference between {subset} and {reference} can be told: "
            f"{points(row['difference'])} points (interval {interval(row)}). The smallest difference that this "
            f"comparison finds with 80% power is {points(row['mde80'], sign=False)} points. "
            f"{what_it_takes(row, power)}"
        ).rstrip()
    else:
        side = "above" if row["verdict"] == "better" else "below"
        text = (
            f"On {benchmark}, {subset} scores {points(row['difference'], sign=False)} points {side} {reference} "
            f"(interval {interval(row)}; p {p_text(row['p_holm'])} after Holm; smallest detectable "
            f"{points(row['mde80'], sign=False)})."
        )
    return text if row["level"] == "method" else f"{text} This speaks of these runs only, not of the method."


def summary(subset: str, rows: pd.DataFrame, brief: bool) -> str:
    """Return one sentence on a selection and a question: where it is better, worse, or nothing can be told.

    Where it is brief the numbers are left to the figure beside it.
    """
    name, parts = escape(subset), []
    for verdict, phrase in (
        ("better", f"{name} is better"),
        ("worse", f"{name} is worse"),
        (NOTHING, f"no difference can be told for {name}"),
    ):
        found = rows[rows["verdict"] == verdict]
        if len(found):
            parts.append(f"{phrase} on {listed([_short(row, brief) for _, row in found.iterrows()])}")
            if brief and verdict == NOTHING:
                low, high = (points(found["mde80"].agg(end), sign=False) for end in ("min", "max"))
                parts[-1] += f" (smallest detectable: {low} to {high} points)"
    against = escape(reference_label(rows["reference"].iloc[0], AGAINST))
    level = "" if (rows["level"] == "method").all() else " (these runs only)"
    return f"Against {against}, {'; '.join(parts)}{level}."


def _short(row: "pd.Series[Any]", brief: bool = False) -> str:
    if brief:
        return escape(row["benchmark"])
    numbers = f"{points(row['difference'])} points, {interval(row)}"
    if row["verdict"] == NOTHING:
        numbers += f"; smallest detectable {points(row['mde80'], sign=False)}"
    return f"{escape(row['benchmark'])} ({numbers})"


def question_list(rows: pd.DataFrame, needs: pd.DataFrame) -> str:
    """Return the findings on one question as a list; many that tell nothing share one item a subset."""
    nothing = rows[rows["verdict"] == NOTHING]
    shared = len(nothing) > MANY_NOTHINGS
    single = rows[rows["verdict"] != NOTHING] if shared else rows
    items = [finding(row, needs.loc[tuple(row[KEYS])]) for _, row in single.iterrows()]
    for subset, found in nothing.groupby("subset", sort=False) if shared else ():
        against = escape(reference_label(found["reference"].iloc[0], AGAINST))
        level = "" if (found["level"] == "method").all() else " (these runs only)"
        items.append(
            f"No difference between {escape(arm_label(str(subset)))} and {against} can be told on "
            f"{listed([_short(row) for _, row in found.iterrows()])}{level}. @tbl-power says what it would take."
        )
    return "\n".join(f"- {item}" for item in items)


def design(comparisons: pd.DataFrame, arms: pd.DataFrame, experiment: Experiment) -> str:
    """Return the sentences on what was compared."""
    trained = arms[arms["trained"]]
    benchmarks = listed(
        [
            f"{escape(name)} ({int(rows['n_questions'].iloc[0]):,} questions)"
            for name, rows in arms.groupby("benchmark", sort=False)
        ]
    )
    adjusted = (
        "Intervals and verdicts are adjusted by Holm's procedure for the comparisons of one question (error rate "
        f"{100 * experiment.report.alpha:g}%)."
    )
    if trained.empty:
        names = listed([escape(name) for name in dict.fromkeys(arms["arm"]) if name != experiment.report.baseline])
        return (
            f"We compare {names} with {escape(experiment.report.baseline)} question by question on {benchmarks}; "
            f"nothing was trained. {adjusted}"
        )
    model = "a tiny language model" if experiment.model.name == DEMO else escape(experiment.model.name)
    runs = listed([str(count) for count in sorted(set(trained["runs"]))])
    owner = "its" if len(experiment.subsets) == 1 else "their"
    controls = [f"{owner} controls"] if any(is_control(arm) for arm in trained["arm"]) else []
    names = listed([*(escape(name) for name in experiment.subsets), *controls])
    sets = f"{counted(trained['arm'].nunique(), 'training set')} ({names})"
    return (
        f"We fine-tune {model} on {sets}, {runs} {'run' if runs == '1' else 'runs'} "
        f"each, and compare the answers question by question on {benchmarks}. {adjusted}"
    )


def blind(reliability: pd.DataFrame) -> list[str]:
    """Return a sentence on every benchmark that cannot tell models apart."""
    sentences = []
    for _, row in reliability.iterrows():
        if row["all_right"] + row["all_wrong"] == row["n_questions"]:
            how = {row["all_wrong"]: "wrong", row["all_right"]: "right"}.get(
                row["n_questions"], "all right or all wrong"
            )
            sentences.append(
                f"{escape(row['benchmark'])} tells nothing: every model answers each of its {row['n_questions']:,} "
                f"questions {how}."
            )
    return sentences


class Found(NamedTuple):
    """The tables that findings are written from."""

    comparisons: pd.DataFrame
    power: pd.DataFrame
    costs: pd.DataFrame
    arms: pd.DataFrame
    reliability: pd.DataFrame
    training: pd.DataFrame | None
    """None where nothing was trained."""


def findings(found: Found, experiment: Experiment) -> str:
    """Return findings.md: the abstract in one paragraph, every comparison under its question, what it costs."""
    comparisons, costs = (table[~table["subset"].map(is_control)] for table in (found.comparisons, found.costs))
    asked = [question for question in QUESTIONS if question in set(comparisons["question"])]
    brief = len(comparisons) > MANY
    abstract = [design(found.comparisons, found.arms, experiment)]
    for subset in [*experiment.subsets, *experiment.models]:
        for question in asked:
            rows = comparisons[(comparisons["question"] == question) & (comparisons["subset"] == subset)]
            if len(rows):
                abstract.append(summary(subset, rows, brief))
        abstract.append(cost_summary(subset, costs))
    abstract += blind(found.reliability)
    if experiment.model.name == DEMO:
        abstract.append(DEMO_CAVEAT)
    blocks = [" ".join(filter(None, abstract))]
    for question in asked:
        blocks.append(f"**{ASKED[question] if experiment.subsets else 'Do the other models beat the baseline?'}**")
        blocks.append(question_list(comparisons[comparisons["question"] == question], found.power.set_index(KEYS)))
    blocks += ["**What does it cost?**", cost_list(costs, found.training)]
    if len(comparisons) < len(found.comparisons):
        blocks.append("The controls are held against the baseline in @tbl-comparisons.")
    return "\n\n".join(blocks) + "\n"


def split_findings(text: str) -> tuple[str, str]:
    """Return the abstract (first paragraph) and the rest of findings.md."""
    abstract, _, rest = text.partition("\n\n")
    return abstract.strip(), rest.strip() + "\n"


def main() -> None:
    parser = cli.parser(__doc__)
    for name in ("comparisons", "power", "costs", "arms", "reliability"):
        parser.add_argument(f"--{name}", type=Path, required=True, help=f"{name}.csv")
    parser.add_argument("--training", type=Path, help="training_arms.csv (left out: nothing was trained)")
    parser.add_argument("--experiment", type=Path, required=True, help="experiment.json")
    parser.add_argument("--findings", type=Path, required=True, help="findings.md to write")
    arguments = parser.parse_args()
    tables = {name: getattr(arguments, name) for name in Found._fields}
    with (
        recording(outputs=[arguments.findings], inputs=[*filter(None, tables.values()), arguments.experiment]),
        replacing(arguments.findings) as temporary,
    ):
        found = Found(
            read_csv("comparisons", tables["comparisons"]),
            read_report_table("power", tables["power"]),
            read_report_table("costs", tables["costs"]),
            read_report_table("arms", tables["arms"]),
            read_report_table("reliability", tables["reliability"]),
            read_report_table("training_arms", tables["training"]) if tables["training"] else None,
        )
        experiment = Experiment.model_validate_json(arguments.experiment.read_text(encoding="utf-8"))
        temporary.write_text(findings(found, experiment), encoding="utf-8")


if __name__ == "__main__":
    cli.run(main)
