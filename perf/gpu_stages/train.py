"""Training steps of the 3B shape through train_sft's own code: attention, activation checkpointing, loss, compiling."""

from pathlib import Path
from typing import Any

from perf.gpu_stages.clock import on_gpu
from perf.train_throughput import make_model, write_rows
from perf.train_throughput import measure as measure_training

STEPS = 13  # ten are counted


def cases(smoke: bool) -> list[dict[str, Any]]:
    """Return the combinations, the ones that decide the defaults first."""
    shape, short, long = ("tiny", 256, 512) if smoke else ("qwen2.5-3b", 4096, 16_384)
    common = {"shape": shape, "packing": True, "batch": 1, "steps": 5 if smoke else STEPS}
    by_machine: dict[str, Any] = {"checkpointing": True}
    varied: list[tuple[int, dict[str, Any]]] = [
        (short, by_machine),
        (long, by_machine),
        (short, {"checkpointing": False}),
        (short, {"checkpointing": True, "every_second": True}),
        (long, {"checkpointing": True, "every_second": True}),
    ]
    if not smoke:
        varied += [
            (short, {**by_machine, "attention": "sdpa_segments"}),
            (long, {**by_machine, "attention": "sdpa_segments"}),
            (short, {**by_machine, "compile": True}),
            (long, {**by_machine, "compile": True}),
        ]
    varied = varied[::3] if smoke else varied
    return [{**common, "max_length": length, **kernels} for length, kernels in varied]


def measure(case: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return tokens/s, FLOP/s that the rows need, MFU against the data sheet, peak memory."""
    base, rows = folder / "base", folder / f"rows-{case['max_length']}.parquet"
    if not base.exists():
        make_model(case["shape"], 16_384 if on_gpu() else case["max_length"], base)
    write_rows(base, case["max_length"], case["max_length"] * 2 * case["steps"], rows)
    return measure_training(case, base, rows, folder / "run")
