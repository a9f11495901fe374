"""Draw one control of a subset, for one training seed.

rows: as many random rows of the clean pool. tokens: random rows up to as many tokens. unpruned: the subset's rows,
whole. random_prune: the subset's rows, as many functional steps per chain and pattern left out at random.
"""

from pathlib import Path
from typing import Any, get_args

import polars as pl

from scripts.common import chat, cli
from scripts.common.config.selection import Control
from scripts.common.provenance import recording
from scripts.common.seeds import derive_seed
from scripts.common.tables import TableWriter, read_table
from scripts.select.pruning import random_steps
from scripts.select.subset import Step, draw_ids, find_steps, subset_batches


def rows_up_to(clean: Path, tokens: int, tokenizer: Any, seed: int) -> list[str]:
    """Return ids of the table `clean` drawn at random, so many that their conversations come nearest to `tokens`."""
    order = pl.DataFrame(read_table("pool", clean, ["id", "response_tokens"]))
    order = order.sample(fraction=1.0, shuffle=True, seed=seed)
    # A conversation is longer than its response: no row behind the responses that fill `tokens` can be reached.
    order = order.filter((pl.col("response_tokens").cum_sum() - pl.col("response_tokens")) <= tokens)
    lengths = {row["id"]: row["tokens"] for rows in subset_batches(clean, order["id"], tokenizer, {}) for row in rows}
    ids: list[str] = []
    total = 0
    for identity in order["id"]:
        length = lengths[identity]
        if total + length > tokens:
            # The last row is taken when that comes nearer than leaving it.
            return [*ids, identity] if total + length - tokens < tokens - total else ids
        ids.append(identity)
        total += length
    return ids


def pruned_counts(subset: pl.DataFrame, scores: pl.DataFrame) -> pl.DataFrame:
    """Return (id, pattern, count): how many functional steps of each pattern the subset lost."""
    removed = subset.select("id", step="pruned_steps").explode("step").drop_nulls()
    patterns = scores.select("id", "step", "pattern")
    return removed.join(patterns, on=["id", "step"], how="inner").group_by("id", "pattern").agg(count=pl.len())


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--control", choices=get_args(Control), required=True, help="which control")
    parser.add_argument("--name", required=True, help="the subset's name")
    parser.add_argument("--training-seed", type=int, required=True, help="the training seed that it is drawn for")
    parser.add_argument("--seed", type=int, required=True, help="the experiment's seed")
    parser.add_argument("--of", type=Path, required=True, help="the subset's Parquet file")
    parser.add_argument("--clean", type=Path, required=True, help="clean.parquet")
    parser.add_argument("--model", type=Path, required=True, help="folder of the model (tokenizer)")
    parser.add_argument("--chat-template", type=Path, help="Jinja file that replaces the model's chat template")
    parser.add_argument("--steps", type=Path, help="steps.parquet (random_prune)")
    parser.add_argument("--scores", type=Path, help="scores.parquet (random_prune)")
    parser.add_argument("--subset", type=Path, required=True, help="the control's Parquet file")
    arguments = parser.parse_args()
    subset = pl.DataFrame(read_table("subset", arguments.of))
    tokenizer = chat.load_tokenizer(arguments.model, arguments.chat_template)
    parts = (arguments.seed, arguments.training_seed, arguments.control, arguments.name)

    inputs = [path for path in (arguments.of, arguments.clean, arguments.steps, arguments.scores) if path]
    with (
        recording(
            outputs=[arguments.subset], inputs=inputs, seed=arguments.seed, training_seed=arguments.training_seed
        ),
        TableWriter("subset", arguments.subset) as writer,
    ):
        ids: list[str] = subset["id"].to_list()
        pruned: dict[str, list[Step]] = {}
        if arguments.control == "rows":
            ids = draw_ids(read_table("pool", arguments.clean, ["id"])["id"].to_pylist(), len(subset), *parts)
        elif arguments.control == "tokens":
            ids = rows_up_to(arguments.clean, int(subset["tokens"].sum()), tokenizer, derive_seed(*parts))
        elif arguments.control == "random_prune":
            scores = pl.DataFrame(read_table("scores", arguments.scores)).filter(pl.col("id").is_in(ids))
            pairs = random_steps(pruned_counts(subset, scores), scores, derive_seed(*parts))
            pruned = find_steps(pairs, arguments.steps)
        for rows in subset_batches(arguments.clean, ids, tokenizer, pruned):
            writer.write(rows)
    cli.log.info("%s of %s: %d rows", arguments.control, arguments.name, writer.rows)


if __name__ == "__main__":
    cli.run(main)
