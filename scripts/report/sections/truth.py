"""How well PIR tells needed from idle steps, where the source says which is which."""

import pandas as pd

from scripts.report.facts import Facts
from scripts.report.markdown import table
from scripts.report.needs import scored
from scripts.report.prose import Markdown, prose
from scripts.report.sections.base import Section

RIVALS = {"pir": "PIR", "length": "length of the step", "position": "position in the chain"}
SENTENCE = """
The source says which functional steps the answer depends on ({{ needed | number }} of {{ (needed + idle) | number }}
scored ones; the scorer never sees it): PIR tells them from idle ones with an AUC of {{ auc.pir }}, a step's length
alone with {{ auc.length }} and its position alone with {{ auc.position }} (@tbl-pir-truth).
"""
CAPTION = """
AUC for needed against idle functional steps: the chance that of two, one of each, the score ranks the needed one as
such; 0.5 is a guess. The rivals are given the direction that suits them. Intervals: 95%, bootstrap over chains.
"""


def truth(facts: Facts) -> str:
    """Return the sentence and the table; nothing where the source says nothing."""
    found = facts.table("pir_truth")
    if found.empty:
        return ""
    auc = {row["score"]: Markdown(f"{row['auc']:.3f}") for _, row in found.iterrows()}
    first = found.iloc[0]
    sentence = prose(SENTENCE, needed=first["needed"], idle=first["idle"], auc=auc)
    rows = [_cells(row) for _, row in found.iterrows()]
    headers = ["Score", "Direction", "AUC", "Interval", "Needed", "Idle", "Chains"]
    widths = [22, 18, 9, 18, 10, 10, 10]
    return f"{sentence}\n\n{table(headers, rows, 'llrrrrr', widths, prose(CAPTION), 'tbl-pir-truth')}"


def _cells(row: "pd.Series[float]") -> list[str]:
    interval = f"{row['ci_low']:.3f} to {row['ci_high']:.3f}"
    counts = [f"{row[name]:,}" for name in ("needed", "idle", "chains")]
    return [RIVALS[str(row["score"])], f"larger is {row['larger_means']}", f"{row['auc']:.3f}", interval, *counts]


SECTIONS = (Section("_truth.md", truth, scored),)
