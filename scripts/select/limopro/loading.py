"""The model that reads texts: loaded in one way for every score that comes of it."""

from pathlib import Path
from typing import Any

import torch

from scripts.common.cli import UserError
from scripts.common.network import load_network


def load_causal(folder: Path, dtype: str, gpus: int = 1) -> Any:
    """Return the causal language model of a folder, on the GPU where there is one, or its layers spread over `gpus`.

    Raises UserError where the folder holds none with all its weights, or these GPUs are not there or do not hold it.
    """
    spread = {"device_map": "balanced", "max_memory": _memory(gpus)} if gpus > 1 else {}
    model = load_network(folder, dtype=getattr(torch, dtype), **spread)
    if not spread:
        return model.to("cuda" if torch.cuda.is_available() else "cpu").eval()
    if {"cpu", "disk"} & set(map(str, model.hf_device_map.values())):
        raise UserError(f"the scorer '{folder}' does not fit {gpus} GPUs: raise scorer.gpus, or take another scorer")
    return model.eval()


def _memory(gpus: int) -> dict[int, int]:
    """Return the bytes that weights may take of each GPU: its free memory but a fifth, which passes need.

    Raises UserError where there are fewer GPUs.
    """
    if (there := torch.cuda.device_count()) < gpus:
        raise UserError(f"scorer.gpus is {gpus}, and this job sees {there} GPUs: lower it, or run where there are more")
    return {number: int(0.8 * torch.cuda.mem_get_info(number)[0]) for number in range(gpus)}
