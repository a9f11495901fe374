"""A subset as the trainer sees it: token ids and labels, packed, with an account of every token."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scripts.common.cli import UserError, progress
from scripts.common.config.training import Optimisation
from scripts.common.tables import read_table

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


def training_template(tokenizer: Any) -> str:
    """Return the tokenizer's chat template with `{% generation %}` around the assistant's turns.

    Raises UserError when it has none and TRL knows no such form of it.
    """
    from trl.chat_template_utils import get_training_chat_template, has_generation_markers

    if has_generation_markers(tokenizer.chat_template):
        return tokenizer.chat_template
    try:
        return get_training_chat_template(tokenizer)
    except ValueError as error:
        raise UserError(
            "the model's chat template does not mark the assistant's turns ({% generation %}) and is none that TRL "
            "knows how to mark: set training.loss_on to completion, or name a template that does as model.chat_template"
        ) from error


def _by_turn(conversations: list[Any], tokenizer: Any, template: str) -> Iterator[tuple[list[int], Any]]:
    """Yield ids and which of them to train on: the assistant's."""
    encoded = tokenizer.apply_chat_template(
        conversations, chat_template=template, return_dict=True, return_assistant_tokens_mask=True
    )
    yield from zip(encoded["input_ids"], encoded["assistant_masks"], strict=True)


def _by_completion(conversations: list[Any], tokenizer: Any) -> Iterator[tuple[list[int], Any]]:
    """Yield ids and which of them to train on: all after the prompt that generation will start from."""
    prompts = [conversation[:-1] for conversation in conversations]
    starts = tokenizer.apply_chat_template(prompts, add_generation_prompt=True, return_dict=True)["input_ids"]
    whole = tokenizer.apply_chat_template(conversations, return_dict=True)["input_ids"]
    for prompt, ids in zip(starts, whole, strict=True):
        if ids[: len(prompt)] != prompt:
            raise UserError(
                "the model's chat template renders a prompt otherwise when an answer follows: set training.loss_on to "
                "assistant, or name another template as model.chat_template"
            )
        yield ids, [0] * len(prompt) + [1] * (len(ids) - len(prompt))


def _labelled(conversations: list[Any], tokenizer: Any, loss_on: str) -> Iterator[tuple[list[int], Any]]:
    if loss_on == "assistant":
        return _by_turn(conversations, tokenizer, training_template(tokenizer))
    if loss_on == "completion":
        return _by_completion(conversations, tokenizer)
    whole = tokenizer.apply_chat_template(conversations, return_dict=True)["input_ids"]
    return ((ids, [1] * len(ids)) for ids in whole)


def encode(subset: Path, tokenizer: Any, settings: Optimisation) -> Encoded:
    """Return the conversations of a subset as token ids and labels, every token accounted for.

    Raises UserError when there is nothing to train on, when a conversation is longer than max_length and the settings
    do not say to cut it, or when the chat template renders other tokens than the subset was counted with.
    """
    table = read_table("subset", subset, ["id", "messages", "tokens"])
    if table.num_rows == 0:
        raise UserError(f"the subset '{subset}' is empty: there is nothing to train on")
    _check_lengths(table["tokens"], subset, settings)
    lists = pa.list_(pa.int32())
    parts, trained, seen = [], 0, []
    batches = table.to_batches(BATCH)
    for batch in progress(batches, "tokens", "batch", total=len(batches)):
        ids, labels = [], []
        rows = _labelled(batch["messages"].to_pylist(), tokenizer, settings.loss_on)
        for (row, mask), tokens, name in zip(rows, batch["tokens"].to_pylist(), batch["id"].to_pylist(), strict=True):
            if len(row) != tokens:
                raise UserError(
                    f"the subset counts {tokens} tokens in row {name}, the trainer would see {len(row)}: it was made "
                    "with another chat template or tokenizer; make it again"
                )
            kept = np.asarray(row[: settings.max_length], dtype=np.int32)
            wanted = np.asarray(mask[: settings.max_length], dtype=bool)
            wanted[0] = False  # nothing comes before the first token to predict it from
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
