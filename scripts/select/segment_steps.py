"""Cut the reasoning of the rows that will be scored into steps, each with its pattern: steps.parquet."""

from collections import Counter
from pathlib import Path

import polars as pl

from scripts.common import cli
from scripts.common.provenance import recording
from scripts.common.seeds import derive_seed
from scripts.common.tables import TableWriter, iterate_table, read_table
from scripts.select.patterns import classify
from scripts.select.segment import step_bounds

BATCH = 1000


def draw_rows(clean: pl.DataFrame, score_rows: int | None, seed: int) -> pl.DataFrame:
    """Return `score_rows` rows drawn at random, in the order of the pool (all of them if there are no more)."""
    if score_rows is None or score_rows >= len(clean):
        return clean
    positions = pl.int_range(len(clean), eager=True).sample(score_rows, seed=derive_seed(seed, "score_rows"))
    return clean[positions.sort()]


def steps_of(identity: str, reasoning: str) -> list[dict[str, object]]:
    """Return the rows of `steps` for one chain."""
    return [
        {
            "id": identity,
            "step": number,
            "start": start,
            "end": end,
            "text": reasoning[start:end],
            "pattern": classify(reasoning[start:end]),
        }
        for number, (start, end) in enumerate(step_bounds(reasoning))
    ]


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--clean", type=Path, required=True, help="clean.parquet")
    parser.add_argument("--score-rows", type=int, help="rows to draw (default: all)")
    parser.add_argument("--seed", type=int, required=True, help="the experiment's seed")
    parser.add_argument("--steps", type=Path, required=True, help="steps.parquet")
    arguments = parser.parse_args()
    every = pl.DataFrame(read_table("pool", arguments.clean, ["id"]))
    drawn = draw_rows(every, arguments.score_rows, arguments.seed)["id"].to_list()
    batches = iterate_table("pool", arguments.clean, BATCH, ["id", "reasoning"], ids=drawn)

    with (
        recording(outputs=[arguments.steps], inputs=[arguments.clean], seed=arguments.seed) as facts,
        TableWriter("steps", arguments.steps) as writer,
    ):
        patterns: Counter[object] = Counter()
        for batch in cli.progress(batches, "rows", f"x{BATCH} rows"):
            steps = [step for row in batch.to_pylist() for step in steps_of(row["id"], row["reasoning"])]
            patterns.update(step["pattern"] for step in steps)
            writer.write(steps)
        facts["steps"] = dict(patterns)
    cli.log.info("%d chains, %d steps: %s", len(drawn), writer.rows, dict(patterns))


if __name__ == "__main__":
    cli.run(main)
