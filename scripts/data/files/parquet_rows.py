"""Rows of Parquet."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from scripts.common.answers import Rounded
from scripts.common.cli import UserError
from scripts.common.tables import iterate_parquet
from scripts.data.files.base import ROW_LIMIT, Defect, RowFile, SourceRow

BATCH_BYTES = 2**26


class Bits(NamedTuple):
    """How far a short float holds every whole number, and how many digits of any other."""

    whole: int
    digits: int


_SHORT = {"float": Bits(2**24, 6), "halffloat": Bits(2**11, 3)}  # of 32 and 16 bits, as Arrow names them


def read_parquet(path: Path) -> RowFile:
    """Return the rows of a Parquet file. Raises UserError where it is none."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with path.open("rb") as stream:
            file = pq.ParquetFile(stream, pre_buffer=False)
            names = file.schema_arrow.names
            rows = file.metadata.num_rows
            size = sum(file.metadata.row_group(n).total_byte_size for n in range(file.metadata.num_row_groups))
    except (pa.ArrowException, OSError) as error:
        raise UserError(
            f"'{path}' is cut off or damaged, or no Parquet file as its name says: {_first(error)}"
        ) from error
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UserError(f"'{path}': the column '{twice}' is there twice")
    batch = max(1, min(1000, BATCH_BYTES * rows // max(size, 1) if rows else 1))
    return RowFile("Parquet", _rows(path, batch))


def _first(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _rows(path: Path, batch_rows: int) -> Iterator[SourceRow]:
    import pyarrow as pa

    number = 0
    try:
        for batch in iterate_parquet(path, batch_rows):
            for row in _of_batch(batch):
                number += 1
                yield SourceRow(f"row {number}", row)
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"'{path}' is damaged behind row {number}: {_first(error)}") from error


def _of_batch(batch: Any) -> Iterator[dict[str, Any] | Defect]:
    if batch.nbytes > 16 * ROW_LIMIT and batch.num_rows > 1:  # a few large values, said once for many rows
        half = batch.num_rows // 2
        yield from _of_batch(batch.slice(0, half))
        yield from _of_batch(batch.slice(half))
        return
    try:
        rows = _readable(batch).to_pylist()
        for field in batch.schema:
            if bits := _SHORT.get(str(field.type)):
                for row in rows:
                    row[field.name] = _told(row[field.name], bits)
        yield from rows
    except (ValueError, OverflowError, ArithmeticError) as error:  # text that is not UTF-8, a date out of range
        if batch.num_rows > 1:
            for place in range(batch.num_rows):
                yield from _of_batch(batch.slice(place, 1))
        elif isinstance(error, UnicodeDecodeError):
            yield Defect("not_utf8", f"not UTF-8: {error.reason}")
        else:
            yield Defect("malformed", f"a value of the column '{_unreadable(batch)}' cannot be read: {_first(error)}")


def _told(value: float | None, bits: Bits) -> float | None:
    """Return a number, marked where another one of as many digits would be the same in so few bits."""
    if value is None or not math.isfinite(value) or abs(value) < bits.whole:
        return value
    return value if float(f"{value:.{bits.digits}g}") == value else Rounded(value)


def _readable(batch: Any) -> Any:
    """Return a batch whose values Python can hold as they were written: 0.1 of 32 bits is 0.1, and not 0.10000000149;
    a time zone that this machine does not know is left out."""
    import numpy as np
    import pyarrow as pa

    for place, field in enumerate(batch.schema):
        short = {pa.float16(): np.float16, pa.float32(): np.float32}.get(field.type)
        if short:
            values = [None if one is None else float(str(short(one))) for one in batch[place].to_pylist()]
            batch = batch.set_column(place, field.name, pa.array(values, pa.float64()))
        elif pa.types.is_timestamp(field.type) and field.type.tz:
            batch = batch.set_column(place, field.name, batch[place].cast(pa.timestamp(field.type.unit)))
    return batch


def _unreadable(batch: Any) -> str:
    """Return the first column of a row that Python cannot read."""
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        try:
            column.to_pylist()
        except (ValueError, OverflowError, ArithmeticError):
            return str(name)
    return "?"
