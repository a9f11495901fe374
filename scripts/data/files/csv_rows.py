"""Rows of CSV. A quote that is never closed is told: it would make one row of all that follow."""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts.common.cli import UserError
from scripts.data.files.base import ROW_LIMIT, Defect, Open, RowFile, SourceRow

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_SAID = re.compile(rb"\"?sep=(.)\"?\r?\n?")
"""A first line by which a spreadsheet says what delimits the fields."""


def read_csv(path: Path, open_file: Open) -> RowFile:
    """Return the rows of a CSV file; its header says what delimits the fields."""
    with open_file() as stream:
        first = stream.readline(ROW_LIMIT)
        if said := _SAID.fullmatch(first):
            first = stream.readline(ROW_LIMIT)
    header = first.decode("utf-8", errors="replace")
    delimiter = said[1].decode("latin-1") if said else max(DELIMITERS, key=re.sub('"[^"]*"', "", header).count)
    # A blank behind every comma of the header is no part of the fields: a quote behind it would not count as one.
    blanks = header.count(delimiter) == header.count(f"{delimiter} ") > 0
    dialect = {"delimiter": delimiter, "skipinitialspace": blanks, "strict": True}
    return RowFile(f"CSV ({DELIMITERS.get(delimiter, delimiter)})", _rows(path, open_file, dialect, bool(said)))


def _rows(path: Path, open_file: Open, dialect: dict[str, Any], said: bool) -> Iterator[SourceRow]:
    csv.field_size_limit(ROW_LIMIT)
    with open_file() as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8", errors="surrogateescape", newline="")
        reader = csv.reader(text, **dialect)
        if said:
            next(reader)
        records = _records(path, reader)
        _, header = next(records, ("", []))
        if isinstance(header, Defect):
            raise UserError(f"'{path}': the header cannot be read: {header.detail}")
        names = [name.strip() for name in header]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise UserError(f"'{path}': the column '{twice}' stands twice in the header")
        held: SourceRow | None = None  # a row of several lines: what follows says whether it ended where it seemed to
        for place, record in records:
            row = record if isinstance(record, Defect) else _row(names, record)
            if held:
                yield (
                    held
                    if isinstance(held.row, Defect) or not isinstance(row, Defect)
                    else SourceRow(
                        held.place,
                        Defect("malformed", f"the row behind it is broken ({row.detail}): a quote may be missing"),
                    )
                )
            held = SourceRow(place, row) if place.startswith("lines") else None
            if not held:
                yield SourceRow(place, row)
        if held:
            yield held


def _records(path: Path, reader: Any) -> Iterator[tuple[str, list[str] | Defect]]:
    """Yield where each record stands and its fields. Raises UserError where an open quote swallows other lines."""
    while True:
        start = reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if reader.line_num > start:
                raise UserError(
                    f"'{path}': the row that begins in line {start} has a quote that is not closed where it should be "
                    f"(read up to line {reader.line_num}: {error}), so that it cannot be told from the rows behind it: "
                    "close the quote, and double those inside a field"
                ) from error
            yield f"line {start}", Defect("malformed", f"line {start}: {error}")
            continue
        if fields:
            end = reader.line_num
            yield f"line {start}" if end == start else f"lines {start} to {end}", fields


def _row(names: list[str], fields: list[str]) -> dict[str, str | None] | Defect:
    if len(fields) != len(names):
        return Defect("malformed", f"{len(fields)} fields, the header has {len(names)}")
    try:
        "".join(fields).encode("utf-8")
    except UnicodeEncodeError:
        return Defect("not_utf8", "not UTF-8")
    return {name: field if field != "" else None for name, field in zip(names, fields, strict=True)}
