"""Long work on a table, part by part: in several processes at a time, and one that was stopped goes on.

What came of each part lies in a file of its own until the program has written its output. The files lie in a folder
named by what they depend on, so that nothing of another state is taken up. Parts come in the order of the table and are
cut without regard to the processes: the rows are the same whatever their number.
"""

import functools
import hashlib
import multiprocessing
import multiprocessing.connection
import os
import re
import shutil
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from scripts.common.atomic import remove, replacing
from scripts.common.cli import log
from scripts.common.content import sha256_of
from scripts.common.program import Program
from scripts.common.tables import WRITING, TableError, read_columns

_NAME = re.compile(r"[0-9a-f]{16}")
AHEAD = 2  # parts for each process that are done or being done beside the one that is waited for
Work = Callable[[pa.Table], pa.Table]
Submit = Callable[[pa.Table, Path], "Future[None] | None"]


class Part(NamedTuple):
    """A part of a table, and what came of it."""

    rows: pa.Table
    made: pa.Table


def add_options(program: Program) -> None:
    """Add the options of a program that works in parts."""
    program.add_argument("--threads", type=int, default=1, help="processes that work side by side (default: 1)")
    program.add_argument(
        "--work", type=Path, help="folder for what is done so far (default: a stopped program starts anew)"
    )


@contextmanager
def parts_folder(work: Path | None, inputs: Sequence[Path], *settings: str) -> Iterator[Path]:
    """Yield the folder of the parts that depend on these inputs and settings; it is deleted on leaving without error.

    Parts of another state that lie in `work` are deleted. Without `work` the folder lasts as long as the program.
    """
    if work is None:
        with tempfile.TemporaryDirectory() as temporary:
            yield Path(temporary)
        return
    text = "\n".join([*map(sha256_of, inputs), *settings])
    folder = work / hashlib.sha256(text.encode()).hexdigest()[:16]
    for other in work.iterdir() if work.is_dir() else ():
        if other != folder and _NAME.fullmatch(other.name):
            remove(other)
    if folder.is_dir():
        log.info("%d parts were done by an earlier attempt", len(list(folder.glob("*.parquet"))))
    folder.mkdir(parents=True, exist_ok=True)
    yield folder
    shutil.rmtree(folder)


def of_size(tables: Iterable[pa.Table], rows: int) -> Iterator[pa.Table]:
    """Yield the rows of `tables`, which may hold few each or none, in parts of `rows`; the last may be shorter."""
    held: list[pa.Table] = []
    for table in tables:
        held.append(table)
        if sum(map(len, held)) >= rows:
            whole = pa.concat_tables(held)
            cuts = range(0, len(whole) - rows + 1, rows)
            yield from (whole.slice(cut, rows) for cut in cuts)
            held = [whole.slice(cuts[-1] + rows)]
    if sum(map(len, held)):
        yield pa.concat_tables(held)


def in_parts(parts: Iterable[pa.Table], start: Callable[[], Work], threads: int, folder: Path) -> Iterator[Part]:
    """Yield each of `parts` with what the work makes of it, in their order; about `AHEAD` parts a process are held.

    `start` returns the work, once in every process: what is slow to load is loaded there. It must be picklable.
    """
    with ExitStack() as stack:
        begin = functools.cache(start)
        submit = _in_turn(begin) if threads == 1 else _side_by_side(stack, start, threads)
        waiting: deque[tuple[pa.Table, Path, Future[None] | None]] = deque()
        for number, rows in enumerate(parts):
            file = folder / f"{number:07}.parquet"
            waiting.append((rows, file, None if file.exists() else submit(rows, file)))
            if len(waiting) > AHEAD * threads:
                yield _finished(*waiting.popleft(), submit)
        while waiting:
            yield _finished(*waiting.popleft(), submit)


def _finished(rows: pa.Table, file: Path, future: Future[None] | None, submit: Submit) -> Part:
    _await(future)
    try:
        return Part(rows, read_columns(file))
    except TableError as damaged:  # of an earlier attempt, on a machine that lost its power
        log.warning("%s: this part is made again", damaged)
        file.unlink()
        _await(submit(rows, file))
        return Part(rows, read_columns(file))


def _await(future: Future[None] | None) -> None:
    if future is not None:
        future.result()


def _make(work: Work, rows: pa.Table, file: Path) -> None:
    with replacing(file) as temporary:
        pq.write_table(work(rows), temporary, **WRITING)


def _in_turn(begin: Callable[[], Work]) -> Submit:
    def submit(rows: pa.Table, file: Path) -> None:
        _make(begin(), rows, file)

    return submit


def _side_by_side(stack: ExitStack, start: Callable[[], Work], threads: int) -> Submit:
    # spawn: a forked process would have the locks of this one's threads (polars, pyarrow), held by nobody.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(threads, mp_context=context, initializer=_begin, initargs=(start,))
    stack.callback(pool.shutdown, cancel_futures=True)
    return lambda rows, file: pool.submit(_do, rows, file)


_work: Work | None = None


def _begin(start: Callable[[], Work]) -> None:
    """Start a process of the pool: it ends with the program, also with one that is killed."""
    global _work
    parent = multiprocessing.parent_process()
    assert parent is not None
    threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()
    _work = start()


def _end_with(sentinel: int) -> None:
    multiprocessing.connection.wait([sentinel])
    os._exit(1)


def _do(rows: pa.Table, file: Path) -> None:
    assert _work is not None
    _make(_work, rows, file)
