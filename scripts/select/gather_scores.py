"""Put the shards' scores and samples together, in the order of the pool."""

from pathlib import Path

import polars as pl

from scripts.common import cli
from scripts.common.program import Program
from scripts.common.tables import Table, read_table, write_table
from scripts.select.tables import SAMPLES, STEP_SCORES, STEPS


def gather(kind: Table, shards: list[Path], order: pl.DataFrame) -> pl.DataFrame:
    """Return the shards' tables of that kind as one, rows in the order of the ids in `order`."""
    table = pl.concat([pl.DataFrame(read_table(kind, shard)) for shard in shards])
    return order.join(table, on="id", how="inner", maintain_order="left_right")


def main() -> None:
    program = Program(__doc__)
    program.add_input("--steps", "steps.parquet")
    program.add_input("--score-shards", "scores of every shard", many=True)
    program.add_input("--sample-shards", "samples of every shard", many=True)
    program.add_output("--scores", "scores.parquet")
    program.add_output("--samples", "samples.parquet")
    arguments = program.parse()
    order = pl.DataFrame(read_table(STEPS, arguments.steps, ["id"])).select(pl.col("id").unique(maintain_order=True))

    with program.recording():
        scores = gather(STEP_SCORES, arguments.score_shards, order)
        samples = gather(SAMPLES, arguments.sample_shards, order)
        if len(samples) != len(order):
            raise RuntimeError(f"{len(order)} chains went out to be scored, {len(samples)} came back")
        write_table(STEP_SCORES, scores, arguments.scores)
        write_table(SAMPLES, samples, arguments.samples)


if __name__ == "__main__":
    cli.run(main)
