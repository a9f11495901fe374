"""Rows of files of any form, brought to rows of `raw`: what fetch_dataset writes and inspect shows."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from scripts.common.config.dataset import Reading
from scripts.data.account import Account
from scripts.data.files import Defect, SourceRow, open_rows
from scripts.data.formats import Columns, Malformed, to_raw
from scripts.data.tables import RAW

SCHEMA = RAW.schema.append(pa.field("reason", pa.string())).append(pa.field("defect", pa.string()))
"""The columns of raw.parquet: `reason` and `defect` say why a row could not be read, in the word and at length."""


def source_rows(paths: Iterable[Path], reading: Reading, account: Account) -> Iterator[SourceRow]:
    """Yield every row of the files, in their order."""
    several = len(paths := list(paths)) > 1
    # On the hub a split is files; inside a file it is a list.
    split = reading.split if reading.source == "file" or reading.file else None
    for path in paths:
        file = open_rows(path, split)
        account.add_layout(file.layout)
        for place, row in file.rows:
            yield SourceRow(f"{path.name}, {place}" if several else place, row)


def raw_rows(
    rows: Iterable[SourceRow], reading: Reading, account: Account, name: str | None = None
) -> Iterator[dict[str, Any]]:
    """Yield a row of `raw` for each row of a source, also for one that cannot be read; `name` is the source's."""
    for number, (place, row) in enumerate(rows):
        raw = dict.fromkeys(SCHEMA.names) | {"row": number}
        defect = row if isinstance(row, Defect) else None
        if not isinstance(row, Defect):
            columns = Columns(row, reading.columns)
            try:
                found = to_raw(columns, reading.format, reading.columns)
            except Malformed as why:
                defect = Defect(why.reason, str(why))
            else:
                raw |= found.values
                raw["system"] = raw["system"] or reading.system_prompt
                if name and columns.taken.pop("source", None):
                    columns.fields_left.append("source")
                size = len(found.values["response"] or "")
                account.add_row(row, found.format, columns.taken, columns.left_out(), found.notes, size)
        if defect:
            raw |= {"reason": defect.reason, "defect": defect.detail}
            account.add_defect(defect.reason, defect.detail, place)
        raw["source"] = name or raw["source"]
        yield raw
