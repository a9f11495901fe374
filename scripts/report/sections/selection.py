"""The section on selection: steps by pattern, the training sets, what they could take, and their categories."""

import pandas as pd

from scripts.compare.candidates import CLEAN
from scripts.compare.labels import (
    FUNCTIONAL,
    PATTERNS,
    arm_label,
    percent,
)
from scripts.report.facts import Facts
from scripts.report.markdown import breakable, escape, table
from scripts.report.needs import trained
from scripts.report.sections.base import Section

SMALL = 0.001
MOST_CATEGORIES = 6  # columns of the table of categories; the others share one


def selection(facts: Facts) -> str:
    """Return the tables of steps and of subsets."""
    steps, pir, subsets = facts.table("steps"), facts.table("pir"), facts.table("subsets")
    blocks = []
    if len(steps):
        by_pattern = pir.set_index("pattern")
        rows = []
        for _, row in steps.iterrows():
            scored = by_pattern.loc[row["pattern"]] if row["pattern"] in by_pattern.index else None
            numbers = ["–"] * 4
            if scored is not None and scored["steps"]:
                numbers = [
                    f"{int(scored['steps']):,}",
                    *(f"{scored[name]:.3f}".replace("-", "−") for name in ("mean", "median")),
                ]
                numbers.append(percent(scored["negative_share"]))
            rows.append(
                [PATTERNS[row["pattern"]], f"{row['steps']:,}", percent(row["share"]), f"{row['chains']:,}", *numbers]
            )
        headers = ["Pattern", "Steps", "Share, %", "Chains", "Scored", "Mean PIR", "Median PIR", "PIR < 0, %"]
        caption = (
            "Steps by pattern in the rows drawn for scoring, and PIR (nats an answer token) of the functional ones."
        )
        blocks.append(table(headers, rows, "lrrrrrrr", [26, 10, 10, 10, 10, 11, 12, 11], caption, "tbl-steps"))
    blocks.append(_subsets(subsets, facts.experiment.has_draws()))
    subset_of = {draw.name: draw.subset for draw in facts.experiment.draws()}
    candidates = facts.table("candidates")
    blocks.append(_candidates(candidates.assign(subset=candidates["subset"].replace(subset_of))))
    blocks.append(_categories(facts))
    return "\n".join(filter(None, blocks))


def _candidates(candidates: pd.DataFrame) -> str:
    """Return what subsets could have taken; nothing where each could have taken every row."""
    if candidates["reason"].isna().all():
        return ""
    rows = [
        [
            breakable(row["subset"]),
            "could be taken" if pd.isna(row["reason"]) else escape(row["reason"]),
            f"{row['rows']:,}",
        ]
        for _, row in candidates.iterrows()
    ]
    caption = (
        "The rows of the clean pool by what each subset's method needs of a row. Controls that hold random rows are "
        "drawn from those that their subset could have taken."
    )
    return table(["Subset", "Rows of the clean pool", "Rows"], rows, "llr", [30, 50, 20], caption, "tbl-candidates")


def _categories(facts: Facts) -> str:
    """Return the shares of the categories in every arm; nothing where there is but one."""
    categories = facts.table("categories").fillna({"category": "none"})
    arms = {draw.name: draw.arm for draw in facts.experiment.draws()}
    arm = categories["draw"].map(arms).fillna(CLEAN)
    # A control has a draw for every training seed: its shares are those of all of them together.
    counts = categories.groupby([arm, "category"], sort=False)["rows"].sum().unstack(fill_value=0)
    counts = counts[counts.loc[CLEAN].sort_values(ascending=False, kind="stable").index]
    if counts.shape[1] < 2:
        return ""
    shown = counts.iloc[:, :MOST_CATEGORIES].copy()
    if counts.shape[1] > MOST_CATEGORIES:
        shown["all others"] = counts.iloc[:, MOST_CATEGORIES:].sum(axis=1)
    shares = shown.div(shown.sum(axis=1), axis=0)
    rows = [[escape(arm_label(str(arm))), *map(percent, row)] for arm, row in shares.iterrows()]
    caption = "Rows by category (%), in the clean pool and in what each arm is trained on."
    widths = [28, *[72 // shares.shape[1]] * shares.shape[1]]
    headers = ["Arm", *(escape(str(name)) for name in shares)]
    return table(headers, rows, "l" + "r" * shares.shape[1], widths, caption, "tbl-categories")


def _subsets(subsets: pd.DataFrame, draws: bool) -> str:
    rows = []
    for _, row in subsets.iterrows():
        pruned = [
            "–"
            if pd.isna(row[f"steps_{pattern}"])
            else f"{row[f'pruned_{pattern}']:,.0f} of {row[f'steps_{pattern}']:,.0f}"
            for pattern in FUNCTIONAL
        ]
        left_out = 1 - row["tokens"] / row["tokens_before"] if row["tokens_before"] else 0.0
        rows.append(
            [
                breakable(row["draw"]),
                f"{row['rows']:,}",
                f"{row['tokens_before']:,}",
                f"{row['tokens']:,}",
                percent(left_out) if left_out > SMALL else "–",
                *pruned,
            ]
        )
    headers = [
        "Training set",
        "Rows",
        "Tokens before",
        "Tokens",
        "Left out, %",
        "Verification",
        "Multi-method",
        "Error correction",
    ]
    caption = (
        "The training sets, before and after pruning; the last three columns are functional steps left out, of "
        "those in the set's rows. A control is drawn anew for every training seed"
        f"{', beside a subset of several draws as often as that' if draws else ''}."
    )
    return table(headers, rows, "lrrrrrrr", [22, 8, 11, 10, 9, 14, 14, 14], caption, "tbl-subsets")


SECTIONS = (Section("_selection.md", selection, trained),)
