"""The section on comparisons: differences with verdicts, what seeing more would take, exact tests."""

from typing import Any

import pandas as pd

from scripts.compare.labels import (
    FAMILIES,
    arm_label,
    p_text,
    points,
    reference_label,
)
from scripts.compare.statistics import NOTHING
from scripts.report.facts import Facts
from scripts.report.markdown import escape, table
from scripts.report.plain import reading
from scripts.report.sections.base import Section


def comparisons(facts: Facts) -> str:
    """Return the first family, all comparisons (of averages too), and McNemar's where a side is one run and sample."""
    margin = points(-facts.experiment.report.margin)
    caption = (
        "Paired differences over questions, in percentage points. Each interval is at the level at which Holm's "
        "procedure decided the comparison, so that it leaves out zero exactly where a verdict is claimed. MDE is "
        "the smallest true difference that the comparison finds with 80% power. Bound is the one-sided lower bound "
        f"that holds for the whole family; no worse: it is above {margin} points."
    )
    first = _primary(facts) if facts.experiment.primary_target() else ""
    if first:
        caption += " The comparisons with random rows here are secondary to those of @tbl-primary."
    text = _compared(facts.table("comparisons"), "benchmark", caption, "tbl-comparisons")
    if facts.experiment.report.averages:
        caption = "The same of the named averages (@tbl-averages), families of their own."
        found = facts.table("average_comparisons")
        text += f"\n{_compared(found, 'average', caption, 'tbl-average-comparisons')}"
    exact = facts.table("mcnemar")
    return f"{first}{text}\n{_power(facts)}" + (f"\n{_mcnemar(exact)}" if len(exact) else "")


def _compared(found: pd.DataFrame, where: str, caption: str, label: str) -> str:
    """Return a table of comparisons on what the column `where` names."""
    order = {question: place for place, question in enumerate(FAMILIES)}
    found = found.sort_values("question", key=lambda column: column.map(order), kind="stable")
    rows = [
        [
            escape(arm_label(row["subset"])),
            escape(reference_label(row["reference"])),
            escape(row[where]),
            f"{row['n_questions']:,}",
            f"{points(row['difference'])} [{points(row['ci_low'])}, {points(row['ci_high'])}]",
            p_text(row["p_value"]).removeprefix("=\u00a0"),
            p_text(row["p_holm"]).removeprefix("=\u00a0"),
            points(row["mde80"], sign=False),
            points(row["lower_bound"]),
            said(row),
        ]
        for _, row in found.iterrows()
    ]
    for row, level in zip(rows, found["level"], strict=True):
        row[4] += "" if level == "method" else "\u00a0†"
    headers = ["Arm", "Against", where.capitalize(), "n", "Difference \\[interval\\]"]
    headers += ["p", "p, Holm", "MDE", "Bound", "Verdict"]
    if (found["level"] != "method").any():
        caption += " † of these runs only: there are too few training runs to know how much they vary."
    return table(headers, rows, "lllrlrrrrl", [20, 13, 12, 4, 19, 7, 7, 5, 6, 14], caption, label)


def said(row: "pd.Series[Any]") -> str:
    """Return a comparison's verdict as a cell: what was found is bold."""
    kind = reading(row)
    return f"**{kind}**" if kind in ("better", "worse") else kind.replace("detectable ", "")


CORRECTIONS = {
    "dunnett": "Dunnett's procedure (the largest |t| of differences that share control, questions and run variance); "
    "their intervals hold for all at once",
    "holm": "Holm's procedure, since their variances are not common",
}


def _primary(facts: Facts) -> str:
    found = facts.table("primary")
    if found.empty:
        return ""
    rows = [
        [
            escape(arm_label(row["subset"])),
            escape(arm_label(row["reference"])),
            f"{points(row['difference'])} [{points(row['ci_low'])}, {points(row['ci_high'])}]"
            + ("" if row["level"] == "method" else "\u00a0†"),
            p_text(row["p_value"]).removeprefix("=\u00a0"),
            p_text(row["p_adjusted"]).removeprefix("=\u00a0"),
            row["verdict"] if row["verdict"] == NOTHING else f"**{row['verdict']}**",
        ]
        for _, row in found.iterrows()
    ]
    caption = (
        f"The first family: every method against random rows on {escape(found['target'].iloc[0])}, in percentage points"
    )
    if len(found) > 1:
        caption += f", adjusted together by {CORRECTIONS[found['correction'].iloc[0]]}"
    caption += "."
    if (found["level"] != "method").any():
        caption += " † of these runs only."
    headers = ["Method", "Against", "Difference \\[interval\\]", "p", "p, adjusted", "Verdict"]
    text = table(headers, rows, "lllrrl", [22, 22, 22, 8, 10, 22], caption, "tbl-primary")
    return f"{text}\n{best_of(facts, found)}\n\n"


def best_of(facts: Facts, found: pd.DataFrame) -> str:
    """Return what choosing the best of several does to its number; `found` is the table primary."""
    number, bias = int(found["best_of"].iloc[0]), points(found["best_bias"].iloc[0], sign=False)
    chosen = facts.experiment.report.choose_on
    said = []
    if number > 1:
        said.append(
            f"The best of these {number} differences is biased upward, since it was chosen for being the largest: by "
            f"{bias} points if all {number} methods were equally good (the expected largest of {number} normal errors "
            "with these standard errors and correlations)."
        )
    if chosen:
        said.append(
            f"Sweeps were decided on {escape(chosen)}: elsewhere only the arm that scored highest there is compared."
        )
        target = found["target"].iloc[0]
        if chosen in facts.experiment.report.weights().get(target, {}):
            said.append(f"{escape(target)} holds {escape(chosen)}, and so is not free of that choice.")
    return " ".join(said)


def _power(facts: Facts) -> str:
    power = facts.table("power").sort_values("question", key=lambda column: column.map(FAMILIES.index), kind="stable")
    rows = []
    for _, row in power.iterrows():
        counts = [f"{int(row[name]):,}" if pd.notna(row[name]) else "–" for name in ("questions_needed", "runs_needed")]
        both = f"{int(row['both_runs']):,} × {int(row['both_questions']):,}" if pd.notna(row["both_runs"]) else "–"
        errors = [points(row[name], sign=False) if pd.notna(row[name]) else "–" for name in ("question_se", "run_se")]
        names = [escape(arm_label(row["subset"])), escape(reference_label(row["reference"])), escape(row["benchmark"])]
        rows.append([*names, *errors, *counts, both])
    effect = points(facts.experiment.report.interesting_effect, sign=False)
    headers = [
        "Arm",
        "Against",
        "Benchmark",
        "SE, questions",
        "SE, runs",
        "Questions needed",
        "Runs needed",
        "Both: runs × questions",
    ]
    caption = (
        f"What finding a difference of {effect} points with 80% power would take. The standard error (points) has a "
        "part due to the questions and one due to the runs. Questions needed with the runs at hand, runs an arm "
        "needed with the questions at hand and, where neither is enough, a design with more of both; – where it is "
        "not, or the variation between runs is unknown."
    )
    return table(headers, rows, "lllrrrrr", [19, 16, 12, 10, 8, 10, 8, 16], caption, "tbl-power")


def _mcnemar(exact: pd.DataFrame) -> str:
    rows = [
        [
            escape(arm_label(row["subset"])),
            escape(reference_label(row["reference"])),
            escape(row["benchmark"]),
            str(row["only_subset"]),
            str(row["only_reference"]),
            p_text(row["p_value"]).removeprefix("=\u00a0"),
        ]
        for _, row in exact.iterrows()
    ]
    caption = (
        "McNemar's exact test where each side is one run with one sample: questions that only one of the two answers, "
        "and p (unadjusted)."
    )
    return table(
        ["Arm", "Against", "Benchmark", "Only the arm", "Only the other", "p"],
        rows,
        "lllrrr",
        [20, 20, 15, 12, 12, 10],
        caption,
        "tbl-mcnemar",
    )


SECTIONS = (Section("_comparisons.md", comparisons),)
