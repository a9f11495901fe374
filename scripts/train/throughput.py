"""A run's figures from the log of its steps: right after any number of attempts."""

from typing import Any, NamedTuple

import pandas as pd

from scripts.common.shape import shape_of
from scripts.train.rows import Account
from scripts.train.step_log import spent, useful_steps

FORMULA = (
    "(6 x trained + 4 x frozen parameters) x tokens + 6 x layers x attention width x sum of squared row lengths, "
    "over seconds x GPUs x peak"
)


class Shape(NamedTuple):
    """What the arithmetic of a model depends on."""

    trained: int
    """Parameters that are trained, without an input embedding that is not the output's too."""
    frozen: int
    layers: int
    attention_width: int
    """Query heads x head width."""


def model_shape(network: Any) -> Shape:
    """Return the shape of a transformers model, with adapters or without."""
    config = network.config.get_text_config()
    lookup = 0 if config.tie_word_embeddings else network.get_input_embeddings().weight.numel()
    trained = sum(p.numel() for p in network.parameters() if p.requires_grad)
    frozen = network.num_parameters() - trained  # of weights of 4 bits, two lie in a number
    # The input embedding is looked up, not multiplied.
    trained, frozen = (trained, frozen - lookup) if frozen else (trained - lookup, 0)
    shape = shape_of(config)
    return Shape(trained, frozen, shape.layers, shape.heads * shape.width)


def model_flops(shape: Shape, tokens: int, squares: int) -> float:
    """Return the floating-point operations that a pass over rows needs, forward and backward.

    6 a trained parameter and token (2 forward, 2 for the gradient of the activations, 2 for that of the weights; the
    last not for a frozen one), as Kaplan et al. (2001.08361); causal attention 6 x layers x width x length squared a
    row. What activation checkpointing computes twice does not count (PaLM, 2204.02311, appendix B).
    """
    return float((6 * shape.trained + 4 * shape.frozen) * tokens + 6 * shape.layers * shape.attention_width * squares)


def figures(
    steps: pd.DataFrame, account: Account, passes: float, shape: Shape, gpus: int, peak: float | None
) -> dict[str, Any]:
    """Return speed, arithmetic, GPU-hours, energy and memory of a run that is complete.

    `steps` is the whole step log (read_steps), `passes` how often the rows were gone through, `peak` a GPU's FLOP/s.
    GPU-hours count the set-up of every attempt; speed counts the training that led to the model.
    """
    useful = useful_steps(steps)
    seconds = float(useful["seconds"].iloc[-1])
    reserved = spent(steps, "seconds") + spent(steps, "setup")
    flops = model_flops(shape, account.tokens - account.truncated, account.squares) * passes
    energy = spent(steps, "joules") / 3.6e6 if "joules" in steps and steps["joules"].notna().any() else None
    return {
        "attempts": int(steps["attempt"].nunique()),
        "seconds": round(seconds, 3),
        "seconds_spent": round(reserved, 3),
        "tokens_per_second": round((account.tokens - account.truncated) * passes / seconds, 1),
        "samples_per_second": round(account.rows * passes / seconds, 3),
        "final_loss": float(useful["loss"].dropna().tail(max(1, len(useful) // 20)).mean()),
        "gpus": gpus,
        "gpu_hours": gpus * reserved / 3600,
        "gpu_hours_useful": gpus * seconds / 3600,
        "model_flops": flops,
        "mfu": flops / (seconds * gpus * peak) if gpus and peak else None,
        "mfu_formula": FORMULA,
        "peak_flops": peak,
        "energy_kwh": energy,
        "peak_memory_mib": round(float(steps["memory"].max()), 1) if "memory" in steps else None,
    }
