"""The section on published numbers: beside ours, and audited."""

from math import hypot
from pathlib import Path
from typing import Any

import pandas as pd

from scripts.compare.labels import counted, percent
from scripts.compare.published.audit_published import CHECKS
from scripts.compare.published.published import Row
from scripts.compare.published.read_tables import published_rows
from scripts.report import needs
from scripts.report.facts import Facts
from scripts.report.markdown import breakable, escape, table
from scripts.report.sections.base import Section


def published(facts: Facts) -> str:
    """Return the section on published numbers."""
    assert facts.experiment.report.published is not None
    rows = published_rows(Path(facts.experiment.report.published))
    arms = facts.table("arms")
    headers = ["Benchmark", "Source", "Model", "Run by", "Metric", "n", "Published", "Ours"]
    caption = (
        "Published numbers, with their printed standard errors, beside ours for the same benchmark and model. "
        "They were not computed here."
    )
    ours = table(
        headers,
        [_row(row, arms) for row in rows],
        "llllllll",
        [12, 14, 8, 10, 20, 6, 14, 18],
        caption,
        "tbl-published",
    )
    return "\n\n".join(
        ["# Published numbers {#sec-published}", f"{audit(facts)} {differences(rows)}".strip(), ours, _faults(facts)]
    )


def audit(facts: Facts) -> str:
    """Return how many faults the audit found."""
    faults = facts.table("audit")
    if faults.empty:
        return "The audit finds no fault in the published numbers of @tbl-published."
    kinds = [f"{count} × {CHECKS[check]}" for check, count in faults["check"].value_counts(sort=False).items()]
    return (
        f"The audit finds {counted(len(faults), 'fault')} in the published numbers of @tbl-published "
        f"({'; '.join(kinds)}): @tbl-audit."
    )


def differences(rows: list[Row]) -> str:
    """Return how far apart the published pairs of models are in their own standard errors, unpaired."""
    found = []
    for a in rows:
        for b in rows:
            pair = (a.source, a.benchmark, a.metric_name) == (b.source, b.benchmark, b.metric_name)
            if pair and rows.index(a) < rows.index(b) and a.model != b.model and a.stderr and b.stderr:
                error = hypot(a.stderr.value, b.stderr.value)
                if error:
                    found.append(abs(b.score.value - a.score.value) / error)
    if not found:
        return ""
    return (
        f"Of {counted(len(found), 'published difference')} between two models the largest is {max(found):.1f} of its "
        "standard errors, unpaired and from the printed ones; 2.0 would be the least to speak of, for one alone."
    )


def _faults(facts: Facts) -> str:
    faults = facts.table("audit")
    if faults.empty:
        return ""
    rows = [
        [
            breakable(_text(row["benchmark"])) or "–",
            escape(", ".join(_text(row[name]) for name in ("source", "model") if _text(row[name]))),
            escape(CHECKS[row["check"]]),
            escape(row["message"]),
        ]
        for _, row in faults.iterrows()
    ]
    caption = (
        "What the audit finds: scores that no number of right answers gives (GRIM), standard errors that are "
        "not those of "
        "the printed n, averages that are not those of their scores, rows of another model's scores, names and "
        "numbers that are not those of the evaluation's own log, comparisons of two people's runs."
    )
    return table(["Benchmark", "Where", "Fault", "Why"], rows, "llll", [14, 18, 20, 48], caption, "tbl-audit")


def _text(value: Any) -> str:
    return "" if pd.isna(value) else str(value)


def _row(row: Row, arms: pd.DataFrame) -> list[str]:
    ours = arms[(arms["benchmark"] == row.benchmark) & (arms["arm"] == row.model)]
    own = "".join(
        f"{percent(r['score'])} [{percent(r['ci_low'])}, {percent(r['ci_high'])}]" for _, r in ours.iterrows()
    )
    error = f" ± {percent(row.stderr.value)}" if row.stderr else ""
    names = [breakable(text) for text in (row.benchmark, row.source, row.model, row.run_by, row.metric)]
    return [*names, f"{row.n:,}" if row.n else "–", f"{percent(row.score.value)}{error}", own or "–"]


SECTIONS = (Section("_published.md", published, needs.published),)
