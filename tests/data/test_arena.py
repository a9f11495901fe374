"""perf/arena.py names rows by what raw.parquet says they are worth, and by nothing else."""

from pathlib import Path

import polars as pl
import pytest

from perf.arena import EXPECTED, write_subsets
from perf.arena_files import FOLDER, own_rows, sums_of, write_files
from scripts.common.cli import UserError


def results(folder: Path) -> Path:
    """Six rows of raw.parquet, of which one is there twice and one is not clean; even ones help."""
    rows = [{"question": f"q{n}", "response": f"r{n}", "worth": "wrong_sums" if n % 2 else "helps"} for n in range(6)]
    (folder / "data").mkdir()
    pl.DataFrame([*rows, rows[0]]).write_parquet(folder / "data" / "raw.parquet")
    clean = [{"id": f"id{n}", "question": f"q{n}", "response": f"r{n}"} for n in range(5)]
    pl.DataFrame(clean).write_parquet(folder / "data" / "clean.parquet")
    return folder


def test_subsets_hold_rows_of_their_kind(tmp_path: Path) -> None:
    subsets = write_subsets(results(tmp_path), tmp_path, 2, seed=1)
    drawn = {name: set(Path(of["file"]).read_text().split()[1:]) for name, of in subsets.items()}
    assert drawn.keys() == EXPECTED.keys() and all(len(ids) == 2 for ids in drawn.values())
    assert drawn["helps"] < {"id0", "id2", "id4"} and drawn["hurts"] == {"id1", "id3"}
    assert write_subsets(tmp_path, tmp_path, 2, seed=1) == subsets, "the same draw again"


def test_too_few_rows_of_a_kind_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="2 rows of the clean pool are 'hurts', fewer than the 3"):
        write_subsets(results(tmp_path), tmp_path, 3, seed=1)


def test_the_files_of_the_arena_are_those_of_its_rows(tmp_path: Path) -> None:
    write_files(tmp_path)
    for name in ("checked.csv", "sums.csv"):
        assert (tmp_path / name).read_text() == (FOLDER / name).read_text(), "python -m perf.arena_files makes them"


def test_working_sums_out_again_tells_wrong_rows() -> None:
    """Without knowing what rows are worth: all that teach wrong sums are found out, and none that helps."""
    told = {"helps": [], "wrong_sums": []}
    for row in own_rows():
        if row["worth"] in told and "</think>" in row["response"]:
            told[row["worth"]].append(all(dict(sums_of(row["response"])).values()))
    assert all(told["helps"]) and not any(told["wrong_sums"]) and min(map(len, told.values())) > 200
