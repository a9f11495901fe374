"""Methods that rank rows by a score, against a plain implementation; and `prune` on rows that any method chose."""

import random
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from scripts.common.cli import UserError
from scripts.common.tables import write_table
from scripts.data.tables import POOL
from scripts.select.methods.ranked import Ranked
from scripts.select.selection import Source

VALUES = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0, None, float("nan"), float("inf")])


class ByTable(Ranked):
    """Ranks by a table that a test holds."""

    method: Literal["by_table"] = "by_table"

    def scores(self, source: Source) -> pl.DataFrame:
        return source.found  # type: ignore[attr-defined, no-any-return]

    def score_words(self) -> str:
        return "score"


def pool(folder: Path, scores: dict[str, float | None], categories: dict[str, str | None]) -> Source:
    """Return a clean pool of these rows, and their scores in another order, with a row that the pool has not."""
    texts = dict.fromkeys(("question", "reasoning", "response", "source", "system", "answer"), "")
    rows = [{**texts, "id": name, "category": categories[name], "response_tokens": 1} for name in scores]
    write_table(POOL, rows, folder / "clean.parquet")
    source = Source({"clean": folder / "clean.parquet"}, folder)
    found = [{"id": name, "score": score, "reason": None} for name, score in [*scores.items(), ("elsewhere", 0.5)]]
    random.Random(3).shuffle(found)
    source.found = pl.DataFrame(found, schema={"id": str, "score": float, "reason": str})  # type: ignore[attr-defined]
    return source


@settings(max_examples=60, deadline=None)
@given(values=st.lists(VALUES, min_size=1, max_size=30), low=st.booleans(), split=st.booleans(), data=st.data())
def test_the_ends_are_those_of_a_sorted_list(
    tmp_path_factory: pytest.TempPathFactory, values: list, low: bool, split: bool, data: st.DataObject
) -> None:
    scores = {f"r{n}": value for n, value in enumerate(values)}
    categories = {name: "ab"[n % 3 == 0] if split else None for n, name in enumerate(scores)}
    source = pool(tmp_path_factory.mktemp("pool"), scores, categories)
    known = {name: value for name, value in scores.items() if value is not None and np.isfinite(value)}
    by = "category" if split else None
    take: Literal["top", "bottom"] = "bottom" if low else "top"
    assert dict(ByTable(size=1, take=take).unfit(source).iter_rows()) == {
        name: "no score" for name in scores if name not in known
    }
    if not known:
        with pytest.raises(UserError, match="asks for 1 rows, and 0 rows of the clean pool have a score"):
            ByTable(size=1, take=take).select(source, "a", 1)
        return
    size = data.draw(st.integers(1, len(known)))
    ids = ByTable(size=size, take=take, stratify=by).select(source, "a", 1).ids
    assert ids is not None and len(set(ids)) == len(ids) == size and set(ids) <= set(known)
    for group in set(categories.values()):
        taken = sorted(known[name] for name in ids if categories[name] == group)
        there = sorted(known[name] for name in known if categories[name] == group)
        assert taken == (there[: len(taken)] if low else there[len(there) - len(taken) :])
        assert abs(len(taken) - size * len(there) / len(known)) < 1


def test_a_draw_decides_among_equals(tmp_path: Path) -> None:
    scores = {f"r{n:03}": 1.0 if n < 100 else 0.0 for n in range(200)}
    source = pool(tmp_path, scores, dict.fromkeys(scores))
    drawn = [ByTable(size=50).select(source, name, 1).ids for name in ("a", "a", "b")]
    assert drawn[0] == drawn[1] and set(drawn[0] or []) != set(drawn[2] or [])
    assert all(name < "r100" for ids in drawn for name in ids or [])
    # Not the first of them: 50 of 100 from the first 75 or fewer has the chance 6e-10.
    assert all(max(ids or []) > "r075" for ids in drawn)


@pytest.mark.parametrize("split", [False, True])
def test_a_band_is_of_values_or_of_quantiles(tmp_path: Path, split: bool) -> None:
    rng = random.Random(7)
    scores = {f"r{n}": round(rng.gauss(), 2) for n in range(300)}
    categories = {name: "ab"[n % 4 == 0] if split else None for n, name in enumerate(scores)}
    source, by = pool(tmp_path, scores, categories), "category" if split else None
    ids = ByTable(take="band", band=(-0.5, 1.0), stratify=by).select(source, "x", 1).ids
    assert ids == [name for name, score in scores.items() if -0.5 <= score <= 1.0]
    inside = []
    for group in set(categories.values()):
        there = [score for name, score in scores.items() if categories[name] == group]
        low, high = np.quantile(there, (0.25, 0.75))
        inside += [name for name, score in scores.items() if categories[name] == group and low <= score <= high]
    whole = ByTable(take="band", quantiles=(0.25, 0.75), stratify=by)
    assert sorted(whole.select(source, "x", 1).ids or []) == sorted(inside)
    some = whole.model_copy(update={"size": 40}).select(source, "x", 1).ids
    assert some and len(set(some)) == 40 and set(some) <= set(inside)
    assert some == [name for name in scores if name in set(some)], "in the pool's order"
    with pytest.raises(UserError, match="asks for 200 rows, there are"):
        whole.model_copy(update={"size": 200}).select(source, "x", 1)


@pytest.mark.parametrize(
    ("keys", "what"),
    [
        ({}, "take: top needs the key `size`"),
        ({"take": "band"}, "needs the key `band` .* or the key `quantiles`"),
        ({"take": "band", "band": (0, 1), "quantiles": (0, 1)}, "and not both"),
        ({"take": "band", "band": (1, 0)}, "in the wrong order"),
        ({"take": "band", "quantiles": (0, 10)}, "within 0 and 1"),
        ({"size": 3, "band": (0, 1)}, "`band` goes with take: band"),
    ],
)
def test_keys_that_do_not_go_together(keys: dict, what: str) -> None:
    with pytest.raises(ValidationError, match=what):
        ByTable(**keys)


def test_what_is_said_and_expected() -> None:
    top, band = (
        ByTable(size=1000, take="bottom"),
        ByTable(take="band", quantiles=(0.2, 0.7), size=50, stratify="source"),
    )
    assert top.describe() == "The 1,000 rows with the lowest score; a draw decides among equals."
    assert band.describe() == (
        "The rows whose score lies between its quantiles 0.2 and 0.7, of which 50 are drawn at random, within each "
        "source in proportion to its rows."
    )
    assert (top.expected_rows(600, 5), top.expected_rows(6000, 5), round(band.expected_rows(60, 5))) == (600, 1000, 30)
