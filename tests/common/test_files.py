"""Tables keep their columns and types; files appear whole or not at all."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.common import tables
from scripts.common.atomic import replacing, temporary_name
from scripts.common.cli import UserError
from scripts.common.content import sha256_of
from scripts.common.provenance import recording
from scripts.common.seeds import derive_seed
from scripts.data.tables import RAW, REJECTED
from scripts.select.tables import STEP_SCORES, STEPS

REJECTED_ROWS = [
    {"row": 1, "id": "a", "reason": "too_long", "detail": "数"},
    {"row": 2, "id": "b", "reason": "x", "detail": None},
]


@pytest.mark.parametrize("make", [list, pl.DataFrame, pd.DataFrame])
def test_tables_come_back_as_they_went(tmp_path: Path, make: type) -> None:
    tables.write_table(REJECTED, make(REJECTED_ROWS), tmp_path / "t.parquet")
    assert tables.read_table(REJECTED, tmp_path / "t.parquet").to_pylist() == REJECTED_ROWS


def test_a_table_with_other_columns_or_types_is_refused(tmp_path: Path) -> None:
    with pytest.raises(tables.TableError, match="lacks the columns detail"):
        tables.write_table(REJECTED, pl.DataFrame(REJECTED_ROWS).drop("detail"), tmp_path / "t.parquet")
    with pytest.raises(tables.TableError, match="unknown columns more"):
        tables.write_table(REJECTED, pl.DataFrame(REJECTED_ROWS).with_columns(more=1), tmp_path / "t.parquet")
    with pytest.raises(tables.TableError, match="wrong type"):
        tables.write_table(REJECTED, pl.DataFrame(REJECTED_ROWS).with_columns(row=pl.lit("x")), tmp_path / "t.parquet")
    assert list(tmp_path.iterdir()) == []


def test_raw_keeps_what_else_the_source_has(tmp_path: Path) -> None:
    row = dict.fromkeys(RAW.schema.names) | {"row": 0, "truth": [{"line": 1}]}
    tables.write_table(RAW, [row], tmp_path / "raw.parquet")
    assert tables.read_table(RAW, tmp_path / "raw.parquet").to_pylist() == [row]


def test_batches_make_one_table(tmp_path: Path) -> None:
    with tables.TableWriter(REJECTED, tmp_path / "t.parquet") as writer:
        writer.write(REJECTED_ROWS)
        writer.write([])
        writer.write(REJECTED_ROWS)
    assert writer.rows == 4
    sizes = [table.num_rows for table in tables.iterate_table(REJECTED, tmp_path / "t.parquet", 3)]
    assert sum(sizes) == 4 and max(sizes) <= 3


def test_what_a_killed_writer_left_goes_and_a_live_one_s_stays(tmp_path: Path) -> None:
    target = tmp_path / "t.parquet"
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left = tmp_path / temporary_name(target, dead.pid)
    left.mkdir()
    (left / "part").touch()
    stay = [
        tmp_path / temporary_name(target, os.getppid()),
        tmp_path / temporary_name(tmp_path / "other-t.parquet", dead.pid),
        tmp_path / temporary_name(target, dead.pid).replace(os.uname().nodename, "elsewhere"),
    ]
    for path in stay:
        path.touch()
    with replacing(target) as temporary:
        temporary.write_text("new")
    assert set(tmp_path.iterdir()) == {target, *stay}


def test_a_failed_writer_leaves_nothing_and_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    tables.write_table(REJECTED, REJECTED_ROWS, path)
    with pytest.raises(RuntimeError), tables.TableWriter(REJECTED, path) as writer:
        writer.write(REJECTED_ROWS)
        raise RuntimeError
    assert tables.read_table(REJECTED, path).num_rows == 2
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


def test_provenance_says_what_went_in(tmp_path: Path) -> None:
    (tmp_path / "in").write_text("x")
    with recording([tmp_path / "out"], [tmp_path / "in"], seed=3) as facts:
        (tmp_path / "out").write_text("y")
        facts["rows"] = 1
    record = json.loads((tmp_path / "out.provenance.json").read_text())
    assert record["inputs"] == {str(tmp_path / "in"): sha256_of(tmp_path / "in")}
    assert record["seed"] == 3 and record["rows"] == 1 and record["packages"]["python"].startswith("3.")
    assert record["sha256"] == sha256_of(tmp_path / "out")


def test_nothing_is_made_from_what_its_program_did_not_write(tmp_path: Path) -> None:
    """A flipped bit of any file, a table, a JSON, a model's folder, is told before anything is made from it."""
    table, model = tmp_path / "table.csv", tmp_path / "model"
    model.mkdir()
    with recording([table, model], []):
        table.write_text("score\n0.5\n")
        (model / "weights").write_bytes(b"12345678")
    with recording([], [table, model]):
        pass
    for path, inside in ((table, table), (model, model / "weights")):
        right = inside.read_bytes()
        inside.write_bytes(right[:-2] + bytes([right[-2] ^ 1]) + right[-1:])
        with pytest.raises(UserError, match=f"'{path}' is not what its program wrote"), recording([], [table, model]):
            pytest.fail("it was begun")
        inside.write_bytes(right)


def test_an_input_that_changes_while_it_is_read_makes_no_record(tmp_path: Path) -> None:
    """The record would say that the output was made from the new state."""
    data = tmp_path / "data.jsonl"
    data.write_text("old")
    with pytest.raises(UserError, match=f"'{data}' was changed while it was read"), recording([tmp_path / "o"], [data]):
        (tmp_path / "o").write_text(data.read_text())
        data.write_text("new")
    assert not (tmp_path / "o.provenance.json").exists()


def test_a_flipped_bit_of_a_table_is_never_another_value(tmp_path: Path) -> None:
    """Each read is refused in a sentence, or (a byte that nobody reads) is right."""
    path, draw = tmp_path / "scores.parquet", random.Random(3)
    rows = [
        {
            **dict.fromkeys(STEP_SCORES.schema.names, 0),
            **{field.name: draw.random() for field in STEP_SCORES.schema if field.type == tables.FLOAT},
            **{field.name: f"{draw.random()}" for field in STEP_SCORES.schema if field.type == tables.TEXT},
        }
        for _ in range(50)
    ]
    tables.write_table(STEP_SCORES, rows, path)
    right, whole = tables.read_table(STEP_SCORES, path), path.read_bytes()
    refused = 0
    for _ in range(200):
        place = draw.randrange(len(whole))
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << draw.randrange(8)]) + whole[place + 1 :])
        for read in (
            lambda: tables.read_table(STEP_SCORES, path),
            lambda: pa.concat_tables(tables.iterate_table(STEP_SCORES, path, 20)),
        ):
            try:
                assert read().equals(right)
            except tables.TableError:
                refused += 1
    assert refused > 250


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
    tables.write_table(STEPS, steps, tmp_path / "steps.parquet")
    few = tables.read_table(STEPS, tmp_path / "steps.parquet", ["step", "id"], ids=["7", "1400"])
    assert few.to_pylist() == [{"step": s, "id": i} for i in ("7", "1400") for s in (0, 1)]
    assert tables.read_table(STEPS, tmp_path / "steps.parquet", ids=[]).num_rows == 0
    with pytest.raises(KeyError):
        tables.read_table(STEPS, tmp_path / "steps.parquet", ["none"])


def test_a_table_is_walked_through_in_memory_that_does_not_grow(tmp_path: Path) -> None:
    path = tmp_path / "rejected.parquet"
    with tables.TableWriter(REJECTED, path) as writer:
        for part in range(40):
            # Random bytes, which zstd cannot shrink: what is kept of the file would show.
            writer.write([{"row": part, "id": str(part), "reason": "", "detail": os.urandom(50_000).hex()}])
    before = pa.total_allocated_bytes()
    held = [pa.total_allocated_bytes() - before for _ in tables.iterate_table(REJECTED, path, 1)]
    assert len(held) == 40 and max(held) < path.stat().st_size / 4
