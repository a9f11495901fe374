"""Join the sources of a data set, each read by fetch_dataset, into raw.parquet: all their rows, or a draw by weights.

With weights the largest mixture in their proportions is drawn from the rows that can be read, by the seed. A row that
is not drawn is a row of raw.parquet too, which prepare_pool rejects as `not_drawn`: the account misses none.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from scripts.common import cli
from scripts.common.atomic import replacing
from scripts.common.cli import UserError
from scripts.common.program import Program
from scripts.common.seeds import derive_seed
from scripts.common.tables import WRITING, iterate_parquet
from scripts.data.reading import SCHEMA

BATCH = 1000


def shares(readable: Sequence[int], weights: Sequence[float]) -> list[int]:
    """Return how many rows of each source are drawn: as many as there can be in the proportions of the weights.

    Raises UserError where a source has no row that can be read.
    """
    scale = min(rows / weight for rows, weight in zip(readable, weights, strict=True))
    drawn = [min(rows, int(weight * scale + 1e-9)) for rows, weight in zip(readable, weights, strict=True)]
    if not all(drawn):
        raise UserError(
            f"the weights {list(weights)} ask for rows of every source, of {list(readable)} that can be read"
        )
    return drawn


def drawn_rows(readable: int, size: int, seed: int) -> Any:
    """Return a mask of the readable rows: `size` of them, drawn at random."""
    import numpy as np

    mask = np.zeros(readable, dtype=bool)
    mask[np.random.default_rng(seed).choice(readable, size, replace=False)] = True
    return mask


def readable_rows(path: Path) -> int:
    """Return how many rows of a source could be read."""
    return sum(batch["defect"].null_count for batch in iterate_parquet(path, 100 * BATCH, ["defect"]))


def numbered(path: Path, name: str, mask: Any, start: int) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a source, numbered from `start`; those that `mask` leaves out say so."""
    seen = 0
    for batch in iterate_parquet(path, BATCH):
        columns = {column: batch[column] for column in SCHEMA.names}
        if mask is not None:
            readable = pc.is_null(columns["defect"]).to_pylist()
            out = []
            for one in readable:
                out.append(one and not mask[seen])
                seen += one
            left = pa.array(out)
            columns["reason"] = pc.if_else(left, "not_drawn", columns["reason"])
            columns["defect"] = pc.if_else(
                left, f"not drawn from '{name}': the weights ask for fewer", columns["defect"]
            )
        columns["row"] = pa.array(range(start, start + batch.num_rows), pa.int64())
        start += batch.num_rows
        yield pa.RecordBatch.from_arrays([columns[column] for column in SCHEMA.names], schema=SCHEMA)


def main() -> None:
    program = Program(__doc__)
    program.add_input("--sources", "the sources, as fetch_dataset wrote them", many=True)
    program.add_argument("--names", nargs="+", required=True, help="their names, in the same order")
    program.add_argument("--weights", nargs="+", type=float, help="their weights (left out: all rows)")
    program.add_argument("--seed", type=int, default=0, help="the experiment's seed, with weights")
    program.add_output("--output", "raw.parquet")
    arguments = program.parse()
    with program.recording(seed=arguments.seed) as facts:
        readable = [readable_rows(path) for path in arguments.sources]
        drawn = shares(readable, arguments.weights) if arguments.weights else readable
        with (
            replacing(arguments.output) as temporary,
            pq.ParquetWriter(temporary, SCHEMA, **WRITING) as writer,
        ):
            start = 0
            for path, name, rows, size in zip(arguments.sources, arguments.names, readable, drawn, strict=True):
                seed = derive_seed(arguments.seed, "mix", name)
                mask = drawn_rows(rows, size, seed) if arguments.weights else None
                for batch in numbered(path, name, mask, start):
                    writer.write_batch(batch)
                    start += batch.num_rows
                cli.log.info("%s: %d rows can be read, %d are drawn", name, rows, size)
        facts["rows"] = start
        facts["drawn"] = dict(zip(arguments.names, drawn, strict=True))


if __name__ == "__main__":
    cli.run(main)
