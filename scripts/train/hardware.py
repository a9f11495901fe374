"""What the machine can do and what it used: peak arithmetic of GPUs, energy, memory."""

import os
import re
import resource
from typing import Any

from scripts.common.memory import activation_bytes
from scripts.common.shape import shape_of

# Dense bfloat16 tensor-core peak in FLOP/s without sparsity, from NVIDIA's data sheets; the first match counts.
PEAKS = (
    (r"\bB200\b", 2250e12),
    (r"\bGH200\b|\bH200\b", 989e12),
    (r"\bH100 PCIe\b", 756e12),
    (r"\bH100 NVL\b", 835e12),
    (r"\bH100\b|\bH800\b", 989e12),
    (r"\bA100\b|\bA800\b", 312e12),
    (r"\bA40\b", 149.7e12),
    (r"\bA10\b", 125e12),
    (r"\bL40S\b", 362e12),
    (r"\bL4\b", 121e12),
    (r"\bRTX 4090\b", 165.2e12),
    (r"\bRTX 3090\b", 71e12),
)


def peak_flops(gpu: str | None, dtype: str) -> float | None:
    """Return the peak FLOP/s of a GPU by the name that its driver gives, or None where it is not known.

    Only for 16-bit training: what float32 reaches depends on settings that are not the GPU's.
    """
    if gpu is None or dtype == "float32":
        return None
    return next((peak for pattern, peak in PEAKS if re.search(pattern, gpu)), None)


def gpu_name() -> str | None:
    """Return the name of the first GPU, or None without one."""
    import torch

    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else None


def peak_memory_mib() -> float:
    """Return the most memory held so far in MiB: of this process's GPU, or of the process where there is none."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


class EnergyMeter:
    """Joules that GPUs have drawn since the meter was made, by NVML's counters; None where there is no NVML."""

    def __init__(self, gpus: int) -> None:
        self._start: list[int] = []
        if gpus == 0:
            return
        try:
            import pynvml
            import torch

            pynvml.nvmlInit()
            # By UUID: NVML counts all GPUs of a machine, torch those that are visible.
            names = [f"GPU-{torch.cuda.get_device_properties(i).uuid}" for i in range(gpus)]
            self._handles = [pynvml.nvmlDeviceGetHandleByUUID(name) for name in names]
            self._read = pynvml.nvmlDeviceGetTotalEnergyConsumption
            self._start = self._millijoules()
        except Exception:  # no NVML, no such counter, no permission: the figure stays empty
            self._start = []

    def _millijoules(self) -> list[int]:
        return [self._read(handle) for handle in self._handles]

    def joules(self) -> float | None:
        """Return what was drawn since the start, over all GPUs."""
        if not self._start:
            return None
        return (sum(self._millijoules()) - sum(self._start)) / 1000


def needs_checkpointing(config: Any, held: float, tokens: int, half_precision: bool) -> bool:
    """Whether activations of `tokens` tokens would not fit beside `held` bytes of weights, gradients and optimiser
    states in the memory of this GPU, or machine; a fifth of it is left free."""
    import torch

    if torch.cuda.is_available():
        memory = torch.cuda.get_device_properties(0).total_memory
    else:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return held + activation_bytes(shape_of(config), tokens, half_precision) > 0.8 * memory
