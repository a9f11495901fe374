"""The table of scores at shares of training."""

from types import SimpleNamespace

import pandas as pd

from scripts.report.sections.learning import learnt


def test_a_row_an_arm_a_column_a_share() -> None:
    rows = [("base", 0, 0.25, "method", 0), ("x", 50, 0.375, "method", 250), ("x", 100, 0.875, "these runs", 500)]
    columns = ["arm", "percent", "score", "level", "tokens_read"]
    table = pd.DataFrame(rows, columns=columns).assign(benchmark="sums", ci_low=0.1, ci_high=0.9)
    text = learnt(SimpleNamespace(table={"learning": table}.__getitem__))  # type: ignore[arg-type]
    (line,) = [line for line in text.splitlines() if "37.5" in line]
    assert line.index("sums") < line.index("25.0") < line.index("37.5") < line.index("250 tokens") < line.index("87.5")
    assert "†" in line.split("87.5")[1] and "†" not in line.split("87.5")[0], "only the end is of these runs only"
    assert "these runs only" in text
