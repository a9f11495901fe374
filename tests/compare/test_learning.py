"""Scores at shares of training: each share is that of the runs there, by hand, and its interval that of summarise_scores."""

import pandas as pd
import pytest

from scripts.common.config.kept import percent_of
from scripts.compare.summarise_learning import decided, learning_table, shares
from scripts.compare.summarise_scores import score_tables

RIGHT = {  # per question, by model
    "base": [0, 0, 1, 0],
    "x-t1.at-50": [1, 0, 1, 0],
    "x-t2.at-50": [0, 0, 1, 0],
    "x-t1": [1, 1, 1, 0],
    "x-t2": [1, 1, 1, 1],
}


def answers() -> pd.DataFrame:
    rows = [
        {"model": model, "arm": model.split("-t")[0], "train_seed": None if model == "base" else int(model[3])}
        | {"benchmark": "sums", "question_id": f"q{n}", "sample": 0, "correct": value, "output_tokens": 10}
        | {"subset": None if model == "base" else "x", "truncated": False, "extracted": "7", "gold": "8"}
        for model, of in RIGHT.items()
        for n, value in enumerate(of)
    ]
    return pd.DataFrame(rows)


def table() -> pd.DataFrame:
    summaries = [
        {"arm": "x", "shares": [{"percent": p, "step": p * step // 50, "tokens_read": p * step} for p in (50, 100)]}
        for step in (4, 6)
    ]
    return learning_table(answers(), shares(summaries), alpha=0.05)


def test_each_share_by_hand() -> None:
    found = table()
    assert list(zip(found["arm"], found["percent"], found["score"], found["runs"], strict=True)) == [
        ("base", 0, 0.25, 1),
        ("x", 50, 0.375, 2),
        ("x", 100, 0.875, 2),
    ]
    assert list(found["steps"]) == [0, 5, 10] and list(found["tokens_read"]) == [0, 250, 500]


def test_the_interval_is_that_of_the_share_alone() -> None:
    there = answers()[lambda rows: rows["model"].str.endswith(".at-50")]
    _, alone = score_tables(there, 0.05)
    row = table().set_index("percent").loc[50]
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((alone["ci_low"].item(), alone["ci_high"].item()))


def test_a_persons_decision_counts_on_the_way_too() -> None:
    rows = answers().assign(extracted="9")
    assert decided(rows, {("8", "9"): 1})["correct"].eq(1).all()
    assert decided(rows, {("8", "5"): 1})["correct"].tolist() == rows["correct"].tolist()


def test_names_tell_shares() -> None:
    assert [percent_of(name) for name in ("x-t1", "x.rows-t2.at-5", "base")] == [100, 5, 100]
