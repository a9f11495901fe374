"""Draw one subset of the clean pool: all rows, random rows, or LIMOPro's band with its low-impact steps pruned."""

from pathlib import Path
from typing import Any

import polars as pl
from pydantic import TypeAdapter

from scripts.common import chat, cli
from scripts.common.config.selection import All, Limopro, Random, Subset
from scripts.common.provenance import recording
from scripts.common.tables import TableWriter, read_table
from scripts.select.pruning import band_rows, lowest_impact
from scripts.select.subset import Step, draw_ids, find_steps, subset_batches


def select_limopro(
    settings: Limopro, scores: pl.DataFrame, samples: pl.DataFrame, name: str, seed: int
) -> tuple[list[str], pl.DataFrame]:
    """Return the ids in the band (a draw of `size` of them) and the steps to prune, as pairs (id, step)."""
    if isinstance(settings.prune_ratio, list):
        raise cli.UserError(f"subset '{name}' has several prune ratios: they make as many subsets, draw one at a time")
    inside = band_rows(samples, settings.sample_score, settings.band)
    ids = draw_ids(inside, settings.size, seed, settings.drawn_as or name)
    return ids, lowest_impact(scores.filter(pl.col("id").is_in(ids)), settings.prune_ratio)


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--name", required=True, help="the subset's name")
    parser.add_argument("--settings", required=True, help="the subset's settings as JSON")
    parser.add_argument("--seed", type=int, required=True, help="the experiment's seed")
    parser.add_argument("--clean", type=Path, required=True, help="clean.parquet")
    parser.add_argument("--model", type=Path, required=True, help="folder of the model (tokenizer)")
    parser.add_argument("--chat-template", type=Path, help="Jinja file that replaces the model's chat template")
    parser.add_argument("--steps", type=Path, help="steps.parquet (limopro)")
    parser.add_argument("--scores", type=Path, help="scores.parquet (limopro)")
    parser.add_argument("--samples", type=Path, help="samples.parquet (limopro)")
    parser.add_argument("--subset", type=Path, required=True, help="the subset's Parquet file")
    arguments = parser.parse_args()
    settings: Any = TypeAdapter(Subset).validate_json(arguments.settings)

    inputs = [path for path in (arguments.clean, arguments.steps, arguments.scores, arguments.samples) if path]
    with (
        recording(outputs=[arguments.subset], inputs=inputs, seed=arguments.seed, settings=settings.model_dump()),
        TableWriter("subset", arguments.subset) as writer,
    ):
        ids: list[str] | None = None
        pruned: dict[str, list[Step]] = {}
        if isinstance(settings, Random):
            every = read_table("pool", arguments.clean, ["id"])["id"].to_pylist()
            ids = draw_ids(every, settings.size, arguments.seed, arguments.name)
        elif isinstance(settings, Limopro):
            scores = pl.DataFrame(read_table("scores", arguments.scores))
            samples = pl.DataFrame(read_table("samples", arguments.samples))
            ids, pairs = select_limopro(settings, scores, samples, arguments.name, arguments.seed)
            pruned = find_steps(pairs, arguments.steps)
        else:
            assert isinstance(settings, All)
        if ids == []:
            raise cli.UserError(f"subset '{arguments.name}' is empty: no row lies in its band; widen it")
        tokenizer = chat.load_tokenizer(arguments.model, arguments.chat_template)
        for rows in subset_batches(arguments.clean, ids, tokenizer, pruned):
            writer.write(rows)
    cli.log.info("%s: %d rows, %d steps pruned", arguments.name, writer.rows, sum(map(len, pruned.values())))


if __name__ == "__main__":
    cli.run(main)
