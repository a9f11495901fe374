"""About how much main memory a job takes, from a model's folder: what `resources` asks for where nothing is said.

On a GPU most of it lies there; main memory then holds the weights once, while they are loaded. No torch here: the
graph asks for every job.
"""

import json
import math
import struct
from pathlib import Path

from scripts.common.cli import UserError
from scripts.common.config.training import Optimisation
from scripts.common.shape import Shape, shape_of

LEAST = 4_000
"""MB that a job asks for at the least."""
PROCESS = 1_500
"""MB that a process with torch, transformers and their libraries holds before any weight."""
SPARE = 1.25
SIDE_BY_SIDE = 16_384  # tokens of all sequences that are generated or scored at once, about


def weights_of(folder: Path) -> int | None:
    """Return how many weights a model's folder holds, from the headers of its safetensors; None where it has none.

    Raises UserError for a file that is cut off, or none.
    """
    total = 0
    for file in folder.glob("*.safetensors"):
        size = file.stat().st_size
        try:
            with file.open("rb") as stream:
                (length,) = struct.unpack("<Q", stream.read(8))
                if length > size - 8:
                    raise ValueError("its header is longer than the file")
                header = json.loads(stream.read(length))
            tensors = [tensor for name, tensor in header.items() if name != "__metadata__"]
            total += sum(math.prod(tensor["shape"]) for tensor in tensors)
            end = max((tensor["data_offsets"][1] for tensor in tensors), default=0)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, struct.error) as error:
            raise UserError(f"'{file}' is no safetensors file, or a damaged one: fetch the model again") from error
        if 8 + length + end > size:
            raise UserError(f"'{file}' is cut off: {size:,} bytes of {8 + length + end:,}; fetch the model again")
    return total or None


def training_mb(folder: Path, settings: Optimisation, dtype: str, gpus: int, nodes: int) -> int:
    """Return the MB of a node that fine-tunes the model in `folder`; LEAST where nothing is known of it."""
    known = _known(folder)
    if known is None:
        return LEAST
    weights, shape = known
    if gpus:
        processes = max(1, gpus // nodes)
        return _asked(processes * (4 * weights + 2 * PROCESS * 2**20))
    half = dtype != "float32"
    held = held_bytes(weights, shape, settings, half)
    tokens = settings.max_length * settings.per_device_batch
    merging = 4 * weights if settings.lora else 0  # a fresh copy in float32, when the last step is done
    step = activation_bytes(shape, tokens, half) + logit_bytes(shape, tokens)
    return _asked(held + PROCESS * 2**20 + max(step, merging))


def held_bytes(weights: int, shape: Shape, settings: Optimisation, half_precision: bool) -> float:
    """Return about how many bytes the weights take in training, with their gradients and optimiser states.

    Weights, gradients and two moments have four bytes each, and the passes a copy of two in 16 bits. Adapters leave the
    weights alone; quantised ones have 4 bits and, for each 64 of them, a constant of 8 (and of 256 such one of 32),
    but for the embeddings and the head.
    """
    each = 2 if half_precision else 4
    if settings.lora is None:
        return weights * (18 if half_precision else 16)
    if not settings.lora.quantised:
        return weights * each
    tables = min(weights, 2 * shape.vocabulary * shape.hidden)
    return tables * each + (weights - tables) * (4 + 8 / 64 + 32 / (64 * 256)) / 8


def activation_bytes(shape: Shape, tokens: int, half_precision: bool) -> float:
    """Return about how many bytes of activations a forward pass of `tokens` tokens keeps for the backward pass.

    Per token and layer of a gated transformer: the residual stream into both norms, both sums and both norms' outputs
    (6 hidden widths), queries, keys, values and the attention's output, and four tensors of the inner width. In mixed
    precision what norms and residuals hold stays float32 and the rest has two bytes.
    """
    inner = 2 * (shape.heads + shape.key_heads) * shape.width + 4 * shape.inner
    return float(tokens * shape.layers * (6 * shape.hidden * 4 + inner * (2 if half_precision else 4)))


def logit_bytes(shape: Shape, tokens: int) -> float:
    """Return the bytes of the logits of a training step and of their gradient, in float32; the loss takes them in
    pieces."""
    return 8.0 * min(tokens, 4096) * shape.vocabulary


def reading_mb(folder: Path, dtype: str, gpus: int) -> int:
    """Return the MB of a job that answers or scores with the model in `folder`; LEAST where nothing is known of it."""
    known = _known(folder)
    if known is None:
        return LEAST
    weights, shape = known
    each = 4 if dtype == "float32" else 2
    # Proving the attention takes the weights in float32, and so does a product of matrices on many CPUs.
    held = weights * (each if gpus else 4) + PROCESS * 2**20
    cache = 0 if gpus else 2 * shape.layers * shape.key_heads * shape.width * each * SIDE_BY_SIDE
    return _asked(held + cache)


def _asked(held: float) -> int:
    return max(LEAST, int(SPARE * held / 2**20 // 100 * 100 + 100))


def _known(folder: Path) -> tuple[int, Shape] | None:
    try:
        weights = weights_of(folder)
        shape = shape_of(json.loads((folder / "config.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, UserError):  # check_model says what is wrong with it
        return None
    return (weights, shape) if weights else None
