"""The table `subset`: rows of the clean pool as conversations, their steps removed or not, tokens counted."""

from collections.abc import Iterable
from typing import Any

import polars as pl

from scripts.common import chat
from scripts.common.chain import split_response
from scripts.common.cli import UserError
from scripts.common.seeds import derive_seed

BATCH = 1000


def draw_ids(ids: list[str], size: int | None, *seed_parts: str | int) -> list[str]:
    """Return `size` of `ids` drawn at random, in their order (all of them without a size).

    Raises UserError when there are fewer.
    """
    if size is None or size == len(ids):
        return ids
    if size > len(ids):
        raise UserError(
            f"subset '{seed_parts[-1]}' asks for {size} rows, there are {len(ids)}: lower its size or widen its band"
        )
    places = pl.int_range(len(ids), eager=True).sample(size, seed=derive_seed(*seed_parts)).sort()
    return [ids[place] for place in places]


def prune(response: str, steps: list[str], pruned: set[int]) -> str:
    """Return a response whose reasoning (the joined `steps`) lacks the steps numbered in `pruned`."""
    if not pruned:
        return response
    before, reasoning, after = split_response(response)
    if "".join(steps) != reasoning:
        raise ValueError("the steps are not those of the response")
    kept = "".join(step for number, step in enumerate(steps) if number not in pruned)
    # The space after the last step stays with it, so a new last step brings its own: it is not doubled.
    return before + kept.rstrip() + after


def subset_rows(
    rows: pl.DataFrame, tokenizer: Any, pruned: dict[str, list[int]], steps: dict[str, list[str]]
) -> Iterable[list[dict[str, Any]]]:
    """Yield rows of `subset`, a batch at a time, for rows of the clean pool.

    `pruned` gives the numbers of the steps to remove by id, `steps` the step texts of those ids.
    """
    for batch in rows.iter_slices(BATCH):
        whole, short, removed = [], [], []
        for row in batch.iter_rows(named=True):
            gone = pruned.get(row["id"], [])
            response = prune(row["response"], steps.get(row["id"], []), set(gone))
            whole.append(chat.training_messages(row["system"], row["question"], row["response"]))
            short.append(chat.training_messages(row["system"], row["question"], response))
            removed.append(gone)
        before, after = chat.count_tokens(tokenizer, whole), chat.count_tokens(tokenizer, short)
        yield [
            {"id": identity, "messages": messages, "tokens": now, "tokens_before": then, "pruned_steps": gone}
            for identity, messages, now, then, gone in zip(batch["id"], short, after, before, removed, strict=True)
        ]


def step_texts(steps: pl.DataFrame, ids: Iterable[str]) -> dict[str, list[str]]:
    """Return the texts of the steps of `ids`, in order, by id."""
    wanted = steps.filter(pl.col("id").is_in(list(ids))).sort("id", "step").group_by("id").agg("text")
    return dict(wanted.select("id", "text").iter_rows())


def steps_by_id(pairs: pl.DataFrame) -> dict[str, list[int]]:
    """Return the step numbers of (id, step) pairs by id, ascending."""
    return dict(pairs.sort("id", "step").group_by("id", maintain_order=True).agg("step").iter_rows())
