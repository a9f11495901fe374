"""Put the shards of a table about rows together, in the order of the pool."""

from pathlib import Path

import pyarrow as pa

from scripts.common import cli
from scripts.common.program import Program
from scripts.common.tables import Table, read_table, write_table
from scripts.select.measuring import order_of
from scripts.select.tables import EMBEDDINGS, LOSSES

KINDS = {"losses": LOSSES, "embeddings": EMBEDDINGS}


def gather(kind: Table, shards: list[Path], clean: Path) -> pa.Table:
    """Return the shards' tables of that kind as one, rows in the order of the pool."""
    return order_of(clean, pa.concat_tables([read_table(kind, shard) for shard in shards]))


def main() -> None:
    program = Program(__doc__)
    program.add_argument("--kind", choices=list(KINDS), required=True, help="which table")
    program.add_input("--clean", "clean.parquet")
    program.add_input("--parts", "the table of every shard", many=True)
    program.add_output("--table", "the table to write")
    arguments = program.parse()
    kind = KINDS[arguments.kind]
    with program.recording():
        write_table(kind, gather(kind, arguments.parts, arguments.clean), arguments.table)


if __name__ == "__main__":
    cli.run(main)
