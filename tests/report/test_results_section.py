"""The table of methods: which numbers stand where, and what a selection took."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from scripts.common.config.load import load_experiment
from scripts.report.figures import figures_of
from scripts.report.figures.gain import DATA, plot, side_by_side
from scripts.report.sections.results import compared, results, selection_hours
from scripts.report.write_gain import gain
from tests.common.test_config import changed
from tests.report.test_primary_section import ROW

SUBSETS = {"diverse": {"method": "limopro", "size": 400, "sample_score": "chain_gain"}}


def record(name: str, seconds: float, *inputs: str, started: str = "1", gpus: int = 0) -> dict[str, Any]:
    hardware = {"gpus": ["H100"] * gpus} if gpus else {}
    return {"artefact": name, "program": name.split(".")[0], "started": started, "seconds": seconds, "hardware": hardware,
            "inputs": dict.fromkeys(inputs, "")}  # fmt: skip


def facts(gpu_hours: float) -> Any:
    row = {key: value for key, value in ROW.items() if key != "target"} | {"p_holm": 0.03}
    tables = {
        "primary": [ROW | {"target": "b"}],
        "comparisons": [row | {"benchmark": "b", "difference": 0.5}, row | {"benchmark": "c", "verdict": "worse",
                        "difference": -0.02, "level": "these runs"}, row | {"question": "base", "benchmark": "c"}],
        "training_arms": [{"arm": "diverse", "runs": 3, "gpu_hours": gpu_hours, "seconds": 1800.0}],
        "arms": [{"arm": "diverse", "output_tokens": n} for n in (900, 1101)],
    }  # fmt: skip
    kept = [
        record("select/subsets/diverse.parquet", 36, "select/scores.parquet", "data/clean.parquet"),
        record("select/scores.parquet", 72, "select/shards/scores.0.parquet", started="2"),
        record("select/shards/scores.0.parquet", 3600, "data/clean.parquet", gpus=2),
        record("data/clean.parquet", 9999),
        record("select/subsets/other.parquet", 9999),
    ]
    experiment = load_experiment(changed(subsets=SUBSETS, controls=["rows"]))
    return SimpleNamespace(experiment=experiment, provenance={one["artefact"]: one for one in kept},
                           table=lambda name: pd.DataFrame(tables[name]))  # fmt: skip


def test_the_table_of_methods() -> None:
    text = results(facts(6.25))
    assert "+3.1 [+0.4, +5.8] **better**" in text and "+50.0" not in text, "the first family's number where it has one"
    assert "−2.0 [+0.4, +5.8]\u00a0† **worse**" in text and text.count("\u00a0†") == 1
    assert "| 2.0 | 6.2 | 1,000 |" in " ".join(text.split()) and "GPU-hours, selection" in text
    assert "1.5 | 1,000" in " ".join(results(facts(0.0)).split()), "without a GPU: 3 runs of half an hour"


def test_gain_and_cost_side_by_side() -> None:
    """The first family's number where there is one, and only its target; the hours of the table of methods."""
    (row,) = gain(facts(6.25)).to_dict("records")
    assert (row["method"], row["target"], row["difference"], row["verdict"]) == ("diverse", "b", 0.031, "better")
    assert (row["hours"], row["unit"], list(row)) == (pytest.approx(2.0), "GPU-hours", DATA)


def test_the_figure_of_gain_is_one_of_several_methods(tmp_path: Path) -> None:
    two = load_experiment(changed(subsets=SUBSETS | {"t": SUBSETS["diverse"]}, controls=["rows"]))
    assert "gain" in figures_of(two) and "gain" not in figures_of(facts(1).experiment)
    assert "figures/gain.svg" not in results(facts(1))
    (row,) = gain(facts(6.25)).to_dict("records")
    for hours in ((0.0, 0.0), (2.0, 2.0), (0.01, 50.0)):
        plot(pd.DataFrame([row | {"hours": h, "verdict": v}
                           for h, v in zip(hours, ("worse", "no detectable difference"), strict=True)]), tmp_path / "x.svg")  # fmt: skip
        assert (tmp_path / "x.svg").stat().st_size > 1000


def test_methods_of_equal_cost_stand_side_by_side() -> None:
    """In their order, what is apart already stays, and nothing moves below its place."""
    assert side_by_side([0.0, 10.0, 10.0, 5.0]) == [0.0, 10.0, pytest.approx(10.6), 5.0]
    assert side_by_side([3.0, 3.0]) == [3.0, 4.0]


def test_what_a_selection_took() -> None:
    assert selection_hours(facts(1), "diverse", True) == pytest.approx(2.0)
    assert selection_hours(facts(1), "diverse", False) == pytest.approx((36 + 72 + 3600) / 3600)
    assert compared(facts(1).experiment)
    assert not compared(load_experiment(changed(controls=["unpruned"])))
