"""PIR against the truth, by hand."""

from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from scripts.common.cli import UserError
from scripts.common.tables import write_table
from scripts.compare.measure_pir import auc, has_truth, interval, label_steps, labelled, truth_table
from scripts.compare.tables import read_csv
from scripts.data.tables import RAW


@given(st.lists(st.tuples(st.booleans(), st.integers(-3, 3), st.integers(0, 3)), min_size=4, max_size=40))
def test_auc_is_that_of_scikit_learn(steps: list[tuple[bool, int, int]]) -> None:
    needed, score, weight = (np.array(column) for column in zip(*steps, strict=True))
    if len({kind for kind, _, times in steps if times}) < 2:
        assert np.isnan(auc(needed, score, weight))
    else:
        assert auc(needed, score, weight) == pytest.approx(roc_auc_score(needed, score, sample_weight=weight))


def test_the_interval_draws_chains_whole() -> None:
    """Forty copies of each step in its chain tell no more than one: the interval stays as wide."""
    rng = np.random.default_rng(0)
    needed, chain = rng.random(100) < 0.5, np.arange(100)
    score = rng.normal(size=100) + needed
    once = interval(needed, score, chain, seed=1)
    copied = interval(*(np.repeat(column, 40) for column in (needed, score, chain)), seed=1)
    assert copied == pytest.approx(once)
    assert once[0] < auc(needed, score) < once[1] and once[1] - once[0] > 0.1


def test_lines_are_found_in_steps_of_several_lines() -> None:
    reasoning = "one\ntwo\nthree. Wait\n\nfour"
    bounds = [(0, 8), (8, 15), (15, 21), (21, 25)]  # "one\ntwo\n", "three. ", "Wait\n\n", "four"
    steps = pl.DataFrame({"id": "a", "step": range(4), "start": [start for start, _ in bounds]})
    marks = [{"line": line, "needed": needed} for line, needed in ((0, False), (1, True), (2, False), (4, True))]
    truth = pl.DataFrame({"id": ["a"], "reasoning": [reasoning], "truth": [marks]})
    assert sorted(label_steps(truth, steps).rows()) == [("a", 0, True), ("a", 1, False), ("a", 3, True)]
    wrong = truth.with_columns(truth=pl.Series([[{"line": 5, "needed": True}]]))
    with pytest.raises(UserError, match="the truth of row a names line 5, its chain has 5"):
        label_steps(wrong, steps)


def test_a_rival_gets_the_direction_that_suits_it_and_pir_does_not() -> None:
    steps = pd.DataFrame({"id": list("abcd"), "needed": [True, True, False, False], "pir": [0, 1, 2, 3]})
    table = truth_table(steps.assign(length=[1, 2, 3, 4], position=[4, 3, 2, 1]), seed=1).set_index("score")
    assert table["auc"].to_dict() == {"pir": 0.0, "length": 1.0, "position": 1.0}
    assert table["larger_means"].to_dict() == {"pir": "needed", "length": "idle", "position": "needed"}
    assert (table["needed"].iloc[0], table["idle"].iloc[0], table["chains"].iloc[0]) == (2, 2, 4)
    assert truth_table(steps.assign(needed=True, length=1, position=1), seed=1).empty


def test_the_truth_of_the_made_up_chains(results: Path) -> None:
    """Its needed steps are the error corrections: the third functional step of each chain."""
    names = ("steps", "scores")
    steps, scores = (pl.read_parquet(results / f"select/{name}.parquet") for name in names)
    found = labelled(results / "data/raw.parquet", results / "data/clean.parquet", steps, scores)
    assert len(found) == len(scores)
    assert (found["needed"] == (found["position"] == 6)).all()
    table = read_csv("pir_truth", results / "compare/pir_truth.csv").set_index("score")
    truth = found["needed"].to_numpy()
    assert table.loc["pir", "auc"] == pytest.approx(roc_auc_score(truth, found["pir"].to_numpy()))
    assert table.loc["position", "auc"] == 1.0


def test_only_a_column_of_the_right_form_is_a_truth(tmp_path: Path) -> None:
    row = dict.fromkeys(("question", "response", "answer", "system", "source", "category"), "x") | {"row": 0}
    for truth, known in (
        ([{"line": 1, "needed": True}], True),
        ([{"line": 1}], False),
        ("yes", False),
        ([1, 2], False),
    ):
        write_table(RAW, [row | {"truth": truth}], tmp_path / "raw.parquet")
        assert has_truth(tmp_path / "raw.parquet") is known
    write_table(RAW, [row], tmp_path / "raw.parquet")
    assert not has_truth(tmp_path / "raw.parquet")
