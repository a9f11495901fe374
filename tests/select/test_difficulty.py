"""Difficulty: bands, a target distribution and what is cheaper than asking, on tables that are written by hand."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from scripts.common.cli import UserError
from scripts.common.tables import write_table
from scripts.data.tables import POOL
from scripts.select.methods.difficulty import Difficulty
from scripts.select.selection import Source
from scripts.select.tables import PASS_RATES

RATES = {f"r{n}": (n % 11) / 10 for n in range(220)}


def keys(**more: Any) -> Difficulty:
    return Difficulty.model_validate({"method": "difficulty", **more})


@pytest.fixture
def source(tmp_path: Path) -> Source:
    """Twenty rows of each pass rate from 0 to 1 in tenths, and one without an answer."""
    texts = dict.fromkeys(("question", "reasoning", "response", "source", "category", "system"), "")
    rows = [{**texts, "id": name, "answer": "1", "response_tokens": n} for n, name in enumerate(RATES)]
    write_table(POOL, [*rows, {**rows[0], "id": "none", "answer": None}], tmp_path / "clean.parquet")
    blank = dict.fromkeys(PASS_RATES.schema.names)
    table = [{**blank, "id": name, "pass_rate": rate} for name, rate in RATES.items()]
    write_table(PASS_RATES, [*table, {**blank, "id": "none", "reason": "no final answer"}], tmp_path / "rates.parquet")
    return Source({"clean": tmp_path / "clean.parquet", "pass_rates": tmp_path / "rates.parquet"}, tmp_path)


def test_a_band_leaves_out_what_is_always_right_or_never(source: Source) -> None:
    ids = keys().select(source, "a", 1).ids
    assert ids == [name for name, rate in RATES.items() if 0.1 <= rate <= 0.9] and len(ids) == 180
    few = keys(band=[0.3, 0.5], size=10).select(source, "a", 1).ids or []
    assert len(few) == 10 and {RATES[name] for name in few} <= {0.3, 0.4, 0.5}
    hardest = keys(take="bottom", size=30).select(source, "a", 1).ids or []
    assert Counter(RATES[name] for name in hardest) == {0.0: 20, 0.1: 10}
    assert dict(keys().unfit(source).iter_rows()) == {"none": "no final answer"}


def test_a_target_distribution_is_met_exactly(source: Source) -> None:
    ids = keys(target=[0.1, 0.4, 0.3, 0.2], size=75).select(source, "a", 1).ids or []
    # Parts [0, 0.25), [0.25, 0.5), [0.5, 0.75), [0.75, 1]: 7.5, 30, 22.5 and 15 rows.
    parts = Counter(min(int(RATES[name] * 4), 3) for name in ids)
    assert len(set(ids)) == 75 and (parts[1], parts[3]) == (30, 15) and {parts[0], parts[2]} <= {7, 8, 22, 23}
    assert ids == [name for name in RATES if name in set(ids)]
    assert ids != keys(target=[0.1, 0.4, 0.3, 0.2], size=75).select(source, "a", 2).ids
    with pytest.raises(UserError, match=r"subset 'a' wants 105 rows with pass rates from 0 to 0\.5, there are 100"):
        keys(target=[0.5, 0.5], size=210).select(source, "a", 1)


def test_what_is_cheaper_than_asking(source: Source) -> None:
    longest = keys(by="response_length", take="top", size=5)
    assert set(longest.select(source, "a", 1).ids or []) == {f"r{n}" for n in range(215, 220)}
    assert not longest.measures() and dict(longest.unfit(source).iter_rows()) == {"none": "no final answer"}
    middle = keys(by="response_length").select(source, "a", 1).ids or []
    assert [middle[0], middle[-1], len(middle)] == ["r22", "r197", 176], "quantiles 0.1 to 0.9 of 0 to 219"
    assert [one.rule for one in keys(by="nll").measures().values()] == ["score_responses"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"target": [0.5, 0.6], "size": 5}, "add up to 1"),
        ({"target": [0.5, 0.5]}, "needs the key `size`"),
        ({"target": [0.5, 0.5], "size": 5, "band": [0, 1]}, "takes the place of"),
        ({"target": [0.5, 0.5], "size": 5, "by": "nll"}, "goes with by: pass_rate"),
        ({"take": "top"}, "needs the key `size`"),
        ({"take": "top", "size": 3, "band": [0, 1]}, "goes with take: band"),
        ({"model": {"name": "big", "served": True}}, "cannot be served"),
        ({"band": [0.1, 0.9], "quantiles": [0.1, 0.9]}, "and not both"),
    ],
)
def test_keys_that_do_not_fit_are_told(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        keys(**wrong)


def test_settings_come_back_from_a_command(source: Source) -> None:
    from scripts.common.program import as_json

    for settings in (keys(), keys(by="nll"), keys(target=[0.25, 0.75], size=4), keys(take="bottom", size=3, shards=4)):
        again = Difficulty.model_validate_json(as_json(settings.for_job()))
        assert (again.band, again.quantiles, again.target, again.take) == (
            settings.band, settings.quantiles, settings.target, settings.take,
        )  # fmt: skip
