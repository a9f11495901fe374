"""The findings on what a selection costs: training, output tokens an answer, and score per 1,000 of them (EFF)."""

from typing import Any

import pandas as pd

from scripts.common.config.experiment import Experiment
from scripts.compare.labels import AGAINST, FAMILIES, amount, arm_label, counted, listed, reference_label
from scripts.compare.statistics import NOTHING
from scripts.report.markdown import escape
from scripts.report.plain import against, places

FEW = 3  # benchmarks up to which each one's numbers stand in a sentence, and selections up to which all are told
UNITS = {"output_tokens": " tokens", "eff": ""}
NOUNS = {"output_tokens": "length of the answers", "eff": "EFF"}
PHRASES = {
    ("output_tokens", "longer"): "its answers are longer",
    ("output_tokens", "shorter"): "its answers are shorter",
    ("eff", "better"): "EFF is better",
    ("eff", "worse"): "EFF is worse",
}


def _numbers(row: "pd.Series[Any]") -> str:
    measure = row["measure"]
    low, middle, high = (amount(measure, row[name]) for name in ("ci_low", "difference", "ci_high"))
    return f"{escape(row['benchmark'])} ({middle}{UNITS[measure]}, {low} to {high})"


def _clause(rows: pd.DataFrame, measure: str) -> str:
    """Return what one selection's comparisons of one measure with one reference show; of many benchmarks, the span."""
    parts = []
    for verdict in dict.fromkeys(rows["verdict"]):
        found = rows[rows["verdict"] == verdict]
        phrase = PHRASES.get((measure, verdict), f"no difference in {NOUNS[measure]} was found")
        if len(found) > FEW:
            where = places(list(found["benchmark"]), len(rows), negative=verdict == NOTHING)
            low, high = (amount(measure, end) for end in (found["difference"].min(), found["difference"].max()))
            parts.append(f"{phrase} {where} ({low} to {high}{UNITS[measure]})")
        else:
            parts.append(f"{phrase} on {listed([_numbers(row) for _, row in found.iterrows()])}")
    return "; ".join(parts)


def cost_summary(costs: pd.DataFrame, experiment: Experiment) -> str:
    """Return the abstract's sentences on the selections' answers: where they are longer or shorter, without numbers.

    Selections of which the same is to be said share a sentence.
    """
    found = costs[(costs["measure"] == "output_tokens") & (costs["verdict"] != NOTHING)]
    of, said = costs["benchmark"].nunique(), dict[tuple[str, str], list[str]]()
    for subset, own in found.groupby("subset", sort=False):
        same: dict[tuple[str, tuple[str, ...]], list[str]] = {}
        for (_, verdict), rows in own.groupby(["question", "verdict"], sort=False):
            same.setdefault((verdict, tuple(rows["benchmark"])), []).append(f"of {against(rows, experiment)}")
        parts = [f"{verdict} than those {listed(to)} {places(names, of)}" for (verdict, names), to in same.items()]
        whose = "Answers" if (own["level"] == "method").all() else "In these runs answers"
        said.setdefault((whose, listed(parts)), []).append(escape(subset))
    return " ".join(f"{whose} of {listed(subsets)} are {text}." for (whose, text), subsets in said.items())


def cost_list(costs: pd.DataFrame, training: pd.DataFrame | None) -> str:
    """Return the findings on costs as a list: training, if any, then every selection against each reference.

    Of many selections only the differences that were found are told.
    """
    items = [] if training is None else [_training(training)]
    many = costs["subset"].nunique() > FEW
    costs = costs[costs["verdict"] != NOTHING] if many else costs
    for subset in dict.fromkeys(costs["subset"]):
        for question in FAMILIES:
            rows = costs[(costs["subset"] == subset) & (costs["question"] == question)]
            if len(rows):
                against = escape(reference_label(rows["reference"].iloc[0], AGAINST))
                clauses = [
                    _clause(rows[rows["measure"] == measure], measure)
                    for measure in UNITS
                    if measure in set(rows["measure"])
                ]
                level = "" if (rows["level"] == "method").all() else " (these runs only)"
                items.append(f"{escape(arm_label(subset))} against {against}: {'; '.join(clauses)}{level}.")
    if many:
        other = "other " if len(costs) else ""
        items.append(
            f"No {other}difference in length of the answers or EFF was found; all are in @tbl-lengths and @tbl-eff."
        )
    return "\n".join(f"- {item}" for item in items)


def _training(training: pd.DataFrame) -> str:
    """Return what training took, arm by arm."""
    on_gpu = bool((training["gpu_hours"].fillna(0) > 0).any())
    took: dict[str, list[str]] = {}
    for _, row in training.iterrows():
        time = f"{row['gpu_hours']:,.2f} GPU-hours" if on_gpu else f"{counted(round(row['seconds']), 'second')} a run"
        text = f"{time} ({counted(int(row['runs']), 'run')})"
        took.setdefault(text, []).append(escape(arm_label(row["arm"])))
    parts = [f"{listed(arms)} {text}{' each' if len(arms) > 1 else ''}" for text, arms in took.items()]
    return f"Training took{'' if on_gpu else ', without a GPU'}: {', '.join(parts)}."
