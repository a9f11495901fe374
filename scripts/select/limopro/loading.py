"""The model that reads texts: loaded in one way for every score that comes of it."""

from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM

from scripts.common.cli import UserError


def load_causal(folder: Path, dtype: str) -> Any:
    """Return the causal language model of a folder, on the GPU where there is one.

    Raises UserError where the folder holds none.
    """
    try:
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype))
    except ValueError as error:  # an architecture that is no causal language model, or not known
        raise UserError(f"the scorer '{folder}' is no causal language model that can be loaded: {error}") from error
    return model.to("cuda" if torch.cuda.is_available() else "cpu").eval()
