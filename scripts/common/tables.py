"""The tables of the project: their columns and types, and the one way to read and write them.

Parquet tables are Arrow tables on the way in and out (polars and pandas both read and make them without a
copy). CSV tables are pandas frames, since people open them. A table that lacks a column, or holds a column
of another type, is a fault of the program that made it and stops the program that reads or writes it.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from scripts.common.atomic import replacing

_TEXT, _INT, _FLOAT, _BOOL = pa.string(), pa.int64(), pa.float64(), pa.bool_()
MESSAGES = pa.list_(pa.struct([("role", _TEXT), ("content", _TEXT)]))

SCHEMAS: dict[str, pa.Schema] = {
    # One row of the source as it came; further columns of the source may follow.
    "raw": pa.schema(
        [
            ("row", _INT),
            ("question", _TEXT),
            ("response", _TEXT),
            ("answer", _TEXT),
            ("system", _TEXT),
            ("source", _TEXT),
            ("category", _TEXT),
        ]
    ),
    "pool": pa.schema(
        [
            ("id", _TEXT),
            ("question", _TEXT),
            ("reasoning", _TEXT),
            ("answer", _TEXT),
            ("response", _TEXT),
            ("system", _TEXT),
            ("source", _TEXT),
            ("category", _TEXT),
            ("response_tokens", _INT),
        ]
    ),
    "rejected": pa.schema([("row", _INT), ("id", _TEXT), ("reason", _TEXT), ("detail", _TEXT)]),
    "contaminated": pa.schema(
        [("id", _TEXT), ("benchmark", _TEXT), ("question_id", _TEXT), ("overlap", _FLOAT), ("match", _TEXT)]
    ),
    # The texts of one id, joined in the order of `step`, are its reasoning, byte for byte.
    "steps": pa.schema(
        [("id", _TEXT), ("step", _INT), ("start", _INT), ("end", _INT), ("text", _TEXT), ("pattern", _TEXT)]
    ),
    # Functional steps only. NLLs are means over the answer's tokens, in nats.
    "scores": pa.schema(
        [
            ("id", _TEXT),
            ("step", _INT),
            ("pattern", _TEXT),
            ("answer_tokens", _INT),
            ("nll_full", _FLOAT),
            ("nll_without", _FLOAT),
            ("pir", _FLOAT),
        ]
    ),
    # `reason` says why a row has no scores (null: it has); `tokens` is the length of the scored sequence.
    "samples": pa.schema(
        [
            ("id", _TEXT),
            ("n_steps", _INT),
            ("n_functional", _INT),
            ("mean_pir", _FLOAT),
            ("chain_gain", _FLOAT),
            ("tokens", _INT),
            ("reason", _TEXT),
        ]
    ),
    # Tokens count the whole conversation as the chat template renders it, before and after pruning.
    "subset": pa.schema(
        [
            ("id", _TEXT),
            ("messages", MESSAGES),
            ("tokens", _INT),
            ("tokens_before", _INT),
            ("pruned_steps", pa.list_(_INT)),
        ]
    ),
    # One row an answer. `text` is the answer as generated, for the page of examples. A question that is answered by
    # likelihood has one row: the likeliest choice is its text, `logprobs` (nats) are those of all choices.
    "answers": pa.schema(
        [
            ("model", _TEXT),
            ("subset", _TEXT),
            ("train_seed", _INT),
            ("benchmark", _TEXT),
            ("question_id", _TEXT),
            ("sample", _INT),
            ("correct", _INT),
            ("extracted", _TEXT),
            ("gold", _TEXT),
            ("reason", _TEXT),
            ("output_tokens", _INT),
            ("truncated", _BOOL),
            ("finish_reason", _TEXT),
            ("text", _TEXT),
            ("logprobs", pa.list_(_FLOAT)),
        ]
    ),
}

CSV_COLUMNS: dict[str, list[str]] = {
    "scores": [
        "model",
        "benchmark",
        "n_questions",
        "samples",
        "score",
        "se",
        "ci_low",
        "ci_high",
        "pass_at_k",
        "majority",
        "output_tokens",
        "truncated_rate",
        "unparsed_rate",
    ],
    "comparisons": [
        "question",
        "benchmark",
        "subset",
        "reference",
        "n_questions",
        "runs_subset",
        "runs_reference",
        "difference",
        "se",
        "df",
        "ci_low",
        "ci_high",
        "p_value",
        "p_holm",
        "mde80",
        "verdict",
        "level",
    ],
}


class TableError(Exception):
    """A table does not have the columns or types that its name promises."""


def _conform(name: str, table: pa.Table, where: str, columns: Sequence[str] | None = None) -> pa.Table:
    schema = SCHEMAS[name] if columns is None else pa.schema([SCHEMAS[name].field(column) for column in columns])
    missing = [column for column in schema.names if column not in table.column_names]
    if missing:
        raise TableError(f"{where}: table '{name}' lacks the columns {', '.join(missing)}")
    extra = [column for column in table.column_names if column not in schema.names]
    if extra and name != "raw":
        raise TableError(f"{where}: table '{name}' has unknown columns {', '.join(extra)}")
    try:
        known = table.select(schema.names).cast(schema)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as error:
        raise TableError(f"{where}: table '{name}' has a column of the wrong type: {error}") from error
    for column in extra:
        known = known.append_column(column, table[column])
    return known


def to_table(name: str, rows: Any) -> pa.Table:
    """Return `rows` (a list of dicts, or a polars, pandas or Arrow table) as the Arrow table called `name`."""
    if isinstance(rows, list):
        if name == "raw" and rows:
            return _conform(name, pa.Table.from_pylist(rows), "memory")
        return pa.Table.from_pylist(rows, schema=SCHEMAS[name])
    return _conform(name, pa.table(rows), "memory")


def write_table(name: str, rows: Any, path: str | Path) -> None:
    """Check `rows` against the table called `name` and write them to `path` as Parquet (zstd)."""
    table = to_table(name, rows)
    with replacing(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


class TableWriter:
    """Writes the table called `name` in batches, in bounded memory; on leaving without error it appears at `path`."""

    def __init__(self, name: str, path: str | Path) -> None:
        self.name = name
        self.rows = 0
        self._file = replacing(path)

    def __enter__(self) -> "TableWriter":
        self._writer = pq.ParquetWriter(self._file.__enter__(), SCHEMAS[self.name], compression="zstd")
        return self

    def write(self, rows: Any) -> None:
        """Append `rows`, in any form that `to_table` takes."""
        table = to_table(self.name, rows)
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
    yield from pq.ParquetFile(path, pre_buffer=False).iter_batches(batch_size=rows, columns=columns)


def iterate_table(
    name: str, path: str | Path, rows: int, columns: Sequence[str] | None = None, ids: Iterable[str] | None = None
) -> Iterator[pa.Table]:
    """Yield the table called `name` from `path`, at most `rows` rows at a time: `columns` of it, rows of `ids` only."""
    wanted = None if ids is None else set(ids)
    for batch in iterate_parquet(path, rows, columns):
        table = _conform(name, pa.Table.from_batches([batch]), str(path), columns)
        yield table if wanted is None else table.filter([identity in wanted for identity in table["id"].to_pylist()])


def read_table(
    name: str, path: str | Path, columns: Sequence[str] | None = None, ids: Iterable[str] | None = None
) -> pa.Table:
    """Read the Parquet file `path` as the table called `name`, columns and types checked: `columns` of it, and of its
    rows only those of `ids`, in their order in the file. Memory holds what is asked for, however long the file."""
    if ids is None:
        return _conform(name, pq.ParquetFile(path).read(columns=columns), str(path), columns)
    tables = list(iterate_table(name, path, 1000, columns, ids))
    return pa.concat_tables(tables) if tables else read_table(name, path, columns)


def write_csv(name: str, frame: pd.DataFrame, path: str | Path) -> None:
    """Write `frame` to `path` as the CSV table called `name`, with exactly its columns, in their order."""
    frame = _with_columns(name, frame, str(path))
    with replacing(path) as temporary:
        frame.to_csv(temporary, index=False)


def read_csv(name: str, path: str | Path) -> pd.DataFrame:
    """Read the CSV table called `name` from `path`."""
    return _with_columns(name, pd.read_csv(path), str(path))


def _with_columns(name: str, frame: pd.DataFrame, where: str) -> pd.DataFrame:
    columns = CSV_COLUMNS[name]
    if set(frame.columns) != set(columns):
        raise TableError(f"{where}: table '{name}' has columns {list(frame.columns)}, not {columns}")
    return frame[columns]
