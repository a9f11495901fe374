"""What the report says of the luck of a selection."""

from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from scripts.common.config.experiment import Experiment
from scripts.report.sections.draws import CONFOUNDED, draws
from tests.made_up_results import CONFIG, render, whole_results

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


@pytest.mark.long
def test_a_whole_report_of_several_draws(tmp_path: Path) -> None:
    """One method of two draws and three seeds, one without: every table and figure is made, and draws are counted."""
    subsets = {
        "limopro": CONFIG["subsets"]["limopro"] | {"draws": 2},
        "long": {"method": "length", "take": "long", "size": 300},
    }
    root = whole_results(tmp_path / "demo", Experiment.model_validate(CONFIG | {"subsets": subsets}))
    text = render(root, root / "report/report.html").read_text(encoding="utf-8")
    found = pd.read_csv(root / "compare/comparisons.csv").query("question == 'rows'").set_index("subset")
    assert (found.loc["limopro", ["runs_subset", "runs_reference"]] == 6).to_numpy().all()
    assert (found.loc["long", ["runs_subset", "runs_reference"]] == 3).to_numpy().all()
    luck = pd.read_csv(root / "compare/draws.csv").drop_duplicates("arm").set_index("arm")["confounded"]
    assert luck.to_dict() == {"limopro": False, "random-300-pir": False, "limopro.unpruned": False, "random-300": True}
    assert (
        "2 × 3" in text and "are confounded" in text and "limopro several draws were trained" in " ".join(text.split())
    )
    assert set(pd.read_csv(root / "report/gain.csv")["method"]) == {"limopro", "long"}
