"""The table `subset`: rows of the clean pool as conversations, their steps removed or not, tokens counted."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from scripts.common import chat
from scripts.common.chain import split_response
from scripts.common.cli import UserError
from scripts.common.seeds import derive_seed
from scripts.common.tables import iterate_table

BATCH = 1000
STEPS_BATCH = 100_000


class Step(NamedTuple):
    """A step as the table `steps` has it: its number, its place in the reasoning in characters, and its text."""

    number: int
    start: int
    end: int
    text: str


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


def prune(response: str, pruned: Sequence[Step]) -> str:
    """Return a response whose reasoning lacks the steps `pruned`, which are in order.

    Raises ValueError when they do not stand in the reasoning where they should.
    """
    if not pruned:
        return response
    before, reasoning, after = split_response(response)
    kept, begin = [], 0
    for step in pruned:
        if reasoning[step.start : step.end] != step.text:
            raise ValueError("the steps are not those of the response")
        kept.append(reasoning[begin : step.start])
        begin = step.end
    kept.append(reasoning[begin:])
    # The space after the last step stays with it, so a new last step brings its own: it is not doubled.
    return before + "".join(kept).rstrip() + after


def subset_rows(
    rows: pl.DataFrame, tokenizer: Any, pruned: Mapping[str, Sequence[Step]]
) -> Iterable[list[dict[str, Any]]]:
    """Yield rows of `subset`, a batch at a time, for rows of the clean pool; `pruned` has the steps to remove by id."""
    for batch in rows.iter_slices(BATCH):
        whole, short, removed = [], [], []
        for row in batch.iter_rows(named=True):
            gone = pruned.get(row["id"], [])
            response = prune(row["response"], gone)
            whole.append(chat.training_messages(row["system"], row["question"], row["response"]))
            short.append(chat.training_messages(row["system"], row["question"], response))
            removed.append([step.number for step in gone])
        before, after = chat.count_tokens(tokenizer, whole), chat.count_tokens(tokenizer, short)
        yield [
            {"id": identity, "messages": messages, "tokens": now, "tokens_before": then, "pruned_steps": gone}
            for identity, messages, now, then, gone in zip(batch["id"], short, after, before, removed, strict=True)
        ]


def subset_batches(
    clean: Path, ids: Iterable[str] | None, tokenizer: Any, pruned: Mapping[str, Sequence[Step]]
) -> Iterator[list[dict[str, Any]]]:
    """Yield rows of `subset`, a batch at a time, for the rows `ids` of the file `clean` (all of them for None)."""
    for batch in iterate_table("pool", clean, BATCH, ids=ids):
        yield from subset_rows(pl.DataFrame(batch), tokenizer, pruned)


def find_steps(pairs: pl.DataFrame, steps: Path) -> dict[str, list[Step]]:
    """Return the steps named by (id, step) `pairs` by id, in order, read from the table `steps` piece by piece."""
    wanted = pairs.select("id", "step")
    found: dict[str, list[Step]] = {}
    for batch in iterate_table("steps", steps, STEPS_BATCH):
        named = pl.DataFrame(batch).join(wanted, on=["id", "step"], how="semi").sort("id", "step")
        for identity, *step in named.select("id", "step", "start", "end", "text").iter_rows():
            found.setdefault(identity, []).append(Step(*step))
    return found
