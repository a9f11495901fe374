"""Rows of a local file, one at a time: JSON (a list), JSONL, CSV or Parquet, plain, .gz or .zst."""

import csv
import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

from scripts.common.cli import UserError
from scripts.common.tables import iterate_parquet

SUFFIXES = (".json", ".jsonl", ".ndjson", ".csv", ".parquet")
DEFECT = "defect"  # the key of a row that could not be read; its value says why


def kind_of(path: Path) -> str:
    """Return the suffix that says how a file is read, a compression's suffix left out."""
    suffix = Path(path.stem).suffix if path.suffix in (".gz", ".zst") else path.suffix
    if suffix not in SUFFIXES:
        raise UserError(f"'{path}' is none of {', '.join(SUFFIXES)} (also .gz, .zst): convert it to one of them")
    return suffix


def open_binary(path: Path) -> IO[bytes]:
    """Open a file for reading, decompressed."""
    if path.suffix == ".gz":
        return cast(IO[bytes], gzip.open(path, "rb"))
    if path.suffix == ".zst":
        import zstandard

        return io.BufferedReader(cast(io.RawIOBase, zstandard.open(path, "rb")))
    return path.open("rb")


def iterate_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield every row of a file as a dict, in bounded memory; a row that cannot be read as {"defect": why}."""
    kind = kind_of(path)
    if kind == ".parquet":
        yield from _parquet_rows(path)
        return
    with open_binary(path) as stream:
        if kind == ".json":
            yield from _json_rows(stream, path)
        elif kind == ".csv":
            yield from _csv_rows(stream)
        else:
            yield from _jsonl_rows(stream)


def _parquet_rows(path: Path) -> Iterator[dict[str, Any]]:
    for batch in iterate_parquet(path, 1000):
        yield from batch.to_pylist()


def _jsonl_rows(stream: IO[bytes]) -> Iterator[dict[str, Any]]:
    for line in stream:
        if not line.strip():
            continue
        try:
            row = json.loads(line.decode("utf-8"))
        except UnicodeDecodeError as error:
            yield {DEFECT: f"not UTF-8: {error.reason} at byte {error.start}"}
            continue
        except json.JSONDecodeError as error:
            yield {DEFECT: f"malformed: {error.msg} at column {error.colno}"}
            continue
        yield row if isinstance(row, dict) else {DEFECT: f"malformed: a {type(row).__name__}, not an object"}


def _json_rows(stream: IO[bytes], path: Path) -> Iterator[dict[str, Any]]:
    import ijson

    try:
        for row in ijson.items(stream, "item", use_float=True):
            yield row if isinstance(row, dict) else {DEFECT: f"malformed: a {type(row).__name__}, not an object"}
    except (ijson.JSONError, UnicodeDecodeError) as error:
        # Behind a syntax error nothing of a JSON list can be told apart: no honest account is possible.
        raise UserError(f"'{path}' is not a JSON list of objects: {error}; mend it or convert it to JSONL") from error


def _csv_rows(stream: IO[bytes]) -> Iterator[dict[str, Any]]:
    csv.field_size_limit(2**30)  # a reasoning chain is longer than csv's default of 128 KiB
    text = io.TextIOWrapper(stream, encoding="utf-8", errors="surrogateescape", newline="")
    for row in csv.DictReader(text):
        if None in row or None in row.values():
            yield {DEFECT: "malformed: more or fewer fields than the header"}
            continue
        try:
            "".join(row.values()).encode("utf-8")
        except UnicodeEncodeError:
            yield {DEFECT: "not UTF-8"}
            continue
        yield {key: value if value != "" else None for key, value in row.items()}
