"""PIR of the 3B shape: the tree of a chain, plain passes, one pass; the largest pass that fits; against float32."""

from pathlib import Path
from typing import Any

from perf.flops import pass_flops
from perf.gpu_stages.clock import device_and_type, on_gpu, seconds
from perf.score_steps import build_chains
from perf.train_throughput import SHAPES

CHAINS = ((4000, 100), (2000, 50), (8000, 200))  # tokens of a chain, its steps; half of them functional


def cases(smoke: bool) -> list[dict[str, Any]]:
    """Return the ways by chain, the tree on 4,000 tokens first, by tokens of a pass."""
    shape = "tiny" if smoke else "qwen2.5-3b"
    chains = ((200, 10),) if smoke else CHAINS
    tree = [
        {"shape": shape, "tokens": tokens, "steps": steps, "way": "tree", "budget": budget}
        for tokens, steps in chains
        for budget in ((1024,) if smoke else (8192, 16_384, 32_768, 65_536))
    ]
    others = [
        {"shape": shape, "tokens": tokens, "steps": steps, "way": way, "budget": 16_384}
        for tokens, steps in chains[:1]
        for way in ("one_pass", "plain")
    ]
    exact = {"shape": shape, "tokens": chains[-1][0] // 8, "steps": 8, "way": "float32", "budget": 4096}
    return [*tree[:1], *others, exact, *tree[1:]]


def build(shape: str) -> Any:
    """Return the model of random weights, in the type that is used."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    device, dtype = device_and_type()
    torch.manual_seed(0)
    config = Qwen2Config(**SHAPES[shape], tie_word_embeddings=True, max_position_embeddings=32_768)
    with torch.device(device):
        return Qwen2ForCausalLM(config).to(dtype).eval()


def measure(case: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return tokens/s and FLOP/s of one chain after another, and the largest gap to float32 where that is asked."""
    import torch

    from scripts.select.limopro.batches import in_batches
    from scripts.select.limopro.one_pass import hidden_from_answer
    from scripts.select.limopro.plain import PlainWay
    from scripts.select.limopro.scorer import Scorer
    from scripts.select.limopro.tree import TreeWay

    model = build(case["shape"])
    steps = case["steps"]
    chains = build_chains(1, steps, case["tokens"] // steps, steps // 2, model.config.vocab_size)
    one_pass = TreeWay(hidden_from_answer)
    way = {"one_pass": one_pass, "plain": PlainWay(pads=True)}.get(case["way"], TreeWay())

    def score() -> list[Any]:
        return [found for _, found in in_batches(Scorer(model), way, chains, case["budget"])]

    with torch.inference_mode():
        if case["way"] == "float32":
            half = score()
            model.float()
            gaps = [
                abs(one - other)
                for found, exact in zip(half, score(), strict=True)
                for one, other in zip(found.nll_without, exact.nll_without, strict=True)
            ]
            return {"largest_gap_nats": max(gaps), "functional": steps // 2}
        with pass_flops(model) as count:
            score()
        taken = seconds(score, 3, 1)
    tokens = sum(map(way.tokens, chains))
    return {
        "computed_tokens": tokens,
        "tokens_per_second": tokens / taken,
        "chains_per_second": 1 / taken,
        "flops_per_second": count.flops / taken,
        "peak_memory_mib": torch.cuda.max_memory_allocated() / 2**20 if on_gpu() else None,
    }
