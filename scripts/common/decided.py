"""Answers that a person has decided: a CSV file that the experiment names, of gold, answer and correct."""

import csv
from pathlib import Path

from scripts.common.cli import UserError
from scripts.common.delimiter import delimiter_of

COLUMNS = ("gold", "answer", "correct")

Decisions = dict[tuple[str, str], int]
"""1 or 0 by (gold answer, answer as it was extracted), both as the table of answers has them."""


def read_rows(path: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    """Return the rows of a CSV file in UTF-8. Raises UserError where it is none, or lacks one of `columns`."""
    return [row for _, row in numbered_rows(path, columns)]


def numbered_rows(path: Path, columns: tuple[str, ...]) -> list[tuple[int, dict[str, str]]]:
    """Return the rows of a CSV file in UTF-8, each with the line that it ends on; raises as `read_rows`.

    As spreadsheets write it: cells may be kept apart by commas, semicolons or tabs, as most of the header are, and
    `columns` be written in capitals or with spaces around them.
    """
    csv.field_size_limit(2**31 - 1)
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            head = stream.readline()
            stream.seek(0)
            reader = csv.DictReader(stream, strict=True, delimiter=delimiter_of(head))
            known = {name: name.strip().lower() for name in reader.fieldnames or []}
            names = [known[name] if known[name] in columns else name for name in reader.fieldnames or []]
            reader.fieldnames = names
            lacking = [name for name in columns if name not in names]
            twice = [name for name in names if names.count(name) > 1]
            rows = [] if lacking or twice else [(reader.line_num, row) for row in reader]
            end = reader.line_num
    except FileNotFoundError as error:
        raise UserError(f"there is no file '{path}'") from error
    except (UnicodeDecodeError, IsADirectoryError) as error:
        raise UserError(f"'{path}' is no text in UTF-8: save it as CSV in UTF-8") from error
    except csv.Error as error:
        raise UserError(f"'{path}' is no CSV file ({error}): a quote may be open") from error
    if lacking:
        there = "', '".join(names)
        raise UserError(f"'{path}' has no column '{lacking[0]}': it needs {', '.join(columns)}, and has '{there}'")
    if twice:
        raise UserError(f"'{path}': the column '{twice[0]}' stands twice in the header: keep one of them")
    for number, (_, row) in enumerate(rows, start=1):
        if None in row or any(row[name] is None for name in columns):
            raise UserError(
                f"'{path}', row {number} of {len(rows)} (of {end} lines): it has more or fewer cells than the header"
            )
    return rows


def read_decisions(path: Path | None) -> Decisions:
    """Return what a person has decided; nothing without a file. Raises UserError for what is no decision."""
    found: Decisions = {}
    for number, row in enumerate(read_rows(path, COLUMNS) if path else [], start=1):
        if row["correct"].strip() not in ("0", "1"):
            raise UserError(f"'{path}', row {number}: correct is '{row['correct']}', not 1 or 0")
        key, correct = (row["gold"], row["answer"]), int(row["correct"])
        if found.setdefault(key, correct) != correct:
            raise UserError(f"'{path}', row {number}: the same gold and answer were decided the other way before")
    return found
