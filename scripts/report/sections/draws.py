"""The section on the luck of a selection: what a score owes to the draw of the rows, and what to the training."""

import pandas as pd

from scripts.common.config.experiment import Experiment
from scripts.compare.labels import arm_label, points
from scripts.report.facts import Facts
from scripts.report.markdown import escape, table
from scripts.report.sections.base import Section
from scripts.report.sections.scores import once

CONFOUNDED = "‡ Each draw was trained once: the luck of the draw and that of the training are confounded.\n"


def several_draws(experiment: Experiment) -> bool:
    """Where some subset is drawn several times."""
    return experiment.has_draws()


def draws(facts: Facts) -> str:
    """Return the table of what varies between draws and within them, and a line on what cannot be told apart."""
    found = facts.table("draws")
    rows = [
        [
            benchmark,
            escape(arm_label(row["arm"])) + (" ‡" if row["confounded"] else ""),
            f"{row['draws']} × {row['seeds']}",
            *(
                points(row[name], sign=False) if pd.notna(row[name]) else "–"
                for name in ("run_sd", "draw_sd", "seed_sd")
            ),
        ]
        for benchmark, (_, row) in zip(once(found["benchmark"]), found.iterrows(), strict=True)
    ]
    headers = ["Benchmark", "Arm", "Draws × seeds", "Run SD", "Draw", "Training"]
    caption = (
        "How much scores owe to luck, in points: the standard deviation of single runs, and its parts that differ "
        "between draws of the rows and between trainings on one draw (with the luck of answers). In verdicts the draw "
        "is the unit."
    )
    text = table(headers, rows, "lllrrr", [20, 32, 16, 10, 10, 12], caption, "tbl-draws")
    return f"{text}\n{CONFOUNDED}" if found["confounded"].any() else text


SECTIONS = (Section("_draws.md", draws, several_draws),)
