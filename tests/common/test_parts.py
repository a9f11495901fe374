"""Parts: the same rows whatever the number of processes, and what was done is not done again."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.common.digest import ROOT
from scripts.common.parts import Work, in_parts, of_size, parts_folder

PARTS = [pa.table({"x": [10 * part + place for place in range(10)]}) for part in range(7)]


def start(diary: Path, fails_at: int) -> Work:
    """Return a work that doubles, and writes down what it did; at one part it fails."""

    def work(rows: pa.Table) -> pa.Table:
        first = rows["x"][0].as_py()
        if first == fails_at:
            raise RuntimeError("the machine went away")
        with diary.open("a", encoding="utf-8") as lines:
            lines.write(f"{first}\n")
        time.sleep(0.01 * (first % 3))  # so that parts are done in another order than they came
        return pa.table({"x": [2 * x for x in rows["x"].to_pylist()]})

    return work


def made(diary: Path, folder: Path, threads: int, fails_at: int = -1) -> list[int]:
    diary.write_text("", encoding="utf-8")
    found = list(in_parts(iter(PARTS), partial(start, diary, fails_at), threads, folder))
    assert [part.rows for part in found] == PARTS
    return [x for part in found for x in part.made["x"].to_pylist()]


@pytest.mark.parametrize("threads", [1, 2])
def test_parts_come_in_order_and_what_was_done_is_taken_up(tmp_path: Path, threads: int) -> None:
    diary, work, source = tmp_path / "diary", tmp_path / "work", tmp_path / "source"
    source.write_text("one", encoding="utf-8")
    with pytest.raises(RuntimeError), parts_folder(work, [source], "x") as folder:
        made(diary, folder, threads, fails_at=40)
    before = {int(line) for line in diary.read_text(encoding="utf-8").split()}
    assert {0, 10, 20} <= before and 40 not in before
    with parts_folder(work, [source], "x") as folder:
        assert made(diary, folder, threads) == [2 * x for x in range(70)]
    after = {int(line) for line in diary.read_text(encoding="utf-8").split()}
    assert after == {0, 10, 20, 30, 40, 50, 60} - before
    assert list(work.iterdir()) == []


@pytest.mark.parametrize("left", [b"", b"PAR1 and then garbage PAR1"])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_part_that_is_damaged_is_made_again(tmp_path: Path, threads: int, left: bytes) -> None:
    """As a machine that lost its power leaves a file: without it the program would fail for ever."""
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts/0000002.parquet").write_bytes(left)
    assert made(tmp_path / "diary", tmp_path / "parts", threads) == [2 * x for x in range(70)]


def test_nothing_of_another_state_is_taken_up(tmp_path: Path) -> None:
    work, source, own = tmp_path / "work", tmp_path / "source", tmp_path / "work" / "notes"
    own.mkdir(parents=True)
    seen = set()
    for text, setting in [("one", "x"), ("one", "y"), ("two", "y")]:
        source.write_text(text, encoding="utf-8")
        with pytest.raises(RuntimeError), parts_folder(work, [source], setting) as folder:
            assert list(folder.iterdir()) == []
            (folder / "0000000.parquet").write_text("", encoding="utf-8")
            raise RuntimeError
        seen.add(folder)
        assert sorted(work.iterdir()) == sorted([folder, own])
    assert len(seen) == 3


PROGRAM = """
import os, sys, time
from pathlib import Path
import pyarrow as pa
from scripts.common.parts import in_parts

def start():
    def work(rows):
        Path(sys.argv[1], str(os.getpid())).touch()
        time.sleep(60)
    return work

if __name__ == "__main__":
    list(in_parts(iter([pa.table({"x": [1]})] * 4), start, 2, Path(sys.argv[2])))
"""


def alive(folder: Path) -> Iterator[int]:
    for file in folder.iterdir():
        try:
            os.kill(int(file.name), 0)
            yield int(file.name)
        except ProcessLookupError:
            continue


def wait_for(condition: object) -> bool:
    for _ in range(600):
        if condition():  # type: ignore[operator]
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_the_processes_of_a_killed_program_end(tmp_path: Path, how: signal.Signals) -> None:
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    pids, parts = tmp_path / "pids", tmp_path / "parts"
    pids.mkdir()
    parts.mkdir()
    program = subprocess.Popen(
        [sys.executable, str(tmp_path / "program.py"), str(pids), str(parts)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert wait_for(lambda: len(list(alive(pids))) == 2)
    program.send_signal(how)
    program.wait()
    assert wait_for(lambda: not list(alive(pids)))


@given(st.lists(st.integers(0, 9)), st.integers(1, 7))
def test_parts_of_a_size_hold_the_rows_in_order(lengths: list[int], size: int) -> None:
    starts = [sum(lengths[:place]) for place in range(len(lengths))]
    tables = [
        pa.table({"x": pa.array(range(start, start + length), pa.int64())})
        for start, length in zip(starts, lengths, strict=True)
    ]
    parts = [part["x"].to_pylist() for part in of_size(iter(tables), size)]
    assert [x for part in parts for x in part] == list(range(sum(lengths)))
    assert all(len(part) == size for part in parts[:-1]) and (not parts or 0 < len(parts[-1]) <= size)
