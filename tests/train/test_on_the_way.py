"""Budgets, and models of a run on its way: what is kept is what the run was there, and keeping it changes nothing."""

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from scripts.common.config.training import Optimisation
from scripts.train import on_the_way
from scripts.train.budget import steps_at, steps_to_make
from scripts.train.rows import Account
from tests.train.conftest import Subset, answers_of_all_lengths, assert_same_model

Run = Callable[..., Path]


def same_weights(one: Path, other: Path) -> bool:
    """Whether two model folders hold the same weights to the last bit."""
    first, second = (load_file(folder / "model.safetensors") for folder in (one, other))
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("lora", [{}, {"lora": '{"rank": 2}', "learning_rate": 0.05}])
def test_half_way_is_the_run_that_stopped_there(subset: Subset, run_training: Run, tmp_path: Path, lora: dict) -> None:
    """Four steps, kept after two: the same run of two steps ends with that model, and the run itself ends as without."""
    data = subset(answers_of_all_lengths(8))
    constant = {"scheduler": "constant", **lora}
    plain = run_training(data, name="plain", epochs=2, **constant)
    stopped = run_training(data, name="stopped", steps=2, budget="steps", **constant)
    kept = run_training(data, name="kept", epochs=2, percents="50", kept=tmp_path / "half", **constant)
    assert same_weights(tmp_path / "half", stopped / "model"), "what it was half-way"
    assert not same_weights(tmp_path / "half", kept / "model")
    assert_same_model(plain, kept)
    assert same_weights(plain / "model", kept / "model"), "keeping a model disturbs nothing"
    half = json.loads((tmp_path / "half" / "config.json").read_text())
    assert half == json.loads((kept / "model" / "config.json").read_text())
    assert (tmp_path / "half" / "generation_config.json").read_text() == (
        kept / "model" / "generation_config.json"
    ).read_text()
    shares = json.loads((kept / "summary.json").read_text())["shares"]
    assert [(share["percent"], share["step"]) for share in shares] == [(50, 2), (100, 4)]
    assert 2 * shares[0]["tokens_read"] == shares[1]["tokens_read"], "two passes over the same rows"


def test_equal_steps_and_equal_tokens_are_counted(subset: Subset, run_training: Run) -> None:
    """Rows of one length each, so that every step of a run reads as much: tokens are met to half a step."""
    few, many = subset(["abcd"] * 4, "few"), subset(["abcd efgh abcd efgh"] * 8, "many")
    counted = {}
    for budget, amount in (("steps", 5), ("tokens", 1000)):
        for data in (few, many):
            folder = run_training(data, name=f"{budget}-{data.stem}", budget=budget, **{budget: amount})
            counted[budget, data.stem] = json.loads((folder / "summary.json").read_text())
            assert len(pd.read_csv(folder / "log.csv")) == counted[budget, data.stem]["steps"]
    assert {counted["steps", name]["steps"] for name in ("few", "many")} == {5}
    for name, rows in (("few", 4), ("many", 8)):
        summary = counted["tokens", name]
        each = 4 * summary["tokens"] // rows
        assert summary["tokens_read"] == summary["steps"] * each
        assert abs(summary["tokens_read"] - 1000) <= each / 2, "to the nearest step"
    assert counted["tokens", "few"]["steps"] > counted["tokens", "many"]["steps"]
    assert counted["steps", "many"]["epochs"] == 2.5


def test_steps_of_a_budget() -> None:
    account = Account(rows=100, tokens=10_000, trained=5000, masked=4000, truncated=1000, squares=0)
    assert steps_to_make(Optimisation(), account, 10) == -1
    assert steps_to_make(Optimisation(budget="steps", steps=7), account, 10) == 7
    assert steps_to_make(Optimisation(budget="tokens", tokens=9000), account, 10) == 10, (
        "one pass: what is cut is not read"
    )
    assert steps_to_make(Optimisation(budget="tokens", tokens=10), account, 10) == 1
    assert steps_at([1, 25, 50], 10) == {1: 1, 25: 2, 50: 5}


def test_a_killed_run_goes_back_to_before_what_is_missing(tmp_path: Path) -> None:
    keeper = on_the_way.Keeper(tmp_path, [25, 50], lambda place: place.mkdir())
    assert keeper.missing(8) == 2
    keeper._keep(2, main=True)
    assert keeper.missing(8) == 4
    keeper._keep(4, main=True)
    assert keeper.missing(8) is None
    keeper.hand_over(8, [tmp_path / "out" / "at-25", tmp_path / "out" / "at-50"])
    assert (tmp_path / "out" / "at-25").is_dir() and (tmp_path / "out" / "at-50").is_dir()
