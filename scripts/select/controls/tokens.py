"""The control `tokens`: random rows of those that the subset could have taken, up to as many tokens."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import polars as pl

from scripts.common.seeds import derive_seed
from scripts.common.tables import read_table
from scripts.data.tables import POOL
from scripts.select.selection import Selection, Source
from scripts.select.subset import subset_batches


def draw(source: Source, subset: pl.DataFrame, seeds: tuple[str | int, ...]) -> Selection:
    """Return random rows whose conversations come nearest to the subset's tokens, in each stratum."""
    candidates, ids = source.candidates(), []
    counted = subset.join(candidates, on="id").group_by("stratum", maintain_order=True).agg(pl.col("tokens").sum())
    for stratum, tokens in counted.iter_rows():
        among = set(candidates.filter(pl.col("stratum").eq_missing(stratum))["id"])
        seed = derive_seed(*seeds, *([] if stratum is None else [stratum]))
        ids += rows_up_to(source.path("clean"), tokens, source.tokenizer, seed, among)
    return Selection(ids)


def rows_up_to(clean: Path, tokens: int, tokenizer: Any, seed: int, among: Collection[str] | None = None) -> list[str]:
    """Return ids of the table `clean` drawn at random, so many that their conversations come nearest to `tokens`;
    `among` bounds what is drawn from."""
    order = pl.DataFrame(read_table(POOL, clean, ["id", "response_tokens"], among))
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
