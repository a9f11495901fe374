"""What the report says of the contents of the arms: how difficult their rows are, where that is known."""

from types import SimpleNamespace

import pandas as pd

from scripts.common.config.load import load_experiment
from scripts.compare.tables import COLUMNS
from scripts.report.sections.contents import contents
from tests.common.test_config import changed

SUBSETS = {"hard": {"method": "length", "take": "long", "size": 9}}
ROW = {**dict.fromkeys(COLUMNS["contents"], float("nan")), "rows": 9, "tokens": 90, "tokens_median": 10.0,
       "source_values": 1, "category_values": 1, "largest_source": "x", "largest_category": "y", "contaminated": 0}  # fmt: skip


def said(*known: tuple[float, int]) -> str:
    """The section for the subset and the two draws of its random rows, with these pass rates and numbers of rows."""
    draws = ("hard", "random-9-t1", "random-9-t2")
    rows = [
        ROW | {"draw": name, "difficulty": rate, "difficulty_rows": n}
        for name, (rate, n) in zip(draws, known, strict=True)
    ]
    experiment = load_experiment(changed(subsets=SUBSETS))
    tables = {"contents": pd.DataFrame(rows)}
    return contents(SimpleNamespace(experiment=experiment, table=tables.get, provenance={}))  # type: ignore[arg-type]


def test_the_pass_rate_stands_where_it_is_known() -> None:
    text = said((0.25, 8), (0.5, 6), (0.75, 4))
    (hard,) = [line for line in text.splitlines() if "hard" in line and "25.0 (8)" in line]
    (chance,) = [line for line in text.splitlines() if "9 random rows" in line]
    assert "62.5 (5)" in chance and "Pass rate, %" in text and hard != chance
    nothing = (float("nan"), 0)
    assert "Pass rate" not in said(nothing, nothing, nothing)
    some = said((0.25, 8), nothing, nothing)
    assert "25.0 (8)" in some and "nan" not in some
