"""The table `subset`: rows of the clean pool as conversations, their steps removed or not, tokens counted."""

import argparse
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from scripts.common import chat, cli
from scripts.common.chain import split_response
from scripts.common.cli import UserError
from scripts.common.config.selection import NEEDED
from scripts.common.program import Program, flag_of
from scripts.common.rendering import count_tokens
from scripts.common.seeds import derive_seed
from scripts.common.tables import TableWriter, iterate_table
from scripts.data.tables import POOL
from scripts.select.selection import Selection, Source
from scripts.select.tables import STEPS, SUBSET

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


def drawn_for(training_seed: int | None, draw: int | None) -> tuple[str | int, dict[str, int]]:
    """Return what seeds the draw of a control beside the experiment's seed, and what its provenance says of it.

    Raises UserError unless one of the two is given.
    """
    if (training_seed is None) == (draw is None):
        raise UserError(
            "a control is drawn for one training seed or is one of several draws: say --training-seed or --draw"
        )
    if draw is None:
        assert training_seed is not None
        return training_seed, {"training_seed": training_seed}
    return f"draw {draw}", {"draw": draw}


def allot(size: int, counts: Mapping[str | None, int]) -> dict[str | None, int]:
    """Return how many of `size` each stratum gets in proportion to its rows: the largest remainders are rounded up.

    `size` is at most the sum of `counts`; no stratum gets more than it has.
    """
    total = sum(counts.values())
    shares = {stratum: divmod(size * count, total) for stratum, count in counts.items()}
    missing = size - sum(whole for whole, _ in shares.values())
    raised = sorted(shares, key=lambda stratum: (-shares[stratum][1], str(stratum)))[:missing]
    return {stratum: whole + (stratum in raised) for stratum, (whole, _) in shares.items()}


def allot_shares(size: int, shares: Sequence[float]) -> list[int]:
    """Return `size` in parts of these shares, which add up to 1: the largest remainders are rounded up."""
    parts = [int(size * share) for share in shares]
    order = sorted(range(len(shares)), key=lambda place: parts[place] - size * shares[place])
    for place in order[: size - sum(parts)]:
        parts[place] += 1
    return parts


def draw_within(rows: pl.DataFrame, sizes: Mapping[str | None, int], *seed_parts: str | int) -> list[str]:
    """Return as many ids of each stratum as `sizes` says, drawn at random of `rows` (id, stratum), in their order."""
    drawn: set[str] = set()
    for stratum, size in sizes.items():
        ids = rows.filter(pl.col("stratum").eq_missing(stratum))["id"].to_list()
        own = () if stratum is None else (stratum,)
        drawn.update(draw_ids(ids, size, *seed_parts[:-1], *own, seed_parts[-1]))
    return [identity for identity in rows["id"] if identity in drawn]


def count_strata(rows: pl.DataFrame) -> dict[str | None, int]:
    """Return the number of rows of each stratum."""
    return dict(rows.group_by("stratum", maintain_order=True).len().iter_rows())


def draw_rows(rows: pl.DataFrame, size: int | None, *seed_parts: str | int) -> list[str]:
    """Return `size` ids of `rows` (id, stratum) drawn at random, of each stratum in proportion to its rows.

    Raises UserError when there are fewer.
    """
    if size is None or size >= len(rows):
        return draw_ids(rows["id"].to_list(), size, *seed_parts)
    return draw_within(rows, allot(size, count_strata(rows)), *seed_parts)


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
        before, after = count_tokens(tokenizer, whole), count_tokens(tokenizer, short)
        yield [
            {"id": identity, "messages": messages, "tokens": now, "tokens_before": then, "pruned_steps": gone}
            for identity, messages, now, then, gone in zip(batch["id"], short, after, before, removed, strict=True)
        ]


def subset_batches(
    clean: Path, ids: Iterable[str] | None, tokenizer: Any, pruned: Mapping[str, Sequence[Step]]
) -> Iterator[list[dict[str, Any]]]:
    """Yield rows of `subset`, a batch at a time, for the rows `ids` of the file `clean` (all of them for None)."""
    for batch in iterate_table(POOL, clean, BATCH, ids=ids):
        yield from subset_rows(pl.DataFrame(batch), tokenizer, pruned)


def find_steps(pairs: pl.DataFrame, steps: Path) -> dict[str, list[Step]]:
    """Return the steps named by (id, step) `pairs` by id, in order, read from the table `steps` piece by piece."""
    wanted = pairs.select("id", "step")
    found: dict[str, list[Step]] = {}
    for batch in iterate_table(STEPS, steps, STEPS_BATCH):
        named = pl.DataFrame(batch).join(wanted, on=["id", "step"], how="semi").sort("id", "step")
        for identity, *step in named.select("id", "step", "start", "end", "text").iter_rows():
            found.setdefault(identity, []).append(Step(*step))
    return found


def add_source(program: Program) -> None:
    """Add the options for the files that a selection is drawn from."""
    program.add_input("--clean", "clean.parquet")
    program.add_input("--model", "folder of the model (tokenizer)")
    chat.add_chat(program)
    for name in NEEDED:
        program.add_input(flag_of(name), f"{name}.parquet, where the selection reads it", optional=True)


def source_from(arguments: argparse.Namespace, *more: str) -> Source:
    """Return the files that the options of `add_source` name, and those of the options `more`."""
    files = {name: getattr(arguments, name) for name in ("clean", *NEEDED, *more)}
    return Source(files, arguments.model, arguments.chat_template, arguments.chat)


def write_subset(selection: Selection, source: Source, path: Path) -> None:
    """Write what was selected as the table `subset`."""
    pruned = {} if selection.pruned is None else find_steps(selection.pruned, source.path("steps"))
    with TableWriter(SUBSET, path) as writer:
        for rows in subset_batches(source.path("clean"), selection.ids, source.tokenizer, pruned):
            writer.write(rows)
    cli.log.info("%s: %d rows, %d steps pruned", path.stem, writer.rows, sum(map(len, pruned.values())))
