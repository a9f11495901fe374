"""The section on data hygiene: what was rejected, and what held a benchmark question."""

import pandas as pd

from scripts.compare.labels import (
    counted,
)
from scripts.report.facts import Facts
from scripts.report.markdown import escape, table
from scripts.report.needs import trained
from scripts.report.prose import prose
from scripts.report.sections.base import Section


def account(facts: Facts) -> str:
    """Return the account of rows: what came in, what left and why."""
    rows = [
        [
            escape(row["stage"]),
            "" if pd.isna(row["reason"]) else escape(str(row["reason"]).replace("_", " ")),
            f"{row['rows']:,}",
        ]
        for _, row in facts.table("pool_account").iterrows()
    ]
    caption = "The account of rows: raw = pool + rejected, pool = clean + contaminated."
    return table(["Stage", "Reason", "Rows"], rows, "llr", [30, 50, 20], caption, "tbl-account")


def contamination(facts: Facts) -> str:
    """Return what decontamination found."""
    hits, late = facts.table("contamination"), facts.experiment.late_benchmarks()
    found = {row["benchmark"]: (int(row["rows"]), int(row["questions"])) for _, row in hits.iterrows()}
    rows = [
        [escape(name), *(f"{count:,}" for count in found.get(name, (0, 0))), "no" if name in late else "yes"]
        for name in facts.experiment.evaluation.benchmarks
    ]
    settings = facts.experiment.pool.decontaminate
    caption = (
        f"Rows of the pool that held a benchmark question (by word {settings.ngram}-grams, or in other words), and how "
        "many questions that were. Rows that hold a benchmark added after the training data were fixed stay in, and "
        "are counted."
    )
    return table(
        ["Benchmark", "Rows found", "Questions hit", "Taken out"],
        rows,
        "lrrl",
        [40, 20, 20, 20],
        caption,
        "tbl-contamination",
    )


CHECKED = """
The chains of {{ checked | counted("row") }} were held against the answer that their source gives, by the judge of the
benchmarks: {{ wrong | number }} end in another answer and
{% if rejected %}were rejected{% else %}were kept (`pool.check_answers`){% endif %}.
{% if unchecked %}Of {{ unchecked | counted("row") }} it is not known: {{ why | listed }}.{% endif %}
"""
UNCHECKED = {"no_gold": "without an answer in the source", "no_final_answer": "whose chain ends in none",
             "not_judged": "that the judge could not read"}  # fmt: skip


def checked_answers(facts: Facts) -> str:
    """Return whether chains end in the answers of their source, nothing where no row has one."""
    counts = dict(facts.provenance.get("data/pool.parquet", {}).get("answers", {}))
    checked = counts.get("right", 0) + counts.get("wrong", 0)
    if not checked:
        return ""
    others = {name: counts[name] for name in UNCHECKED if counts.get(name)}
    return prose(
        CHECKED,
        checked=checked,
        wrong=counts.get("wrong", 0),
        rejected=facts.experiment.pool.check_answers == "reject",
        unchecked=sum(others.values()),
        why=[f"{count:,} {UNCHECKED[name]}" for name, count in others.items()],
    )


def rejection_text(facts: Facts) -> str:
    """Return what was left out before selection, and whether chains end in the right answers."""
    return "\n\n".join(filter(None, [_rejected(facts), checked_answers(facts)]))


def _rejected(facts: Facts) -> str:
    rows = facts.table("pool_account").groupby("stage", sort=False)["rows"].sum()
    return (
        f"Of {counted(int(rows['raw']), 'row')}, {int(rows.get('rejected', 0)):,} were rejected, each with a reason, "
        f"and {int(rows['contaminated']):,} were taken out because they held a benchmark question; "
        f"{int(rows['clean']):,} are clean."
    )


SECTIONS = (
    Section("_rejected.md", rejection_text, trained),
    Section("_account.md", account, trained),
    Section("_contamination.md", contamination, trained),
)
