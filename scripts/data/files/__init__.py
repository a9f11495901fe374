"""The forms of file that rows are read from, one module each: JSON, CSV, Parquet; plain, .gz or .zst."""

from pathlib import Path

from scripts.common.cli import UserError
from scripts.common.here import why_no_file
from scripts.data.files.base import COMPRESSED, Defect, RowFile, SourceRow, open_plain
from scripts.data.files.csv_rows import read_csv
from scripts.data.files.json_rows import read_json
from scripts.data.files.parquet_rows import read_parquet

__all__ = ["SUFFIXES", "Defect", "RowFile", "SourceRow", "open_rows", "suffix_of"]

JSON = (".json", ".jsonl", ".ndjson")
CSV = (".csv", ".tsv")
SUFFIXES = (*JSON, *CSV, ".parquet")


def suffix_of(name: str | Path) -> str:
    """Return the suffix that says how a file is read, in lower case, a compression's left out."""
    path = Path(name)
    return Path(path.stem if path.suffix.lower() in COMPRESSED else path.name).suffix.lower()


def open_rows(path: Path, split: str | None = None) -> RowFile:
    """Return the form of a file and its rows, in bounded memory.

    `split` says which of several lists of a JSON object is read. Raises UserError for a file that is none of SUFFIXES,
    not what its name says, cut off or not UTF-8, and for one that has no such list.
    """
    file = _open(path, split)
    if split and file.under != split:
        raise UserError(
            f"'{path}' is {file.layout} and has no split '{split}': leave dataset.split out to read all of it"
        )
    return file


def _open(path: Path, split: str | None) -> RowFile:
    if why := why_no_file(path):
        raise UserError(why)
    suffix = suffix_of(path)
    if suffix in JSON:
        return read_json(path, lambda: open_plain(path), split)
    if suffix in CSV:
        return read_csv(path, lambda: open_plain(path))
    if suffix == ".parquet" and path.suffix.lower() == ".parquet":
        return read_parquet(path)
    raise UserError(f"'{path}' is none of {', '.join(SUFFIXES)} (text also as .gz or .zst): convert it to one of them")
