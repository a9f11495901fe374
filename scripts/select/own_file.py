"""A user's own file of rows, made by anybody's method: ids or row numbers, and maybe a number for each.

It is read by its name: .jsonl, .json, .csv, .tsv or .parquet with named columns, or .txt with an id a line.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from scripts.common.cli import UserError
from scripts.common.here import why_no_file
from scripts.data.files import Defect, open_rows

SHOWN = 3


def values_of(path: Path, columns: Sequence[str]) -> Iterator[tuple[str, list[Any]]]:
    """Yield where each row stands ("line 5") and its values of `columns`, row by row.

    Raises UserError for a row that cannot be read or lacks a column.
    """
    for place, row in _rows(path):
        lacking = [column for column in columns if column not in row]
        if lacking:
            raise UserError(
                f"'{path}', {place}: there is no column '{lacking[0]}'; it needs {' and '.join(columns)}, and has "
                f"{', '.join(map(str, row)) or 'none'}"
            )
        yield place, [row[column] for column in columns]


def _rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    if path.suffix.lower() == ".txt":
        yield from _lines(path)
        return
    for place, row in open_rows(path).rows:
        if isinstance(row, Defect):
            raise UserError(f"'{path}', {place}: {row.detail}; mend the file")
        yield place, row


def _lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    if why := why_no_file(path):
        raise UserError(why)
    try:
        with path.open(encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield f"line {number}", {"id": line.strip()}
    except UnicodeDecodeError as error:
        raise UserError(f"'{path}' is no text in UTF-8: save it so") from error


def columns_in(path: Path) -> list[str]:
    """Return the columns of the first row. Raises UserError where there is none."""
    for _, row in islice(_rows(path), 1):
        return list(row)
    raise UserError(f"'{path}' holds no rows: name at least one")


def planned_columns(file: str) -> tuple[list[str], list[str]]:
    """Return the columns of the file of an experiment's key `file`, and what is wrong with it where it has none."""
    try:
        return columns_in(Path(file)), []
    except UserError as error:
        return [], [f"file: {error}"]


def count_rows(path: Path) -> int:
    """Return how many rows a file has."""
    return sum(1 for _ in _rows(path))


def identities(path: Path) -> list[str]:
    """Return the column `id` of a file. Raises UserError for an id that is empty or stands twice."""
    found: dict[str, str] = {}
    for place, (value,) in values_of(path, ["id"]):
        _enter(found, _identity(value, path, place), path, place)
    return list(found)


def numbers(path: Path) -> list[int]:
    """Return the column `row` of a file. Raises UserError for what is no row number, or stands twice."""
    found: dict[int, str] = {}
    for place, (value,) in values_of(path, ["row"]):
        try:
            number = int(str(value).strip().replace("_", "no digit"))  # Python reads 1_0 as 10
        except ValueError as error:
            raise UserError(f"'{path}', {place}: row is '{value}' and no whole number; mend it") from error
        if number < 0:
            raise UserError(f"'{path}', {place}: row is {number}, and rows are numbered from 0; mend it")
        _enter(found, number, path, place)
    return list(found)


def scores(path: Path, column: str) -> dict[str, float | None]:
    """Return the numbers in `column` by id; None where a cell is empty.

    Raises UserError for an id that stands twice, and for a value that is no finite number.
    """
    places: dict[str, str] = {}
    found: dict[str, float | None] = {}
    for place, (identity, value) in values_of(path, ["id", column]):
        name = _identity(identity, path, place)
        _enter(places, name, path, place)
        found[name] = _number(value, column, path, place)
    return found


def _identity(value: Any, path: Path, place: str) -> str:
    text = "" if value is None else str(value).strip()
    if not text:
        raise UserError(f"'{path}', {place}: the id is empty; take the row out, or fill it in")
    return text


def _enter(found: dict[Any, str], key: Any, path: Path, place: str) -> None:
    if first := found.get(key):
        raise UserError(f"'{path}': '{key}' stands twice, in {first} and {place}; take one of them out")
    found[key] = place


def _number(value: Any, column: str, path: Path, place: str) -> float | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        number = math.nan if isinstance(value, bool) or "_" in str(value) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise UserError(
            f"'{path}', {place}: {column} is '{value}' and no finite number; leave the cell empty for a row without one"
        )
    return number


def such_as(names: Sequence[object]) -> str:
    """Return the first few of some names, for a sentence."""
    return ", ".join(f"'{name}'" for name in names[:SHOWN])
