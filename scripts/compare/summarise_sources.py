"""The account of rows by source, for a data set of several: what came in, what left and why, what stayed."""

from pathlib import Path

import pandas as pd
import polars as pl

from scripts.common import cli
from scripts.common.program import Program
from scripts.common.tables import read_columns
from scripts.compare.tables import COLUMNS, write_csv


def account(raw: pl.DataFrame, rejected: pl.DataFrame, pool: pl.DataFrame, contaminated: pl.DataFrame) -> pd.DataFrame:
    """Return the table sources. `raw` has row and source, `rejected` row and reason, `pool` id and source,
    `contaminated` id.

    Raises ValueError where the rows of a source are unaccounted for.
    """
    left = rejected.join(raw, on="row", how="left", maintain_order="left")
    hit = pool.join(contaminated.unique("id"), on="id", how="semi")
    rows = []
    for source in raw["source"].unique(maintain_order=True):
        mine = {name: table.filter(pl.col("source").eq_missing(source)) for name, table in
                (("raw", raw), ("rejected", left), ("pool", pool), ("contaminated", hit))}  # fmt: skip
        count = {name: table.height for name, table in mine.items()}
        if count["raw"] != count["rejected"] + count["pool"]:
            raise ValueError(f"rows of '{source}' are missing: {count}")
        reasons = mine["rejected"]["reason"].value_counts(sort=True).iter_rows()
        stages = [("raw", "", count["raw"]), *(("rejected", reason, number) for reason, number in reasons)]
        stages += [(stage, "", count[stage]) for stage in ("pool", "contaminated")]
        stages.append(("clean", "", count["pool"] - count["contaminated"]))
        rows += [(source or "", *stage) for stage in stages]
    return pd.DataFrame(rows, columns=COLUMNS["sources"])


def main() -> None:
    program = Program(__doc__)
    for name in ("raw", "rejected", "pool", "contaminated"):
        program.add_input(f"--{name}", f"{name}.parquet")
    program.add_output("--table", "sources.csv to write")
    arguments = program.parse()
    columns = {
        "raw": ["row", "source"],
        "rejected": ["row", "reason"],
        "pool": ["id", "source"],
        "contaminated": ["id"],
    }

    def read(name: str) -> pl.DataFrame:
        path: Path = getattr(arguments, name)
        return pl.DataFrame(read_columns(path, columns[name]))

    with program.recording():
        write_csv("sources", account(*map(read, columns)), arguments.table)


if __name__ == "__main__":
    cli.run(main)
