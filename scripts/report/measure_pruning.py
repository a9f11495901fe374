"""What each prune ratio would leave of the scored rows, without training: pruning.csv.

Steps are chosen as for a subset: per chain and pattern, lowest PIR first. A removed step counts the tokens of its text
by itself, as the scorer tokenises it, against the tokens of the whole responses.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl

from scripts.common import chat, cli
from scripts.common.provenance import recording
from scripts.common.tables import read_table
from scripts.report.paper import RATIOS
from scripts.report.report_tables import write_report_table
from scripts.select.pruning import lowest_impact

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
    parser = cli.parser(__doc__)
    for name in ("clean", "steps", "scores", "samples"):
        parser.add_argument(f"--{name}", type=Path, required=True, help=f"{name}.parquet")
    parser.add_argument("--model", type=Path, required=True, help="folder of the model (tokenizer)")
    parser.add_argument("--chat-template", type=Path, help="Jinja file that replaces the model's chat template")
    parser.add_argument("--ratios", type=float, nargs="*", default=[], help="prune ratios beside those of the paper")
    parser.add_argument("--table", type=Path, required=True, help="pruning.csv to write")
    arguments = parser.parse_args()
    inputs = [arguments.clean, arguments.steps, arguments.scores, arguments.samples]
    with recording(outputs=[arguments.table], inputs=inputs):
        samples = pl.DataFrame(read_table("samples", arguments.samples)).filter(pl.col("reason").is_null())
        scores = pl.DataFrame(read_table("scores", arguments.scores))
        clean = pl.DataFrame(read_table("pool", arguments.clean))
        rows = clean.join(samples.select("id"), on="id", how="semi")
        steps = pl.DataFrame(read_table("steps", arguments.steps)).join(scores, on=["id", "step"], how="semi")
        tokens = count_step_tokens(steps, chat.load_tokenizer(arguments.model, arguments.chat_template))
        table = pruning_table(scores, tokens, rows, [*RATIOS, *arguments.ratios])
        write_report_table("pruning", table, arguments.table)


if __name__ == "__main__":
    cli.run(main)
