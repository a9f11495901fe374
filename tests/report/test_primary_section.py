"""The first family in the report: its table, and what choosing the best does to its number."""

from types import SimpleNamespace
from typing import Any

import pandas as pd

from scripts.common.config.load import load_experiment
from scripts.report.sections.comparisons import _primary
from tests.common.test_config import changed

ROW = {"question": "rows", "target": "mean", "subset": "diverse", "reference": "random-400", "n_questions": 100,
       "runs_subset": 3, "runs_reference": 3, "difference": 0.031, "se": 0.01, "df": 8.0, "ci_low": 0.004, "ci_high": 0.058,
       "p_value": 0.01, "p_adjusted": 0.03, "correction": "dunnett", "verdict": "better", "level": "method", "best_of": 2,
       "best_bias": 0.0074}  # fmt: skip


def said(rows: list[dict[str, Any]], **changes: Any) -> str:
    experiment = load_experiment(changed(**changes))
    return _primary(SimpleNamespace(experiment=experiment, table=lambda name: pd.DataFrame(rows)))  # type: ignore[arg-type]


def test_the_first_family() -> None:
    nothing = {"subset": "hard", "verdict": "no detectable difference", "p_adjusted": 0.4, "level": "these runs"}
    text = said([ROW, ROW | nothing])
    assert "+3.1 [+0.4, +5.8]" in text and "**better**" in text and "400 random rows" in text
    assert "adjusted together by Dunnett" in text and "†" in text and "{#tbl-primary" in text
    assert "The best of these 2 differences is biased upward" in text
    assert "by 0.7 points if all 2 methods were equally good" in text
    alone = said([ROW | {"best_of": 1, "best_bias": 0.0}], report__choose_on="b")
    assert "adjusted together" not in alone and "biased" not in alone and "Sweeps were decided on b" in alone
