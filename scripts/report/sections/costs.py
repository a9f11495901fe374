"""What answers cost: output tokens, and score per 1,000 of them, compared like the scores."""

import pandas as pd

from scripts.compare.labels import FAMILIES, amount, arm_label, p_text, reference_label
from scripts.report.facts import Facts
from scripts.report.markdown import escape, table
from scripts.report.sections.base import Section

CAPTIONS = {
    "output_tokens": (
        "Length of the answers, paired over questions: mean output tokens of both sides, their difference with "
        "its interval "
        "(at the level at which Holm's procedure decided), and the smallest difference found with 80% power.",
        "tbl-lengths",
    ),
    "eff": (
        "EFF, the score (0 to 1) per 1,000 output tokens, of both sides, compared in the same way (a ratio of "
        "means, by the "
        "delta method).",
        "tbl-eff",
    ),
}


def costs(facts: Facts) -> str:
    """Return the tables of lengths and of EFF."""
    found = facts.table("costs")
    found = found.sort_values("question", key=lambda column: column.map(FAMILIES.index), kind="stable")
    return "\n".join(_table(found[found["measure"] == measure], measure) for measure in CAPTIONS)


def _table(found: pd.DataFrame, measure: str) -> str:
    rows = [
        [
            escape(arm_label(row["subset"])),
            escape(reference_label(row["reference"])),
            escape(row["benchmark"]),
            amount(measure, row["value_subset"], sign=False),
            amount(measure, row["value_reference"], sign=False),
            f"{amount(measure, row['difference'])} "
            f"[{amount(measure, row['ci_low'])}, {amount(measure, row['ci_high'])}]{_mark(row['level'])}",
            p_text(row["p_holm"]).removeprefix("=\u00a0"),
            amount(measure, row["mde80"], sign=False),
            row["verdict"] if row["verdict"].startswith("no ") else f"**{row['verdict']}**",
        ]
        for _, row in found.iterrows()
    ]
    caption, label = CAPTIONS[measure]
    if (found["level"] != "method").any():
        caption += " † of these runs only."
    headers = [
        "Arm",
        "Against",
        "Benchmark",
        "Arm's",
        "Other's",
        "Difference \\[interval\\]",
        "p, Holm",
        "MDE",
        "Verdict",
    ]
    return table(headers, rows, "lllrrlrrl", [19, 13, 12, 7, 7, 22, 7, 7, 18], caption, label)


def _mark(level: str) -> str:
    return "" if level == "method" else "\u00a0†"


SECTIONS = (Section("_costs.md", costs),)
