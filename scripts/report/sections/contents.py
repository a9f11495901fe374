"""What is in every arm's training set, and what it shares with the others."""

from typing import Any

import pandas as pd

from scripts.compare.labels import arm_label, percent
from scripts.report.facts import Facts
from scripts.report.figures import overlap, picture
from scripts.report.markdown import escape, table
from scripts.report.needs import trained
from scripts.report.sections.base import Section

PASS_RATE = (
    "Pass rate: the mean share of right answers of the model that was asked, over the rows where it is known; high is "
    "easy. "
)
CONTAMINATED = "Contaminated: rows that hold a question of a benchmark that cleaned nothing."


def contents(facts: Facts) -> str:
    """Return the table of contents of the arms, what was left out or left whole, and the matrix of overlaps."""
    found = facts.table("contents")
    arm_of = {draw.name: draw.arm for draw in facts.experiment.draws()}
    arms = found.assign(arm=found["draw"].map(arm_of)).groupby("arm", sort=False)
    means = arms[[name for name in found if pd.api.types.is_numeric_dtype(found[name])]].mean()
    largest = arms[[f"largest_{kind}{of}" for kind in ("source", "category") for of in ("", "_share")]].first()
    cut, late = means["steps_a_row"].notna().any(), means["contaminated"].any()
    known = (means["difficulty_rows"] > 0).any()
    several = {kind: (means[f"{kind}_values"] > 1).any() for kind in ("source", "category")}
    headers = ["Arm", "Rows", "Tokens", "Median tokens"]
    headers += ["Steps a row", "Verification, %", "Functional, %"] if cut else []
    headers += [f"Largest {kind}, %" for kind, shown in several.items() if shown]
    headers += ["Pass rate, % (rows)"] if known else []
    headers += ["Contaminated"] if late else []
    rows = []
    for arm, row in means.iterrows():
        cells = [escape(arm_label(str(arm))), *(f"{row[name]:,.0f}" for name in ("rows", "tokens", "tokens_median"))]
        cells += _of_steps(row) if cut else []
        cells += [
            f"{escape(str(largest.loc[arm, f'largest_{kind}']))} {percent(largest.loc[arm, f'largest_{kind}_share'])}"
            for kind, shown in several.items()
            if shown
        ]
        cells += [_difficulty(row)] if known else []
        rows.append([*cells, f"{row['contaminated']:,.0f}"] if late else cells)
    caption = (
        "What every arm is trained on, so that a difference in scores can be read beside one in length; a control is "
        "the mean over its draws, its largest source or category that of the first. Steps are those that stay after "
        f"pruning, of the chains that were cut into steps. {PASS_RATE if known else ''}{CONTAMINATED if late else ''}"
    ).strip()
    widths = [28, *[72 // (len(headers) - 1)] * (len(headers) - 1)]
    parts = [table(headers, rows, "l" + "r" * (len(headers) - 1), widths, caption, "tbl-contents"), _notes(facts)]
    if overlap.several(facts.experiment):
        parts.append(picture("overlap", facts.experiment) + "\n")
    return "\n".join(filter(None, parts))


def _difficulty(row: "pd.Series[Any]") -> str:
    known = row["difficulty_rows"]
    return f"{percent(row['difficulty'])} ({known:,.0f})" if known else "–"


def _of_steps(row: "pd.Series[Any]") -> list[str]:
    if pd.isna(row["steps_a_row"]):
        return ["–"] * 3
    functional = 1 - row["share_progressive"]
    return [f"{row['steps_a_row']:.1f}", percent(row["share_verification"]), percent(functional)]


def _notes(facts: Facts) -> str:
    """Return what the drawing of subsets left out, or left whole, sentence by sentence."""
    said = []
    for name in facts.experiment.subsets:
        record = facts.provenance.get(f"select/subsets/{facts.experiment.files_of(name)[0]}.parquet", {})
        if whole := record.get("prune", {}).get("whole"):
            said.append(f"Of the rows of {escape(name)}, {whole:,} have no scored steps and were not pruned.")
        if missing := record.get("missing"):
            why = ", ".join(f"{count:,} {escape(reason)}" for reason, count in missing.items())
            said.append(f"Of the rows named for {escape(name)}, some are not in the clean pool: {why}.")
    return " ".join(said) + "\n" if said else ""


SECTIONS = (Section("_contents.md", contents, trained),)
