"""Rows of JSON: lines, lists, objects that hold lists, tables by column. What is in the file decides, not its name."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from scripts.common.cli import UserError
from scripts.data.files.base import ROW_LIMIT, Defect, Open, RowFile, SourceRow, lines_of, too_long
from scripts.data.files.json_values import NotJson, Values, no_object, parse, parse_row
from scripts.data.names import CONVERSATIONS, QUESTIONS, RESPONSES, plain

WHOLE_LIMIT = 2**27
"""Bytes of a file that must be read whole, since a row's values stand far apart in it."""
MEMORY_LIMIT = 10**9
TABLES = frozenset(
    ["data", "rows", "train", "test", "validation", "dev", "dataset", "examples", "instances", "items", "records"]
)  # fmt: skip


def read_json(path: Path, open_file: Open, split: str | None) -> RowFile:
    """Return the rows of a JSON file. Raises UserError where none can be told apart."""
    with open_file() as stream:
        head = list(islice((line for _, line in lines_of(stream) if line is None or line.strip()), 2))
    if not head or (len(head) == 1 and head[0] is not None and parse(head[0]) == []):
        return RowFile("empty", iter(()))
    if _by_lines(path, open_file, head):
        return RowFile("JSON lines", _lines(open_file))
    with open_file() as stream:
        first = Values(stream).peek()
    if first == b"[":
        return RowFile("a JSON list", _guarded(path, _list(open_file)))
    try:
        return _object(path, open_file, split)
    except NotJson as error:
        raise UserError(f"'{path}' is not JSON: {error or 'it ends in the middle'}") from error


def _by_lines(path: Path, open_file: Open, head: list[bytes | None]) -> bool:
    """Whether every line is a row: the first line is a whole value and others follow, or no value spans lines."""
    first, second = head[0], head[1] if len(head) > 1 else None
    if first is not None and first.lstrip()[:1] not in (b"{", b"["):
        return True
    value = None if first is None else parse(first)
    if value is not None and len(head) > 1 and not _is_syntax_error(value):
        return True
    if isinstance(value, list) and not any(isinstance(item, dict) for item in value):
        return True
    if len(head) > 1 and second is not None and isinstance(parse(second), dict):
        # The first line is broken, unless it opens a list whose only row is the second line.
        with open_file() as stream:
            try:
                text = Values(stream).value()
            except NotJson:
                return True
        return text is not None and isinstance(parse(text), Defect)
    return False


def _is_syntax_error(value: Any) -> bool:
    return isinstance(value, Defect) and value.detail.startswith("this is not JSON")


def _lines(open_file: Open) -> Iterator[SourceRow]:
    with open_file() as stream:
        for number, line in lines_of(stream):
            line = line and line.removeprefix(b"\xef\xbb\xbf")  # files that were joined have one inside
            if line is None or line.strip():
                yield SourceRow(f"line {number}", parse_row(line))


def _guarded(path: Path, rows: Iterator[SourceRow]) -> Iterator[SourceRow]:
    place = "its start"
    try:
        for row in rows:
            place = row.place
            yield row
    except NotJson as error:
        # Behind a syntax error nothing of a JSON text can be told apart: no honest account is possible.
        what = str(error) or "it ends in the middle"
        raise UserError(
            f"'{path}' is not a JSON list of objects, behind {place}: {what}; mend it or convert it to JSONL"
        ) from error


def _list(open_file: Open) -> Iterator[SourceRow]:
    with open_file() as stream:
        values = Values(stream)
        yield from _items(values)
        if values.peek():
            raise NotJson("more stands behind the end of the list")


def _items(values: Values) -> Iterator[SourceRow]:
    for number, text in enumerate(values.items(), start=1):
        yield SourceRow(f"item {number}", parse_row(text))


# An object: one row, several one after the other, or a table.


def _object(path: Path, open_file: Open, split: str | None) -> RowFile:
    with open_file() as stream:
        values = Values(stream)
        try:
            text, more = values.value(), bool(values.peek())
        except NotJson as error:
            if path.suffixes[0:1] != [".json"] and ".json" not in path.suffixes:
                return RowFile("JSON lines", _lines(open_file))
            raise UserError(f"'{path}' is not JSON: it ends in the middle of an object; is it cut off?") from error
    if more:
        return RowFile("JSON objects one after the other", _guarded(path, _sequence(open_file)))
    if text is None:
        return _large(path, open_file, split)
    whole = parse(text)
    if isinstance(whole, Defect):
        return RowFile("JSON lines", iter([SourceRow("line 1", whole)]))
    return _table(path, whole, split)


def _sequence(open_file: Open) -> Iterator[SourceRow]:
    with open_file() as stream:
        values, number = Values(stream), 0
        while values.peek():
            number += 1
            yield SourceRow(f"object {number}", parse_row(values.value()))


def _table(path: Path, whole: dict[str, Any], split: str | None) -> RowFile:
    """Return the rows of an object that was read whole."""
    if _is_row(whole):
        return RowFile("one JSON object", iter([SourceRow("line 1", whole)]))
    if isinstance(whole.get("columns"), list) and isinstance(whole.get("data"), list):
        names = [str(name) for name in whole["columns"]]
        return RowFile("a JSON table (columns, data)", _zipped(names, whole["data"]))
    lists = [key for key, value in whole.items() if isinstance(value, list) and _holds_rows(key, value[:1], split)]
    # Beside text a list of objects is one of a row's values (the tests of a program), unless its name says otherwise.
    if any(isinstance(value, str) for value in whole.values()):
        lists = [key for key in lists if key == split or plain(key) in TABLES]
    if lists:
        key = _chosen(path, lists, split)
        rows = (SourceRow(f"item {n}", _row(value)) for n, value in enumerate(whole[key], start=1))
        return RowFile(f"a JSON object with the rows under '{key}'", rows, key)
    if whole and all(isinstance(value, list) for value in whole.values()):
        if len({len(value) for value in whole.values()}) > 1:
            lengths = ", ".join(f"{key}: {len(value)}" for key, value in list(whole.items())[:10])
            raise UserError(
                f"'{path}' holds columns of unequal length ({lengths}): which values are one row cannot be told"
            )
        return RowFile("a JSON table by column", _zipped(list(whole), list(zip(*whole.values(), strict=True))))
    if whole and all(isinstance(value, dict) for value in whole.values()):
        return _by_index(path, whole)
    return RowFile("one JSON object", iter([SourceRow("line 1", whole)]))


def _holds_rows(key: str, first: list[Any], split: str | None) -> bool:
    """Whether a list that begins with `first` holds rows; an empty `train` does, so that no other takes its place."""
    return isinstance(first[0], dict) if first else key == split or plain(key) in TABLES


def _row(value: Any) -> dict[str, Any] | Defect:
    return value if isinstance(value, dict) else no_object(value)


def _zipped(names: list[str], rows: Any) -> Iterator[SourceRow]:
    for number, values in enumerate(rows, start=1):
        whole = isinstance(values, list | tuple) and len(values) == len(names)
        row = dict(zip(names, values, strict=True)) if whole else Defect("malformed", "not one value for each column")
        yield SourceRow(f"item {number}", row)


def _by_index(path: Path, whole: dict[str, dict[str, Any]]) -> RowFile:
    """Return the rows of pandas' to_json: {column: {index: value}}, or {index: {column: value}}."""
    known = {*CONVERSATIONS, *QUESTIONS, *RESPONSES}
    inner = next(iter(whole.values()))
    if known.isdisjoint(map(plain, whole)) and not known.isdisjoint(map(plain, inner)):
        return RowFile("a JSON table by row", (SourceRow(f"row '{key}'", row) for key, row in whole.items()))
    if len({frozenset(column) for column in whole.values()}) > 1:
        raise UserError(f"'{path}' holds columns of unequal index: which values are one row cannot be told")
    rows = ({name: column[index] for name, column in whole.items()} for index in inner)
    return RowFile("a JSON table by column", (SourceRow(f"item {n}", row) for n, row in enumerate(rows, start=1)))


def _is_row(whole: dict[str, Any]) -> bool:
    """Whether an object that stands alone is a row: its question or response is text, or it has a list of turns."""
    for key, value in whole.items():
        if plain(key) in {*QUESTIONS, *RESPONSES} and isinstance(value, str):
            return True
        if isinstance(value, list) and value and isinstance(value[0], dict) and {"role", "from"} & value[0].keys():
            return True
    return False


def _chosen(path: Path, lists: list[str], split: str | None) -> str:
    for key in [split] if split else ["train", "data", *(lists if len(lists) == 1 else [])]:
        if key in lists:
            return key
    raise UserError(f"'{path}' holds the lists {', '.join(lists[:10])}: say by dataset.split which one is read")


def _large(path: Path, open_file: Open, split: str | None) -> RowFile:
    """Return the rows of an object that is longer than a row may be, hence a table."""
    lists, objects, others = [], 0, 0
    with open_file() as stream:
        values = Values(stream)
        for key in values.members():
            sign = values.peek()
            inside = values.peek_inside() if sign == b"[" else b""
            if inside in (b"{", b"]") and _holds_rows(key, [{}] if inside == b"{" else [], split):
                lists.append(key)
            objects += sign == b"{"
            others += sign != b"{"
            values.value()
    if lists:
        key = _chosen(path, lists, split)
        return RowFile(f"a JSON object with the rows under '{key}'", _guarded(path, _under(open_file, key)), key)
    if objects > 1000 and not others:
        return RowFile("a JSON table by row", _guarded(path, _values_of(open_file)))
    with open_file() as stream:
        data = stream.read(WHOLE_LIMIT + 1)
    if len(data) > WHOLE_LIMIT or _memory(data) > MEMORY_LIMIT:
        raise UserError(
            f"'{path}' holds its rows column by column, or one value of more than {ROW_LIMIT // 2**20} MB, and is too "
            "large to be read whole: write it row by row, as JSONL or Parquet"
        )
    whole = parse(data)
    if isinstance(whole, Defect):
        raise UserError(f"'{path}': {whole.detail}")
    if _is_row(whole):
        return RowFile("one JSON object", iter([SourceRow("line 1", too_long())]))
    return _table(path, whole, split)


def _memory(data: bytes) -> int:
    """Return at most how many bytes the values of a JSON text take in Python."""
    return 4 * len(data) + 72 * (data.count(b"[") + data.count(b"{")) + 64 * data.count(b",") + 170 * data.count(b":")


def _under(open_file: Open, wanted: str) -> Iterator[SourceRow]:
    with open_file() as stream:
        values = Values(stream)
        for key in values.members():
            if key == wanted:
                yield from _items(values)
            else:
                values.value()


def _values_of(open_file: Open) -> Iterator[SourceRow]:
    with open_file() as stream:
        values = Values(stream)
        for key in values.members():
            yield SourceRow(f"row '{key}'", parse_row(values.value()))
