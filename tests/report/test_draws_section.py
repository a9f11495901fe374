"""What the report says of the luck of a selection."""

from types import SimpleNamespace

import pandas as pd

from scripts.report.sections.draws import CONFOUNDED, draws

ROW = {"benchmark": "sums", "arm": "x", "draws": 3, "seeds": 2, "run_sd": 0.031, "draw_sd": 0.024, "seed_sd": 0.019,
       "confounded": False}  # fmt: skip
ONCE = {"arm": "random-400", "seeds": 1, "draw_sd": None, "seed_sd": None, "confounded": True}


def said(*rows: dict[str, object]) -> str:
    return draws(SimpleNamespace(table=lambda name: pd.DataFrame(list(rows))))  # type: ignore[arg-type]


def test_parts_of_luck_or_a_line_that_they_are_confounded() -> None:
    both = said(ROW, ROW | ONCE)
    (line,) = [line for line in both.splitlines() if "3 × 2" in line]
    assert line.index("3.1") < line.index("2.4") < line.index("1.9")
    (line,) = [line for line in both.splitlines() if "3 × 1" in line]
    assert "400 random rows ‡" in line and "2.4" not in line and both.strip().endswith(CONFOUNDED.strip())
    assert "confounded" not in said(ROW)
