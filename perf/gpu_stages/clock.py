"""Seconds of work on a GPU or a CPU."""

import statistics
import time
from collections.abc import Callable
from typing import Any


def seconds(work: Callable[[], object], repeats: int, warm: int = 2) -> float:
    """Return the median seconds of a call, after `warm` calls that are not counted."""
    import torch

    times = []
    for turn in range(warm + repeats):
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        started = time.perf_counter()
        work()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        if turn >= warm:
            times.append(time.perf_counter() - started)
    return statistics.median(times)


def on_gpu() -> bool:
    """Whether there is a GPU to measure."""
    import torch

    return torch.cuda.is_available()


def device_and_type() -> tuple[str, Any]:
    """Return where to measure, and in which type: bfloat16 on a GPU, float32 elsewhere."""
    import torch

    return ("cuda", torch.bfloat16) if on_gpu() else ("cpu", torch.float32)
