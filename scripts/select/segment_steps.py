"""Cut the reasoning of the rows that will be scored into steps, each with its pattern: steps.parquet.

A row without a final answer is not drawn: scores ask what a step does for the answer.
"""

import functools
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from scripts.common import cli
from scripts.common.digest import code_digest
from scripts.common.parts import Work, add_options, in_parts, of_size, parts_folder
from scripts.common.program import Program
from scripts.common.seeds import derive_seed
from scripts.common.tables import TableWriter, iterate_table, read_table, to_table
from scripts.data.tables import POOL
from scripts.select.limopro.sequence import MODEL, SequenceModel, read_model
from scripts.select.limopro.steps import segment
from scripts.select.tables import STEPS

BATCH = 1000
ROWS = 64  # of a part
PROGRAM = "scripts/select/segment_steps.py"


def draw_rows(clean: pl.DataFrame, score_rows: int | None, seed: int) -> pl.DataFrame:
    """Return `score_rows` rows drawn at random, in the order of the pool (all of them if there are no more)."""
    if score_rows is None or score_rows >= len(clean):
        return clean
    positions = pl.int_range(len(clean), eager=True).sample(score_rows, seed=derive_seed(seed, "score_rows"))
    return clean[positions.sort()]


def drawn_ids(clean: Path, score_rows: int | None, seed: int) -> list[str]:
    """Return the ids of the rows to cut, in the order of the pool. Raises UserError where no row has a final answer."""
    every = pl.DataFrame(read_table(POOL, clean, ["id", "answer"])).filter(pl.col("answer").is_not_null())
    if every.is_empty():
        raise cli.UserError(
            f"no row of '{clean}' has a final answer, which the scores of steps ask after: give the data set a column "
            "`answer`, or take subsets that need no scores"
        )
    return draw_rows(every, score_rows, seed)["id"].to_list()


def steps_of(row: dict[str, Any], model: SequenceModel) -> list[dict[str, object]]:
    """Return the rows of `steps` for one row of the pool."""
    reasoning = row["reasoning"]
    return [
        {
            "id": row["id"],
            "step": number,
            "start": step.start,
            "end": step.end,
            "text": reasoning[step.start : step.end],
            "pattern": step.pattern,
        }
        for number, step in enumerate(segment(reasoning, row["question"], row["answer"], model))
    ]


def cut_part(rows: pa.Table, model: SequenceModel) -> pa.Table:
    """Return the rows of `steps` for rows of the pool."""
    return to_table(STEPS, [step for row in rows.to_pylist() for step in steps_of(row, model)])


def start_cutting(weights: Path) -> Work:
    """Return `cut_part` with its model, as a process of its own starts it."""
    return functools.partial(cut_part, model=read_model(weights))


def main() -> None:
    program = Program(__doc__)
    program.add_input("--clean", "clean.parquet")
    program.add_input(
        "--model", "weights of the sequence model (default: those that come with the project)", optional=True
    )
    program.add_argument("--score-rows", type=int, help="rows to draw (default: all)")
    program.add_argument("--seed", type=int, required=True, help="the experiment's seed")
    add_options(program)
    program.add_output("--steps", "steps.parquet")
    arguments = program.parse()
    weights = arguments.model or MODEL
    drawn = drawn_ids(arguments.clean, arguments.score_rows, arguments.seed)
    batches = iterate_table(POOL, arguments.clean, BATCH, ["id", "reasoning", "question", "answer"], ids=drawn)
    state = [str(arguments.score_rows), str(arguments.seed), code_digest(PROGRAM, ["polars", "numpy"])]

    with (
        program.recording(seed=arguments.seed) as facts,
        parts_folder(arguments.work, [arguments.clean, weights], *state) as folder,
        TableWriter(STEPS, arguments.steps) as writer,
    ):
        patterns: Counter[object] = Counter()
        start = functools.partial(start_cutting, weights)
        parts = in_parts(of_size(batches, ROWS), start, arguments.threads, folder)
        for part in cli.progress(parts, "rows", f"x{ROWS} rows"):
            patterns.update(part.made["pattern"].to_pylist())
            writer.write(part.made)
        facts["steps"] = dict(patterns)
    cli.log.info("%d chains, %d steps: %s", len(drawn), writer.rows, dict(patterns))


if __name__ == "__main__":
    cli.run(main)
