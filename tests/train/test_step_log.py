"""Figures of runs in several attempts: the published log of the reference study, and a small one worked out by hand."""

import json
from pathlib import Path

import pandas as pd
import pytest

from scripts.train.hardware import EnergyMeter, peak_flops
from scripts.train.rows import Account
from scripts.train.step_log import append_step, next_attempt, read_steps, spent, useful_steps
from scripts.train.throughput import Shape, figures, model_flops
from tests.beside import STEP_LOG


def seconds(clock: str) -> int:
    """Return the seconds of LLaMA-Factory's '1 day, 2:03:04'."""
    days, _, time = clock.rpartition(", ")
    hours, minutes, rest = map(int, time.split(":"))
    return (int(days.split()[0]) if days else 0) * 86_400 + hours * 3600 + minutes * 60 + rest


def published_steps() -> pd.DataFrame:
    """Return the published log as a step log: an attempt ends where the clock starts anew."""
    steps, attempt, before = [], 1, 0
    for line in STEP_LOG.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        now = seconds(entry["elapsed_time"])
        attempt += now < before / 2
        # The line without a loss ends the run.
        step = entry["current_steps"] if "loss" in entry else entry["total_steps"]
        steps.append({"attempt": attempt, "step": step, "seconds": now, "setup": 0.0, "loss": entry.get("loss")})
        before = now
    return pd.DataFrame(steps)


@pytest.mark.real
def test_the_published_log_of_two_overlapping_attempts() -> None:
    """Its summary says 6.6 hours, 4.414 samples/s and a loss of 0.0898: that of the last attempt over all samples."""
    steps = published_steps()
    account = Account(rows=15_000, tokens=112_500_000, trained=1, masked=1, truncated=0, squares=1)
    result = figures(steps, account, 7, Shape(1, 0, 1, 1), gpus=2, peak=None)
    assert result["attempts"] == 2 and useful_steps(steps)["step"].iloc[-1] == 6_566
    assert result["seconds"] / 3600 == pytest.approx(27.7, abs=0.05)
    assert result["seconds_spent"] / 3600 == pytest.approx(28.7, abs=0.05)
    assert result["samples_per_second"] == pytest.approx(1.05, abs=0.005)
    assert result["final_loss"] == pytest.approx(0.37, abs=0.005)
    assert result["gpu_hours"] == pytest.approx(57.5, abs=0.1)
    assert useful_steps(steps)["step"].is_unique


# Attempt 1 makes steps 1 to 5 (10 s each), attempt 2 resumes from step 3 and is killed after step 4, attempt 3 goes on
# from step 3 again and ends at 6. Set-up takes 2, 3 and 4 s.
BY_HAND = [
    {"attempt": attempt, "step": step, "seconds": at, "setup": setup, "loss": loss, "joules": 100 * at, "memory": memory}
    for attempt, setup, memory, lines in [
        (1, 2, 50, [(1, 10, 6.0), (2, 20, 5.0), (3, 30, 4.0), (4, 40, 9.0), (5, 50, 9.0)]),
        (2, 3, 70, [(4, 11, 9.0)]),
        (3, 4, 60, [(4, 12, 3.0), (5, 24, 2.0), (6, 36, 1.0)]),
    ]
    for step, at, loss in lines
]  # fmt: skip


def test_a_log_worked_out_by_hand(tmp_path: Path) -> None:
    log = tmp_path / "steps.jsonl"
    for entry in BY_HAND:
        append_step(log, entry)
    steps = read_steps(log)
    useful = useful_steps(steps)
    assert list(useful["step"]) == [1, 2, 3, 4, 5, 6]
    assert list(useful["loss"]) == [6, 5, 4, 3, 2, 1]
    assert list(useful["seconds"]) == [10, 20, 30, 42, 54, 66]
    assert spent(steps, "seconds") == 50 + 11 + 36
    account = Account(rows=3, tokens=300, trained=200, masked=90, truncated=10, squares=30_000)
    result = figures(steps, account, 2, Shape(1000, 10, 2, 8), gpus=2, peak=1e4)
    assert (result["seconds"], result["seconds_spent"], result["attempts"]) == (66, 97 + 9, 3)
    assert result["gpu_hours"] == 2 * 106 / 3600 and result["gpu_hours_useful"] == 2 * 66 / 3600
    assert result["tokens_per_second"] == pytest.approx(290 * 2 / 66, abs=0.05)
    assert result["samples_per_second"] == pytest.approx(6 / 66, abs=0.001)
    assert result["energy_kwh"] == pytest.approx((5000 + 1100 + 3600) / 3.6e6)
    assert result["peak_memory_mib"] == 70 and result["final_loss"] == 1
    # (6 x 1000 + 4 x 10) x 290 tokens + 6 x 2 layers x 8 wide x 30,000, twice, over 66 s on 2 GPUs of 1e4 FLOP/s
    assert result["mfu"] == pytest.approx(2 * (6040 * 290 + 96 * 30_000) / (66 * 2 * 1e4))


def test_without_a_gpu_or_its_peak_there_is_no_mfu() -> None:
    account = Account(rows=3, tokens=300, trained=200, masked=100, truncated=0, squares=30_000)
    for gpus, peak in ((0, None), (2, None)):
        result = figures(pd.DataFrame(BY_HAND).drop(columns="joules"), account, 2, Shape(1, 0, 1, 1), gpus, peak)
        assert result["mfu"] is None and result["energy_kwh"] is None


def test_a_line_cut_off_by_a_kill_is_left_out(tmp_path: Path) -> None:
    log = tmp_path / "steps.jsonl"
    assert next_attempt(log) == 1 and read_steps(log).empty
    append_step(log, BY_HAND[0])
    with log.open("a") as stream:
        stream.write('{"attempt": 1, "st')
    assert len(read_steps(log)) == 1
    assert next_attempt(log) == 2
    append_step(log, {**BY_HAND[1], "attempt": 2})
    assert list(read_steps(log)["attempt"]) == [1, 2]


def test_arithmetic_of_the_reference_model() -> None:
    """35% of an H200 at 16k tokens in a row is about 13,400 tokens/s, as the throughput table has it."""
    shape = Shape(trained=3_085_938_688, frozen=0, layers=36, attention_width=2048)
    per_token = model_flops(shape, 16_384, 16_384**2) / 16_384
    peak = peak_flops("NVIDIA H200", "bfloat16")
    assert peak is not None
    assert 0.35 * peak / per_token == pytest.approx(13_400, rel=0.01)


@pytest.mark.parametrize(
    ("name", "peak"),
    [
        ("NVIDIA H100 80GB HBM3", 989e12),
        ("NVIDIA H100 PCIe", 756e12),
        ("NVIDIA A100-SXM4-80GB", 312e12),
        ("NVIDIA A10", 125e12),
        ("NVIDIA A1000", None),
        ("Some other accelerator", None),
        (None, None),
    ],
)
def test_peaks_are_those_of_the_data_sheets_and_none_for_unknown_hardware(name: str | None, peak: float | None) -> None:
    assert peak_flops(name, "bfloat16") == peak
    assert peak_flops(name, "float32") is None


def test_energy_is_what_the_gpus_of_the_run_drew_since_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """NVML counts millijoules since the driver was loaded, and all GPUs of the machine; the run sees the last two."""
    import sys
    from types import SimpleNamespace

    import torch

    counters = {"GPU-a": 7e6, "GPU-b": 5e6, "GPU-c": 1e6}
    nvml = SimpleNamespace(
        nvmlInit=lambda: None,
        nvmlDeviceGetHandleByUUID=lambda name: name,
        nvmlDeviceGetTotalEnergyConsumption=lambda handle: counters[handle],
    )
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda i: SimpleNamespace(uuid="bc"[i]))
    meter = EnergyMeter(2)
    for name in counters:
        counters[name] += 30_000
    assert meter.joules() == 60
    assert EnergyMeter(0).joules() is None
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert EnergyMeter(2).joules() is None
