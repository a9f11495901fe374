"""What each prune ratio would leave of the scored rows, without training: pruning.csv.

Steps are chosen as for a subset: per chain and pattern, lowest PIR first. A removed step counts the tokens of its text
by itself, as the scorer tokenises it, against the tokens of the whole responses.
"""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import polars as pl

from scripts.common import chat, cli
from scripts.common.program import Program
from scripts.common.tables import read_table
from scripts.compare.paper import RATIOS
from scripts.compare.tables import write_csv
from scripts.data.tables import POOL
from scripts.select.limopro.pruning import lowest_impact
from scripts.select.tables import SAMPLES, STEP_SCORES, STEPS

BATCH = 1000


def count_step_tokens(steps: pl.DataFrame, tokenizer: Any) -> pl.DataFrame:
    """Return (id, step, tokens) for steps with their text."""
    counts: list[int] = []
    for batch in steps.iter_slices(BATCH):
        counts += chat.token_lengths(tokenizer, batch["text"].to_list())
    return steps.select("id", "step", tokens=pl.Series(counts, dtype=pl.Int64))


def pruning_table(
    scores: pl.DataFrame, tokens: pl.DataFrame, rows: pl.DataFrame, ratios: Sequence[float]
) -> pd.DataFrame:
    """Return the table pruning. `tokens` has id, step and tokens of the functional steps, `rows` the scored rows of the
    pool with their response_tokens."""
    before = int(rows["response_tokens"].sum())
    table = []
    for ratio in sorted(set(ratios)):
        removed = lowest_impact(scores, ratio)
        gone = int(removed.join(tokens, on=["id", "step"], how="inner")["tokens"].sum())
        counts = {"functional_steps": len(scores), "pruned_steps": len(removed)}
        table.append({"ratio": ratio, "rows": len(rows), **counts, "tokens_before": before, "tokens": before - gone})
    return pd.DataFrame(table)


def main() -> None:
    program = Program(__doc__)
    for name in ("clean", "steps", "scores", "samples"):
        program.add_input(f"--{name}", f"{name}.parquet")
    program.add_input("--model", "folder of the model (tokenizer)")
    chat.add_chat(program)
    program.add_argument("--ratios", type=float, nargs="*", default=[], help="prune ratios beside those of the paper")
    program.add_output("--table", "pruning.csv to write")
    arguments = program.parse()
    with program.recording():
        samples = pl.DataFrame(read_table(SAMPLES, arguments.samples)).filter(pl.col("reason").is_null())
        scores = pl.DataFrame(read_table(STEP_SCORES, arguments.scores))
        clean = pl.DataFrame(read_table(POOL, arguments.clean))
        rows = clean.join(samples.select("id"), on="id", how="semi")
        steps = pl.DataFrame(read_table(STEPS, arguments.steps)).join(scores, on=["id", "step"], how="semi")
        tokens = count_step_tokens(steps, chat.tokenizer_from(arguments, arguments.model))
        table = pruning_table(scores, tokens, rows, [*RATIOS, *arguments.ratios])
        write_csv("pruning", table, arguments.table)


if __name__ == "__main__":
    cli.run(main)
