"""Answers of the 3B shape: our transformers engine, vLLM where it is there."""

import json
import subprocess
from pathlib import Path
from typing import Any

from perf.gpu_stages.clock import on_gpu, seconds
from perf.train_throughput import make_model
from scripts.common.digest import ROOT

ENGINE = ROOT / ".venv-vllm" / "bin" / "python"


def cases(smoke: bool) -> list[dict[str, Any]]:
    """Return prompts and tokens of an answer by engine."""
    shape, prompts, lengths = ("tiny", 4, (16,)) if smoke else ("qwen2.5-3b", 256, (512, 2048))
    ours = [{"shape": shape, "engine": "transformers", "prompts": prompts, "tokens": length} for length in lengths[:1]]
    vllm = [{"shape": shape, "engine": "vllm", "prompts": prompts, "tokens": length} for length in lengths]
    return ours if smoke else [*vllm, *ours]


def measure(case: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return tokens/s; for vLLM those of perf.evaluate, which runs in the engine's own environment."""
    if case["engine"] == "vllm":
        if not ENGINE.exists():
            return {"skipped": "there is no .venv-vllm"}
        command = [str(ENGINE), "-m", "perf.evaluate", "--questions", str(case["prompts"]), "--samples", "1"]
        command += ["--hidden", "2048", "--layers", "36", "--max-new-tokens", str(case["tokens"]), "--stops", "1"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return dict(json.loads(done.stdout))

    from scripts.evaluate.engines.base import Request, Sampling
    from scripts.evaluate.engines.batches import TransformersEngine

    make_model(case["shape"], 4096, folder / "base")
    engine = TransformersEngine(folder / "base", "bfloat16" if on_gpu() else "float32", 64)
    requests = [Request([10 + number % 300] * 60, case["tokens"], seed=number) for number in range(case["prompts"])]
    sampling = Sampling(1.0, 1.0, frozenset())
    taken = seconds(lambda: list(engine.generate(requests, sampling)), 1, 0)
    return {"seconds": taken, "tokens_per_second": case["prompts"] * case["tokens"] / taken}
