"""The report says as what each source was read, and accounts for its rows."""

from types import SimpleNamespace
from typing import Any, cast

import pandas as pd
import polars as pl
import pytest

from scripts.common.config.dataset import Dataset, Reading
from scripts.compare.summarise_sources import account
from scripts.data.account import Account
from scripts.data.files import Defect, SourceRow
from scripts.data.reading import raw_rows
from scripts.report.sections.sources import by_source, reading


def test_the_account_by_source_misses_no_row() -> None:
    raw = pl.DataFrame({"row": [0, 1, 2, 3], "source": ["a", "a", "b", "b"]})
    rejected = pl.DataFrame({"row": [1], "reason": ["malformed"]})
    pool = pl.DataFrame({"id": ["x", "y", "z"], "source": ["a", "b", "b"]})
    table = account(raw, rejected, pool, pl.DataFrame({"id": ["z", "z"]}))
    rows = {(r.source, r.stage): r.rows for r in table.itertuples()}
    assert rows == {
        ("a", "raw"): 2, ("a", "rejected"): 1, ("a", "pool"): 1, ("a", "contaminated"): 0, ("a", "clean"): 1,
        ("b", "raw"): 2, ("b", "pool"): 2, ("b", "contaminated"): 1, ("b", "clean"): 1,
    }  # fmt: skip
    with pytest.raises(ValueError, match="rows of 'b' are missing"):
        account(raw, rejected, pool.head(2), pl.DataFrame({"id": ["z"]}))


def test_sections() -> None:
    told = Account(layouts=["JSON lines"])
    rows: list[Any] = [
        {"question": "q", "thinking": "t", "solution": "s|", "note": "n" * 300},
        Defect("malformed", "no"),
    ]
    list(raw_rows([SourceRow(f"line {n}", row) for n, row in enumerate(rows, 1)], Reading(source="file"), told))
    sources = [Dataset(source="file", path=__file__, name=name) for name in ("a", "b")]
    experiment = SimpleNamespace(dataset=sources, sources=lambda: sources)
    table = pd.DataFrame(
        [("a", "raw", "", 2), ("a", "rejected", "not_drawn", 1), ("a", "clean", "", 1)],
        columns=["source", "stage", "reason", "rows"],
    )
    facts = cast(
        Any,
        SimpleNamespace(
            experiment=experiment,
            provenance={"data/sources/a.parquet": {"reading": told.as_dict()}},
            table=lambda name: table,
        ),
    )
    text = reading(facts)
    assert "thinking" in text and "JSON lines" in text and "could not be read" in text
    assert "left out though they hold more text than the response: note" in text
    assert "not drawn 1" in by_source(facts)
