"""Two scorers beside each other: the rank correlation worked out by hand, and what the report says of it."""

import sys
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

from scripts.common.cli import UserError
from scripts.common.tables import write_table
from scripts.compare import measure_scorers
from scripts.compare.measure_scorers import scorers_table
from scripts.compare.tables import COLUMNS, read_csv, tables_of
from scripts.report.sections.pruning import scorers
from scripts.select.tables import STEP_SCORES
from tests.manage.made_up import experiment, workload

SECOND = {"name": "owner/Other-7B", "revision": "main"}
# By the first scorer, in nats; the second's are other numbers. Ranks of the four verifications: 1 2 3 4 and 2 1 4 3,
# so that the squares of the differences add up to 4 and the correlation is 1 - 6 * 4 / (4 * (16 - 1)) = 0.6.
STEPS = [
    ("a", 1, "verification", 0.1, 7.0),
    ("a", 3, "verification", 0.2, 5.0),
    ("b", 0, "verification", 0.3, 9.0),
    ("b", 2, "verification", 0.4, 8.0),
    ("b", 4, "multi_method", 0.5, 6.0),  # the only one of its pattern that both scored
]


def side(place: int, *more: tuple[Any, ...]) -> pl.DataFrame:
    rows = [(*step[:3], step[place]) for step in STEPS] + list(more)
    return pl.DataFrame(rows, schema=["id", "step", "pattern", "pir"], orient="row")


def test_the_table_is_the_one_worked_out_by_hand() -> None:
    # Chain c is too long for the second scorer; the order of rows is not the first's.
    found = scorers_table(side(3, ("c", 1, "multi_method", 0.0)), side(4).reverse(), seed=1)
    rows = found.set_index("pattern")
    assert list(rows.index) == ["all", "multi_method", "verification"]
    # All five: ranks 1 2 3 4 5 and 3 1 5 4 2; squares 4 + 1 + 4 + 0 + 9 = 18, so 1 - 6 * 18 / (5 * 24) = 0.1.
    assert rows.loc["all", "spearman"] == pytest.approx(0.1)
    assert rows.loc["verification", "spearman"] == pytest.approx(0.6)
    assert rows["steps"].tolist() == [5, 1, 4] and rows["chains"].tolist() == [2, 1, 2]
    assert rows["unmatched"].tolist() == [1, 1, 0]
    assert pd.isna(rows.loc["multi_method", "spearman"]), "one step has no ranks"
    low, high = rows.loc["verification", ["ci_low", "ci_high"]]
    # Of two chains a draw is a a (-1), b b (-1) or a b (0.6).
    assert (low, high) == (pytest.approx(-1), pytest.approx(0.6))
    assert rows.loc["multi_method", ["ci_low", "ci_high"]].isna().all()


def test_ties_have_their_mean_rank_and_nothing_in_common_is_no_row() -> None:
    first = pl.DataFrame({"id": ["a", "a", "b"], "step": [0, 1, 0], "pattern": "verification", "pir": [1.0, 1.0, 2.0]})
    second = first.with_columns(pir=pl.Series([1.0, 2.0, 3.0]))
    # Ranks 1.5 1.5 3 and 1 2 3: covariance 1.5, variances 1.5 and 2, so 1.5 / sqrt(3).
    assert scorers_table(first, second, 1)["spearman"].tolist() == pytest.approx([0.8660254] * 2)
    assert scorers_table(first, second.with_columns(id=pl.lit("z")), 1).empty


def test_the_program_joins_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blank = {"answer_tokens": 3, "nll_full": 1.0, "nll_without": 1.0}
    parts = {"first": side(3), "0": side(4).filter(pl.col("id") == "a"), "1": side(4).filter(pl.col("id") == "b")}
    for name, part in parts.items():
        write_table(STEP_SCORES, [row | blank for row in part.to_dicts()], tmp_path / f"{name}.parquet")
    words = ["--scores", tmp_path / "first.parquet", "--second-scores", tmp_path / "0.parquet", tmp_path / "1.parquet"]
    words += ["--seed", "1", "--table", tmp_path / "scorers.csv"]
    monkeypatch.setattr(sys, "argv", ["measure_scorers", *map(str, words)])
    measure_scorers.main()
    assert read_csv("scorers", tmp_path / "scorers.csv").loc[0, "spearman"] == pytest.approx(0.1)


def test_the_report_says_it_in_words() -> None:
    exp = experiment(scorer={"second": SECOND})
    said = scorers(scorers_table(side(3), side(4), seed=1), exp)
    flat = " ".join(said.replace("\\", "").split())
    assert "owner/Other-7B" in flat and "owner/Model-2B" in flat
    assert (
        "a rank correlation of 0.10 (95% interval -1.00 to " in flat and "over 5 functional steps of 2 chains" in flat
    )
    assert any("0.60" in line and line.startswith("| verification") for line in said.splitlines()), said
    assert scorers(pd.DataFrame(columns=COLUMNS["scorers"]), exp) == ""


def test_a_second_scorer_is_a_table_jobs_and_a_name(tmp_path: Path) -> None:
    one, two = experiment(), experiment(scorer={"shards": 4, "second": SECOND})
    assert "scorers" in tables_of(two) and "scorers" not in tables_of(one)
    unscored = {"few": {"method": "random", "size": 500}}
    assert "scorers" not in tables_of(experiment(scorer={"second": SECOND}, subsets=unscored))
    work = workload(two, tmp_path)
    assert work.gpus("score_steps_second") == work.gpus("score_steps") == 1
    assert work.sizes.parameters("second-scorer") == 7e9
    with pytest.raises(UserError, match="'second-scorer' is taken by a model that scores steps"):
        experiment(models={"second-scorer": SECOND})
    with pytest.raises(UserError, match="cannot be served"):
        experiment(scorer={"second": {"name": "x", "served": True}})
