"""The one way to read and write the project's Parquet tables, columns and types checked.

What the tables hold is in the tables.py of the stage that writes them, so that a column more in one reruns none before
it. They are Arrow tables on the way in and out (polars and pandas both read and make them without a copy). A table that
lacks a column, or holds a column of another type, is a fault of the program that made it and stops the program that
reads or writes it.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from scripts.common.atomic import replacing
from scripts.common.cli import UserError

# Every page has its checksum (CRC-32), which is looked at when it is read: without it most flipped bits are another
# number, and no error.
WRITING: dict[str, Any] = {"compression": "zstd", "write_page_checksum": True}

# A flipped byte may also be a name that is no UTF-8.
_DAMAGED = (pa.ArrowException, OSError, UnicodeDecodeError)

TEXT, INT, FLOAT, BOOL = pa.string(), pa.int64(), pa.float64(), pa.bool_()


class Table(NamedTuple):
    """A table: what it is called in messages, its columns and their types."""

    name: str
    schema: pa.Schema
    open_ended: bool = False
    """Whether further columns may follow (those of a source)."""


class TableError(UserError):
    """A table does not have the columns or types that its name promises: one sentence, as the file may be anybody's."""


def _conform(kind: Table, table: pa.Table, where: str, columns: Sequence[str] | None = None) -> pa.Table:
    name, schema = kind.name, kind.schema
    if columns is not None:
        schema = pa.schema([schema.field(column) for column in columns])
    missing = [column for column in schema.names if column not in table.column_names]
    if missing:
        raise TableError(f"{where}: table '{name}' lacks the columns {', '.join(missing)}")
    extra = [column for column in table.column_names if column not in schema.names]
    if extra and not kind.open_ended:
        raise TableError(f"{where}: table '{name}' has unknown columns {', '.join(extra)}")
    try:
        known = table.select(schema.names).cast(schema)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as error:
        raise TableError(f"{where}: table '{name}' has a column of the wrong type: {error}") from error
    for column in extra:
        known = known.append_column(column, table[column])
    return known


def to_table(kind: Table, rows: Any) -> pa.Table:
    """Return `rows` (a list of dicts, or a polars, pandas or Arrow table) as an Arrow table of that kind."""
    if isinstance(rows, list):
        if kind.open_ended and rows:
            return _conform(kind, pa.Table.from_pylist(rows), "memory")
        return pa.Table.from_pylist(rows, schema=kind.schema)
    return _conform(kind, pa.table(rows), "memory")


def write_table(kind: Table, rows: Any, path: str | Path) -> None:
    """Check `rows` against the table `kind` and write them to `path` as Parquet (zstd)."""
    table = to_table(kind, rows)
    with replacing(path) as temporary:
        pq.write_table(table, temporary, **WRITING)


class TableWriter:
    """Writes a table in batches, in bounded memory; on leaving without error it appears at `path`."""

    def __init__(self, kind: Table, path: str | Path) -> None:
        self.kind = kind
        self.rows = 0
        self._file = replacing(path)

    def __enter__(self) -> "TableWriter":
        self._writer = pq.ParquetWriter(self._file.__enter__(), self.kind.schema, **WRITING)
        return self

    def write(self, rows: Any) -> None:
        """Append `rows`, in any form that `to_table` takes."""
        table = to_table(self.kind, rows)
        if table.num_rows:
            self._writer.write_table(table)
            self.rows += table.num_rows

    def __exit__(self, *error: Any) -> None:
        self._writer.close()
        self._file.__exit__(*error)


def iterate_parquet(path: str | Path, rows: int, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Yield a Parquet file at most `rows` rows at a time.

    pyarrow would buffer ahead and keep what it has read: at the end the whole file, compressed, would lie in memory.
    """
    try:
        yield from _opened(path).iter_batches(batch_size=rows, columns=columns)
    except _DAMAGED as error:
        raise _unreadable(path, error) from error


def _opened(path: str | Path) -> pq.ParquetFile:
    """Return a Parquet file. Raises TableError where it is none."""
    try:
        return pq.ParquetFile(path, pre_buffer=False, page_checksum_verification=True)
    except _DAMAGED as error:
        raise _unreadable(path, error) from error


def read_columns(path: str | Path, columns: Sequence[str] | None = None, filters: Any = None) -> pa.Table:
    """Read columns of any Parquet file, of the rows that `filters` (pyarrow's) let through. Raises TableError."""
    try:
        table = pq.read_table(path, columns=columns, filters=filters, page_checksum_verification=True)
    except _DAMAGED as error:
        raise _unreadable(path, error) from error
    if lacks := [column for column in columns or () if column not in table.column_names]:
        raise TableError(f"'{path}' lacks the columns {', '.join(lacks)}")
    return table


def _unreadable(path: str | Path, error: Exception) -> TableError:
    if isinstance(error, MemoryError):  # Arrow's is of both kinds
        raise error
    if not Path(path).is_file():
        return TableError(f"there is no file '{path}'")
    return TableError(f"'{path}' is no Parquet file, or it is cut off ({str(error).splitlines()[0]})")


def iterate_table(
    kind: Table, path: str | Path, rows: int, columns: Sequence[str] | None = None, ids: Iterable[str] | None = None
) -> Iterator[pa.Table]:
    """Yield the table `kind` from `path`, at most `rows` rows at a time: `columns` of it, rows of `ids` only."""
    wanted = None if ids is None else set(ids)
    for batch in iterate_parquet(path, rows, columns):
        table = _conform(kind, pa.Table.from_batches([batch]), str(path), columns)
        yield table if wanted is None else table.filter([identity in wanted for identity in table["id"].to_pylist()])


def read_table(
    kind: Table, path: str | Path, columns: Sequence[str] | None = None, ids: Iterable[str] | None = None
) -> pa.Table:
    """Read the Parquet file `path` as the table `kind`, columns and types checked: `columns` of it, and of its
    rows only those of `ids`, in their order in the file. Memory holds what is asked for, however long the file."""
    if ids is None:
        known = [name for name in _opened(path).schema_arrow.names if columns is None or name in columns]
        try:
            return _conform(kind, _opened(path).read(columns=known), str(path), columns)
        except _DAMAGED as error:
            raise _unreadable(path, error) from error
    tables = list(iterate_table(kind, path, 1000, columns, ids))
    return pa.concat_tables(tables) if tables else read_table(kind, path, columns)
