"""Tables keep their columns and types; files appear whole or not at all; options carry settings unchanged."""

import argparse
import json
import os
import shlex
from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.common import tables
from scripts.common.atomic import replacing
from scripts.common.cli import UserError
from scripts.common.config.dataset import RowRules
from scripts.common.config.evaluation import Generation
from scripts.common.config.training import Optimisation
from scripts.common.options import add_options, from_options, to_options
from scripts.common.provenance import recording, sha256_of
from scripts.common.seeds import derive_seed

REJECTED = [
    {"row": 1, "id": "a", "reason": "too_long", "detail": "数"},
    {"row": 2, "id": "b", "reason": "x", "detail": None},
]


@pytest.mark.parametrize("make", [list, pl.DataFrame, pd.DataFrame])
def test_tables_come_back_as_they_went(tmp_path: Path, make: type) -> None:
    tables.write_table("rejected", make(REJECTED), tmp_path / "t.parquet")
    assert tables.read_table("rejected", tmp_path / "t.parquet").to_pylist() == REJECTED


def test_a_table_with_other_columns_or_types_is_refused(tmp_path: Path) -> None:
    with pytest.raises(tables.TableError, match="lacks the columns detail"):
        tables.write_table("rejected", pl.DataFrame(REJECTED).drop("detail"), tmp_path / "t.parquet")
    with pytest.raises(tables.TableError, match="unknown columns more"):
        tables.write_table("rejected", pl.DataFrame(REJECTED).with_columns(more=1), tmp_path / "t.parquet")
    with pytest.raises(tables.TableError, match="wrong type"):
        tables.write_table("rejected", pl.DataFrame(REJECTED).with_columns(row=pl.lit("x")), tmp_path / "t.parquet")
    assert list(tmp_path.iterdir()) == []


def test_raw_keeps_what_else_the_source_has(tmp_path: Path) -> None:
    row = dict.fromkeys(tables.SCHEMAS["raw"].names) | {"row": 0, "truth": [{"line": 1}]}
    tables.write_table("raw", [row], tmp_path / "raw.parquet")
    assert tables.read_table("raw", tmp_path / "raw.parquet").to_pylist() == [row]


def test_batches_make_one_table(tmp_path: Path) -> None:
    with tables.TableWriter("rejected", tmp_path / "t.parquet") as writer:
        writer.write(REJECTED)
        writer.write([])
        writer.write(REJECTED)
    assert writer.rows == 4
    sizes = [table.num_rows for table in tables.iterate_table("rejected", tmp_path / "t.parquet", 3)]
    assert sum(sizes) == 4 and max(sizes) <= 3


def test_a_failed_writer_leaves_nothing_and_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    tables.write_table("rejected", REJECTED, path)
    with pytest.raises(RuntimeError), tables.TableWriter("rejected", path) as writer:
        writer.write(REJECTED)
        raise RuntimeError
    assert tables.read_table("rejected", path).num_rows == 2
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    target = tmp_path / "model"
    for name in ("first", "second"):
        with replacing(target) as temporary:
            temporary.mkdir()
            (temporary / name).touch()
    assert [path.name for path in target.iterdir()] == ["second"]
    with pytest.raises(RuntimeError), replacing(target) as temporary:
        temporary.mkdir()
        raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


SETTINGS = [
    Optimisation(epochs=2, learning_rate=2e-3, packing=True, warmup=0.05),
    Generation(temperature=0, max_new_tokens=7),
    RowRules(min_tokens=3, require_boxed_answer=True),
]


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda settings: type(settings).__name__)
def test_options_carry_settings_unchanged(settings: Optimisation) -> None:
    parser = argparse.ArgumentParser()
    add_options(parser, type(settings))
    words = shlex.split(to_options(type(settings), settings))
    assert from_options(type(settings), parser.parse_args(words)) == settings


def test_a_wrong_option_is_named() -> None:
    parser = argparse.ArgumentParser()
    add_options(parser, Generation)
    with pytest.raises(UserError, match="--top-p: "):
        from_options(Generation, parser.parse_args(["--top-p", "2"]))


def test_provenance_says_what_went_in(tmp_path: Path) -> None:
    (tmp_path / "in").write_text("x")
    with recording([tmp_path / "out"], [tmp_path / "in"], seed=3) as facts:
        (tmp_path / "out").write_text("y")
        facts["rows"] = 1
    record = json.loads((tmp_path / "out.provenance.json").read_text())
    assert record["inputs"] == {str(tmp_path / "in"): sha256_of(tmp_path / "in")}
    assert record["seed"] == 3 and record["rows"] == 1 and record["packages"]["python"].startswith("3.")


def test_nothing_is_recorded_for_a_failed_program(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), recording([tmp_path / "out"], []):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


@given(st.integers(0, 10**9), st.text())
def test_seeds_depend_on_every_part(seed: int, name: str) -> None:
    assert 0 <= derive_seed(seed, name) < 2**31
    assert derive_seed(seed, name) == derive_seed(seed, name) != derive_seed(seed + 1, name)


def test_parts_of_a_seed_do_not_run_together() -> None:
    assert derive_seed("ab", "c") != derive_seed("a", "bc")


def test_a_table_is_read_by_columns_and_rows(tmp_path: Path) -> None:
    steps = [{"id": str(n // 2), "step": n % 2, "start": 0, "end": 1, "text": "x", "pattern": "p"} for n in range(3000)]
    tables.write_table("steps", steps, tmp_path / "steps.parquet")
    few = tables.read_table("steps", tmp_path / "steps.parquet", ["step", "id"], ids=["7", "1400"])
    assert few.to_pylist() == [{"step": s, "id": i} for i in ("7", "1400") for s in (0, 1)]
    assert tables.read_table("steps", tmp_path / "steps.parquet", ids=[]).num_rows == 0
    with pytest.raises(KeyError):
        tables.read_table("steps", tmp_path / "steps.parquet", ["none"])


def test_a_table_is_walked_through_in_memory_that_does_not_grow(tmp_path: Path) -> None:
    path = tmp_path / "rejected.parquet"
    with tables.TableWriter("rejected", path) as writer:
        for part in range(40):
            # Random bytes, which zstd cannot shrink: what is kept of the file would show.
            writer.write([{"row": part, "id": str(part), "reason": "", "detail": os.urandom(50_000).hex()}])
    before = pa.total_allocated_bytes()
    held = [pa.total_allocated_bytes() - before for _ in tables.iterate_table("rejected", path, 1)]
    assert len(held) == 40 and max(held) < path.stat().st_size / 4
