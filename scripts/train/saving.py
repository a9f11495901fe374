"""Writing the trained model; and what is said when the disk is full."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scripts.common.cli import UserError

# What torch and safetensors say when a write comes short: neither says so in the error's type.
FULL = ("No space left", "os error 28", "quota exceeded", "unexpected pos", "file write failed", "iostream error")


def is_disk_full(error: BaseException, folder: Path) -> bool:
    """Whether an error in writing to `folder` came of a full disk."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    return any(words in str(error) for words in FULL) or shutil.disk_usage(folder).free < 2**20


@contextmanager
def full_disk_is_told(folder: Path, what: str) -> Iterator[None]:
    """Turn the error of a full disk into one sentence: `what` could not be written to `folder`."""
    try:
        yield
    except Exception as error:
        if not is_disk_full(error, folder):
            raise
        raise UserError(
            f"the disk of '{folder}' is full: {what} could not be written; make room and run again, training goes on "
            "from the newest whole checkpoint"
        ) from error


def save_model(trainer: Any, tokenizer: Any, dtype: str, folder: Path) -> None:
    """Write weights (in the experiment's dtype, adapters merged), configuration, tokenizer and chat template.

    Every process calls it: sharded weights are gathered; the main one writes.
    """
    import torch

    network = trainer.accelerator.unwrap_model(trainer.model)
    weights = trainer.accelerator.get_state_dict(trainer.model)
    if not trainer.is_world_process_zero():
        return
    if hasattr(network, "merge_and_unload"):
        network = network.to(torch.float32).merge_and_unload()
        weights = network.state_dict()
    number = getattr(torch, dtype)
    # Tied weights are one tensor under two names, and must stay one.
    converted = {weight.data_ptr(): weight.to(number) for weight in weights.values()}
    network.config.use_cache = True
    network.config.dtype = number
    network.save_pretrained(folder, state_dict={name: converted[w.data_ptr()] for name, w in weights.items()})
    tokenizer.save_pretrained(folder)
