"""A subset as the trainer sees it: token ids and labels, packed, with an account of every token."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scripts.common.cli import UserError, progress
from scripts.common.config.training import Optimisation
from scripts.common.rendering import Ids, Renderer
from scripts.common.tables import read_table
from scripts.select.tables import SUBSET

IGNORED = -100  # the label of a token that is not trained on
BATCH = 256  # conversations tokenised at a time


class Account(NamedTuple):
    """Where the tokens of a subset went, in one pass over it: tokens = trained + masked + truncated, in every row."""

    rows: int
    tokens: int
    """Of the whole conversations, as the subset counts them."""
    trained: int
    masked: int
    """Read by the model, not trained on: prompts, and what the chat template puts around an answer."""
    truncated: int
    squares: int
    """Sum of the squared row lengths: what attention costs."""


class Encoded(NamedTuple):
    """The token ids of conversations and their labels."""

    table: pa.Table
    """Columns input_ids and labels, lists of int32, a row a conversation."""
    ids: list[str]
    """The rows' ids in the subset."""
    account: Account


def _trained(row: Ids, loss_on: str) -> tuple[int, int]:
    """Return where the tokens to train on begin and end: nothing comes before the first one to predict it from."""
    return (1, len(row.ids)) if loss_on == "all" else (max(1, row.start), row.end)


def _check_turns(conversations: list[Any], loss_on: str) -> None:
    for conversation in conversations:
        *before, last = [turn["role"] for turn in conversation]
        if last != "assistant":
            raise UserError("a conversation of the subset ends on no assistant turn: there is nothing to train on")
        if loss_on == "assistant" and "assistant" in before:
            raise UserError(
                "a conversation of the subset has several assistant turns: set training.loss_on to completion, which "
                "trains on the last one"
            )


def encode(subset: Path, tokenizer: Any, settings: Optimisation) -> Encoded:
    """Return the conversations of a subset as token ids and labels, every token accounted for.

    Raises UserError when there is nothing to train on, when a conversation is longer than max_length and the settings
    do not say to cut it, or when the chat template renders other tokens than the subset was counted with.
    """
    table = read_table(SUBSET, subset, ["id", "messages", "tokens"])
    if table.num_rows == 0:
        raise UserError(f"the subset '{subset}' is empty: there is nothing to train on")
    _check_lengths(table["tokens"], subset, settings)
    lists = pa.list_(pa.int32())
    renderer, parts, trained, seen = Renderer(tokenizer), [], 0, []
    batches = table.to_batches(BATCH)
    for batch in progress(batches, "tokens", "batch", total=len(batches)):
        ids, labels = [], []
        conversations = batch["messages"].to_pylist()
        _check_turns(conversations, settings.loss_on)
        rows = renderer.encode(conversations)
        for row, tokens, name in zip(rows, batch["tokens"].to_pylist(), batch["id"].to_pylist(), strict=True):
            if len(row.ids) != tokens:
                raise UserError(
                    f"the subset counts {tokens} tokens in row {name}, the trainer would see {len(row.ids)}: it was "
                    "made with another chat template or tokenizer; make it again"
                )
            kept = np.asarray(row.ids[: settings.max_length], dtype=np.int32)
            wanted = np.zeros(len(kept), dtype=bool)
            wanted[slice(*_trained(row, settings.loss_on))] = True
            if not wanted.any():
                raise UserError(
                    f"row {name} of '{subset}' has no token to train on: its labels are all masked "
                    f"(training.loss_on is {settings.loss_on})"
                )
            trained += int(wanted.sum())
            seen.append(len(kept))
            ids.append(kept)
            labels.append(np.where(wanted, kept, IGNORED).astype(np.int32))
        parts.append(pa.table({"input_ids": pa.array(ids, lists), "labels": pa.array(labels, lists)}))
    tokens, read = pc.sum(table["tokens"]).as_py(), sum(seen)
    account = Account(
        rows=table.num_rows,
        tokens=tokens,
        trained=trained,
        masked=read - trained,
        truncated=tokens - read,
        squares=sum(length**2 for length in seen),
    )
    return Encoded(pa.concat_tables(parts), table["id"].to_pylist(), account)


def _check_lengths(tokens: Any, subset: Path, settings: Optimisation) -> None:
    longest = pc.max(tokens).as_py()
    if longest > settings.max_length and settings.too_long == "stop":
        number = pc.sum(pc.greater(tokens, settings.max_length)).as_py()
        raise UserError(
            f"{number} conversations of '{subset}' are longer than training.max_length {settings.max_length} (the "
            f"longest has {longest} tokens): raise max_length, lower pool.max_tokens, or set training.too_long to "
            "truncate"
        )


def training_set(encoded: Encoded, settings: Optimisation) -> Any:
    """Return the rows as a data set for TRL: packed if asked for, filled up to whole optimiser steps.

    Filling rows (two tokens, nothing trained on) make every step `effective_batch` rows: then an epoch has the same
    steps on any number of GPUs, and no row is trained on twice to even out the processes.
    """
    from datasets import Dataset, concatenate_datasets
    from trl import pack_dataset

    rows = Dataset(encoded.table)
    filler: dict[str, Any] = {"input_ids": [0, 0], "labels": [IGNORED, IGNORED]}
    if settings.packing:
        rows = pack_dataset(rows, settings.max_length, "bfd")
        filler["seq_lengths"] = [2]
    missing = -len(rows) % settings.effective_batch
    if missing == 0:
        return rows
    return concatenate_datasets([rows, Dataset.from_list([filler] * missing, features=rows.features)])


def rows_in_batch(encoded: Encoded, inputs: Any) -> list[str]:
    """Return the ids of the rows in a batch of the trainer, padded or packed, found by their tokens."""
    bounds = inputs.get("cu_seq_lens_q")
    if bounds is not None:
        sequences = inputs["input_ids"][0].split(bounds.diff().tolist())
    else:
        kept = inputs["attention_mask"].bool()
        sequences = [row[mask] for row, mask in zip(inputs["input_ids"], kept, strict=True)]
    wanted = {tuple(sequence.tolist()) for sequence in sequences}
    rows = zip(encoded.ids, encoded.table["input_ids"], strict=True)
    return [name for name, tokens in rows if tuple(tokens.as_py()) in wanted]
