"""Put the shards' scores and samples together, in the order of the pool."""

from pathlib import Path

import polars as pl

from scripts.common import cli
from scripts.common.provenance import recording
from scripts.common.tables import read_table, write_table


def gather(name: str, shards: list[Path], order: pl.DataFrame) -> pl.DataFrame:
    """Return the shards' tables of that name as one, rows in the order of the ids in `order`."""
    table = pl.concat([pl.DataFrame(read_table(name, shard)) for shard in shards])
    return order.join(table, on="id", how="inner", maintain_order="left_right")


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--steps", type=Path, required=True, help="steps.parquet")
    parser.add_argument("--score-shards", type=Path, nargs="+", required=True, help="scores of every shard")
    parser.add_argument("--sample-shards", type=Path, nargs="+", required=True, help="samples of every shard")
    parser.add_argument("--scores", type=Path, required=True, help="scores.parquet")
    parser.add_argument("--samples", type=Path, required=True, help="samples.parquet")
    arguments = parser.parse_args()
    order = pl.DataFrame(read_table("steps", arguments.steps, ["id"])).select(pl.col("id").unique(maintain_order=True))

    inputs = [arguments.steps, *arguments.score_shards, *arguments.sample_shards]
    with recording(outputs=[arguments.scores, arguments.samples], inputs=inputs):
        scores = gather("scores", arguments.score_shards, order)
        samples = gather("samples", arguments.sample_shards, order)
        if len(samples) != len(order):
            raise RuntimeError(f"{len(order)} chains went out to be scored, {len(samples)} came back")
        write_table("scores", scores, arguments.scores)
        write_table("samples", samples, arguments.samples)


if __name__ == "__main__":
    cli.run(main)
