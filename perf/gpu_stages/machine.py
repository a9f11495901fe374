"""The ceilings that all ratios are taken against: the rate of matrix products, and of copies."""

from pathlib import Path
from typing import Any

from perf.gpu_stages.clock import device_and_type, seconds


def cases(smoke: bool) -> list[dict[str, Any]]:
    """Return the sizes: of square matrices, and of a copy in bytes."""
    return [{"matrix": 256 if smoke else 8192, "bytes": 2**22 if smoke else 2**32}]


def measure(case: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return FLOP/s of a product of random matrices (of zeros it is faster) and bytes/s of a copy, read and written."""
    import torch

    device, dtype = device_and_type()
    left, right = (torch.randn(case["matrix"], case["matrix"], device=device).to(dtype) for _ in range(2))
    product = seconds(lambda: left @ right, 20, 5)
    source = torch.randint(256, (case["bytes"],), dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    copy = seconds(lambda: target.copy_(source), 10)
    return {
        "matrix_flops_per_second": 2 * case["matrix"] ** 3 / product,
        "copied_bytes_per_second": 2 * case["bytes"] / copy,
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
    }
