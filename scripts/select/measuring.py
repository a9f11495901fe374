"""What the programs that measure rows share: which rows they look at, and how they work through a shard of them."""

from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from scripts.common import cli
from scripts.common.parts import Work, in_parts, of_size, parts_folder
from scripts.common.program import Program
from scripts.common.seeds import derive_seed
from scripts.common.tables import Table, TableWriter, iterate_table, read_table
from scripts.data.tables import POOL

BATCH = 1000
NOT_DRAWN = "not drawn to be looked at"


def add_rows(program: Program) -> None:
    """Add the options that say which rows are looked at."""
    program.add_argument("--rows", type=int, help="clean rows to draw (default: all that are fit)")
    program.add_argument("--seed", type=int, required=True, help="the experiment's seed")


def add_shard(program: Program) -> None:
    """Add the options of a program that works through a shard of the rows and goes on where it was stopped."""
    add_rows(program)
    program.add_argument("--shard", type=int, default=0, help="which shard, from 0")
    program.add_argument("--shards", type=int, default=1, help="how many shards there are")
    program.add_argument(
        "--work", type=Path, help="folder for what is done so far (default: a stopped program starts anew)"
    )


def draw(ids: Sequence[str], rows: int | None, seed: int) -> list[str]:
    """Return `rows` of `ids` drawn at random, in their order (all of them if there are no more)."""
    if rows is None or rows >= len(ids):
        return list(ids)
    places = pl.int_range(len(ids), eager=True).sample(rows, seed=derive_seed(seed, "rows")).sort()
    return [ids[place] for place in places]


def shard_ids(clean: Path, rows: int | None, seed: int, shard: int, shards: int, answered: bool = False) -> list[str]:
    """Return the ids of every `shards`-th of the drawn rows, from number `shard` on; `answered`: of those that have a
    final answer.

    Raises UserError where the shard would be empty.
    """
    table = pl.DataFrame(read_table(POOL, clean, ["id", "answer"]))
    ids = (table.filter(pl.col("answer").is_not_null()) if answered else table)["id"].to_list()
    taken = draw(ids, rows, seed)[shard::shards]
    if not taken:
        what = "rows with a final answer" if answered else "rows"
        raise cli.UserError(
            f"shard {shard} of {shards} is empty: there are {len(ids)} {what}; lower the subset's shards"
        )
    return taken


def write_measured(
    kind: Table,
    path: Path,
    clean: Path,
    ids: Sequence[str],
    columns: Sequence[str],
    part_rows: int,
    start: Callable[[], Work],
    work: Path | None,
    inputs: Sequence[Path],
    state: Sequence[str],
) -> int:
    """Write the table `kind` of the clean rows `ids`, `part_rows` at a time, each part kept under `work` until all are
    there; return how many rows it has. `start` returns what makes the table of a part; `state` is what it hangs on."""
    batches = iterate_table(POOL, clean, BATCH, columns, ids=ids)
    with parts_folder(work, [clean, *inputs], *state) as folder, TableWriter(kind, path) as writer:
        parts = in_parts(of_size(batches, part_rows), start, 1, folder)
        for part in cli.progress(parts, "rows", f"x{part_rows} rows", total=-(-len(ids) // part_rows)):
            writer.write(part.made)
    return writer.rows


def order_of(clean: Path, made: pa.Table) -> pa.Table:
    """Return a table about rows in the order of the pool."""
    order = {identity: place for place, identity in enumerate(read_table(POOL, clean, ["id"])["id"].to_pylist())}
    places = pa.array([order[identity] for identity in made["id"].to_pylist()])
    return made.take(pc.sort_indices(places))
