"""The section on how arms learnt: scores at shares of training."""

import pandas as pd

from scripts.compare.labels import THESE_RUNS, arm_label, mark, percent
from scripts.report.facts import Facts
from scripts.report.markdown import escape, table
from scripts.report.needs import learning
from scripts.report.sections.base import Section


def learnt(facts: Facts) -> str:
    """Return the table of scores at shares of training: arms by rows, shares by columns."""
    found = facts.table("learning")
    shares = sorted(found["percent"].unique())
    rows, runs_only = [], False
    for (benchmark, arm), of in found[found["percent"] > 0].groupby(["benchmark", "arm"], sort=False):
        start = found[(found["percent"] == 0) & (found["benchmark"] == benchmark)]
        cells = pd.concat([start, of]).set_index("percent")
        rows.append([escape(str(benchmark)), escape(arm_label(str(arm))), *(_cell(cells, share) for share in shares)])
        runs_only |= bool((of["level"] == "these runs").any())
    headers = ["Benchmark", "Arm", *(f"{share}%" for share in shares)]
    widths = [14, 22, *[18] * len(shares)]
    caption = (
        "Scores at shares of training, in percent, with intervals; below them the tokens that a run had read by then "
        "(mean over runs). 0% is the model that is fine-tuned. Nothing is tested here: verdicts are those of the end, "
        "and the share that looks best was chosen by looking."
    )
    text = table(headers, rows, "ll" + "r" * len(shares), widths, caption, "tbl-learning")
    return f"{text}\n\n{THESE_RUNS}" if runs_only else text


def _cell(cells: pd.DataFrame, share: int) -> str:
    if share not in cells.index:
        return "–"
    row = cells.loc[share]
    interval = f"[{percent(row['ci_low'])}, {percent(row['ci_high'])}]{mark(row['level'])}"
    read = "" if share == 0 else f" {row['tokens_read']:,.0f} tokens"
    return f"{percent(row['score'])} {interval}{read}"


SECTIONS = (Section("_learning.md", learnt, learning),)
"""Scores on the way."""
