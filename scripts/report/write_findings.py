"""Say in words what the comparisons show: findings.md, whose first paragraph (a list) is the report's summary.

Fixed phrases with the tables' numbers: verdicts only from the verdict column, differences with their intervals, and
where none was found, what could have been seen and what it would take. p and Holm's correction are in the tables. What
it costs comes last (cost_findings).
"""

from typing import Any, NamedTuple

import pandas as pd

from scripts.common import cli
from scripts.common.atomic import replacing
from scripts.common.config.experiment import Experiment
from scripts.common.config.model import DEMO
from scripts.common.program import Program
from scripts.compare.labels import FAMILIES, arm_label, counted, is_control, listed, points
from scripts.compare.statistics import NOTHING
from scripts.compare.tables import read_csv
from scripts.report.cost_findings import FEW as FEW_BENCHMARKS
from scripts.report.cost_findings import cost_list, cost_summary
from scripts.report.markdown import escape
from scripts.report.plain import (
    MOST_NAMES,
    NO_WORSE,
    against,
    answer,
    asked_in_words,
    capital,
    decided,
    model_label,
    places,
    reading,
    span,
    spelled,
    would_be_seen,
)

KEYS = ["question", "benchmark", "subset", "reference"]
MANY_NOTHINGS = 4  # comparisons of one question in which no difference was found, from which on they share a sentence
FEW = 3  # selections up to which the summary speaks of the length of each one's answers


class Found(NamedTuple):
    """The tables that findings are written from."""

    comparisons: pd.DataFrame
    power: pd.DataFrame
    costs: pd.DataFrame
    arms: pd.DataFrame
    training: pd.DataFrame | None = None
    """None where nothing was trained."""
    averages: pd.DataFrame | None = None
    """average_comparisons; None where no average has a name."""
    primary: pd.DataFrame | None = None
    """None where no target was named for the first family."""

    def asked(self) -> list[str]:
        """Return the questions that were asked, in their order."""
        return [question for question in FAMILIES if question in set(self.comparisons["question"])]

    def about(self, question: str) -> pd.DataFrame:
        """Return the comparisons of a question; those of controls with the baseline are in the tables only."""
        return _about(decided(self.comparisons, self.primary), question)

    def averages_about(self, question: str) -> pd.DataFrame | None:
        """Return the comparisons of named averages, each by its name as `benchmark`."""
        if self.averages is None:
            return None
        return _about(decided(self.averages.rename(columns={"average": "benchmark"}), self.primary), question)


def _about(comparisons: pd.DataFrame, question: str) -> pd.DataFrame:
    return comparisons[(comparisons["question"] == question) & ~comparisons["subset"].map(is_control)]


def what_it_takes(row: "pd.Series[Any]", power: "pd.Series[Any]") -> str:
    """Return the sentence on what could be seen, and what seeing the interesting effect would take (a row each of
    comparisons and power)."""
    effect = f"{points(power['effect'], sign=False)} points"
    if row["mde80"] <= power["effect"]:
        return f"One of {effect} would most likely have been seen."
    seen = capital(would_be_seen(row["mde80"]))
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
    return f"{seen}; to see one of {effect} would take {' or '.join(ways)}." if ways else f"{seen}."


def finding(row: "pd.Series[Any]", power: "pd.Series[Any] | None", to: str) -> str:
    """Return what one comparison shows; `to` is what the arm is held against, as Markdown."""
    subset, benchmark = escape(arm_label(row["subset"])), escape(row["benchmark"])
    interval = f"interval {points(row['ci_low'])} to {points(row['ci_high'])}"
    if row["verdict"] == NOTHING:
        text = (
            f"On {benchmark} no difference was found between {subset} and {to}: {points(row['difference'])} points "
            f"({interval})."
        )
        if reading(row) == NO_WORSE:
            text += f" It is no worse: the one-sided bound is {points(row['lower_bound'])} points."
        if power is not None:
            text += f" {what_it_takes(row, power)}"
    else:
        side = "above" if row["verdict"] == "better" else "below"
        text = (
            f"On {benchmark} {subset} scored {points(row['difference'], sign=False)} points {side} {to} ({interval})."
        )
    return text if row["level"] == "method" else f"{text} This speaks of these runs only, not of the method."


def question_list(
    rows: pd.DataFrame, needs: pd.DataFrame, averages: pd.DataFrame | None, experiment: Experiment
) -> str:
    """Return the findings on one question as a list, averages first; many without a difference share one item."""
    nothing = rows[rows["verdict"] == NOTHING]
    shared = len(nothing) > MANY_NOTHINGS
    single = rows[rows["verdict"] != NOTHING] if shared else rows
    items = []
    whole = rows[:0] if averages is None else averages
    for _, row in whole.iterrows():
        text = finding(row, None, against(whole[whole["subset"] == row["subset"]], experiment))
        name = escape(row["benchmark"])
        items.append(f"On the average ({name}){text.removeprefix(f'On {name}')}")
    for _, row in single.iterrows():
        to = against(rows[rows["subset"] == row["subset"]], experiment)
        items.append(finding(row, needs.loc[tuple(row[KEYS])], to))
    for subset, found in nothing.groupby("subset", sort=False) if shared else ():
        level = "" if (found["level"] == "method").all() else " (these runs only)"
        if len(found) > FEW_BENCHMARKS:
            where = places(list(found["benchmark"]), rows["benchmark"].nunique(), negative=True)
            where += f": {span(found['difference'], signed=True)} (the intervals are in @tbl-comparisons)"
        else:
            numbers = [
                f"{escape(row['benchmark'])} ({points(row['difference'])} points, {points(row['ci_low'])} to "
                f"{points(row['ci_high'])})"
                for _, row in found.iterrows()
            ]
            where = f"on {listed(numbers)}"
        arm = escape(arm_label(str(subset)))
        items.append(f"No difference was found between {arm} and {against(found, experiment)} {where}{level}.")
    if shared:
        items[-1] += " @tbl-power says what could have been seen, and what more would take."
    return "\n".join(f"- {item}" for item in items)


# What the score counts, where it is not the share of answers that are right.
COUNTS = {
    "pass@k": "A question counts as right where any of its answers is (pass@k).",
    "majority@k": "A question counts as right where its most frequent answer is (majority@k).",
}


def design(found: Found, experiment: Experiment) -> str:
    """Return the sentences on what was compared."""
    arms = found.arms
    trained = arms[arms["trained"]]
    counts = {escape(name): int(rows["n_questions"].iloc[0]) for name, rows in arms.groupby("benchmark", sort=False)}
    alike = len(counts) > 1 and len(set(counts.values())) == 1
    sizes = list(counts) if alike else [f"{name} ({count:,} questions)" for name, count in counts.items()]
    each_has = f" ({next(iter(counts.values())):,} questions each)" if alike else ""
    asked = f"asked the same questions of {listed(sizes)}{each_has}"
    if trained.empty:
        names = listed([_evaluated(name, experiment) for name in dict.fromkeys(arms["arm"])])
        return f"{names}, {asked}; nothing was trained."
    runs = listed([str(count) for count in sorted(set(trained["runs"]))])
    sets, subsets = trained["arm"].nunique(), [escape(name) for name in experiment.subsets]
    controls = len({arm for arm in trained["arm"] if is_control(arm)})
    owner = "its" if len(subsets) == 1 else "their" if controls > 1 else "a"
    own = subsets if len(subsets) <= MOST_NAMES else [f"{spelled(len(subsets))} methods"]
    names = listed([*own, *([f"{owner} control{'s' if controls > 1 else ''}"] if controls else [])])
    each = f"{runs} {'run' if runs == '1' else 'runs'}{' each' if sets > 1 else ''}"
    model = escape(model_label(experiment.model.name))
    if experiment.model.name == DEMO:
        model = model.capitalize()
    return f"{model}, fine-tuned on {counted(sets, 'training set')} ({names}), {each}, and {asked}."


def _evaluated(name: str, experiment: Experiment) -> str:
    """Return a model that was only evaluated: its name in the experiment, and what people call it."""
    model = experiment.model if name == "base" else experiment.models.get(name)
    label = escape(model_label(model.name)) if model else escape(name)
    return label if label == escape(name) else f"{escape(name)} ({label})"


def summary(found: Found, experiment: Experiment) -> str:
    """Return the answers in plain words: a list with an item a question, then costs, then what was compared."""
    benchmarks = found.arms["benchmark"].nunique()
    items = []
    for question in found.asked():
        rows = found.about(question)
        if len(rows):
            said = answer(rows, found.averages_about(question), experiment, benchmarks)
            items.append(f"**{asked_in_words(question, experiment)}** {said}")
    costs = found.costs[~found.costs["subset"].map(is_control)]
    lengths = cost_summary(costs, experiment) if costs["subset"].nunique() <= FEW else ""
    if lengths:
        items.append(f"**Are the answers longer?** {lengths}")
    counted_as = COUNTS.get(experiment.report.primary_metric)
    items.append(" ".join(filter(None, ["**What was compared?**", design(found, experiment), counted_as])))
    return "\n".join(f"- {item}" for item in items)


def findings(found: Found, experiment: Experiment) -> str:
    """Return findings.md: the summary, every comparison under its question, what it costs."""
    blocks = [summary(found, experiment)]
    needs = found.power.set_index(KEYS)
    for question in found.asked():
        blocks.append(f"## {asked_in_words(question, experiment)} {{.unnumbered .unlisted}}")
        averages = found.averages_about(question)
        blocks.append(question_list(found.about(question), needs, averages, experiment))
    costs = found.costs[~found.costs["subset"].map(is_control)]
    blocks += ["## What does it cost? {.unnumbered .unlisted}", cost_list(costs, found.training)]
    if found.comparisons["subset"].map(is_control).any():
        blocks.append("The controls are held against the baseline in @tbl-comparisons.")
    return "\n\n".join(filter(None, blocks)) + "\n"


def main() -> None:
    program = Program(__doc__)
    for name in ("comparisons", "power", "costs", "arms"):
        program.add_input(f"--{name}", f"{name}.csv")
    program.add_input("--training", "training_arms.csv (left out: nothing was trained)", optional=True)
    program.add_input("--averages", "average_comparisons.csv (left out: no average has a name)", optional=True)
    program.add_input("--primary", "primary.csv (left out: the experiment has no first family)", optional=True)
    program.add_input("--experiment", "experiment.json")
    program.add_output("--findings", "findings.md to write")
    arguments = program.parse()
    names = {"training": "training_arms", "averages": "average_comparisons"}
    with (
        program.recording(),
        replacing(arguments.findings) as temporary,
    ):
        paths = {name: getattr(arguments, name) for name in Found._fields}
        found = Found(**{name: read_csv(names.get(name, name), path) if path else None for name, path in paths.items()})
        experiment = Experiment.model_validate_json(arguments.experiment.read_text(encoding="utf-8"))
        temporary.write_text(findings(found, experiment), encoding="utf-8")


if __name__ == "__main__":
    cli.run(main)
