"""Time exact PIR by the tree of a chain (scripts/select/limopro/tree.py) against one forward pass per left-out step.

A random Qwen2 of about 12M parameters with a vocabulary of 32k scores synthetic chains: by default 24 steps of 40
tokens, 16 of them functional. Both ways run in this process, in turn. Printed as JSON: the medians and their ratio, the
largest difference between the two, and the tokens processed against the number that cannot be avoided. With --memory
instead: what either way adds to the memory of the loaded model. With --one-pass instead: the tree against the estimate
in one pass, on one chain.
"""

import json
import random
import statistics
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

from scripts.common import cli
from scripts.common.program import Program
from scripts.common.provenance import hardware


def build_model(hidden: int, layers: int, vocabulary: int) -> Any:
    """Return a random Qwen2 in float32, ready to score."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=vocabulary,
        hidden_size=hidden,
        intermediate_size=4 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=hidden // 32,
        num_key_value_heads=hidden // 64,
        max_position_embeddings=32_768,
        tie_word_embeddings=True,
        attn_implementation="sdpa",
    )
    return Qwen2ForCausalLM(config).eval()


def build_chains(number: int, steps: int, step_tokens: int, functional: int, vocabulary: int) -> list[Any]:
    """Return chains of random token ids: a prompt of 60 tokens, an answer of 3."""
    from scripts.select.limopro.chain import Chain

    draw = random.Random(0)

    def ids(count: int) -> list[int]:
        return [draw.randrange(vocabulary) for _ in range(count)]

    return [
        Chain(
            id=str(n),
            prompt=ids(60),
            opening=ids(3),
            steps=[ids(step_tokens) for _ in range(steps)],
            closing=ids(12),
            lead=ids(8),
            answer=ids(3),
            functional=sorted(draw.sample(range(steps), functional)),
        )
        for n in range(number)
    ]


def plain_scores(model: Any, chains: list[Any]) -> list[list[float]]:
    """Return [full, question only, without each functional step] per chain: a whole pass for each, all logits made."""
    import torch

    def nll(before: list[int], answer: list[int]) -> float:
        logits = model(torch.tensor([before + answer])).logits[0, len(before) - 1 : -1].float()
        return float(torch.nn.functional.cross_entropy(logits, torch.tensor(answer)))

    values = []
    for chain in chains:
        head = [*chain.prompt, *chain.opening]
        whole = range(len(chain.steps))
        kept = [list(whole), *([k for k in whole if k != left_out] for left_out in chain.functional)]
        full, *without = [
            nll([*head, *(token for k in some for token in chain.steps[k]), *chain.closing], chain.answer)
            for some in kept
        ]
        values.append([full, nll([*chain.prompt, *chain.lead], chain.answer), *without])
    return values


def tree_scores(model: Any, chains: list[Any], budget: int) -> list[list[float]]:
    """Return the same values by the tree, which is known to be exact for this model."""
    from scripts.select.limopro.batches import in_batches
    from scripts.select.limopro.scorer import Scorer
    from scripts.select.limopro.tree import TreeWay

    scores = {chain.id: score for chain, score in in_batches(Scorer(model), TreeWay(), chains, budget)}
    return [[scores[c.id].nll_full, scores[c.id].nll_question, *scores[c.id].nll_without] for c in chains]


def measure_one_pass(arguments: Any) -> dict[str, Any]:
    """Return the seconds of the tree and of one pass on one chain, in pairs, and of what is tried before the first."""
    import torch

    from scripts.select.limopro.batches import in_batches
    from scripts.select.limopro.one_pass import hidden_from_answer
    from scripts.select.limopro.pir import Estimator
    from scripts.select.limopro.tree import TreeWay

    model = build_model(arguments.hidden, arguments.layers, arguments.vocabulary)
    shape = (arguments.steps, arguments.step_tokens, arguments.functional, arguments.vocabulary)
    chains = build_chains(1, *shape)
    tree, one_pass = TreeWay(), TreeWay(hidden_from_answer)
    with torch.inference_mode():
        estimator = Estimator(model, "random", "one_pass")
        first = seconds(lambda: list(estimator.score(chains, arguments.budget)))
        pairs = [
            tuple(
                seconds(lambda way=way: list(in_batches(estimator.scorer, way, chains, arguments.budget)))
                for way in (tree, one_pass)
            )
            for _ in range(arguments.repeats)
        ]
    return {
        "chain_tokens": len(chains[0].sequence()),
        "functional": arguments.functional,
        "tokens": {"tree": tree.tokens(chains[0]), "one_pass": one_pass.tokens(chains[0])},
        "first_with_probe_seconds": round(first, 2),
        "seconds_median": [round(statistics.median(times), 2) for times in zip(*pairs, strict=True)],
        "ratios": [round(slow / fast, 1) for slow, fast in pairs],
        "threads": torch.get_num_threads(),
        "hardware": hardware(),
    }


def seconds(run: Callable[[], object]) -> float:
    """Return the wall-clock seconds of one call."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def processed_tokens(model: Any, chains: list[Any], budget: int) -> int:
    """Return how many token positions the fast way passes through the model, padding included."""
    counted = 0

    def count(module: Any, arguments: Any, keywords: dict[str, Any]) -> None:
        nonlocal counted
        counted += keywords["input_ids"].numel()

    handle = model.base_model.register_forward_pre_hook(count, with_kwargs=True)
    tree_scores(model, chains, budget)
    handle.remove()
    return counted


def _status_kib(key: str) -> int:
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(key))
    return int(line.split()[1])


def added_memory(tree: bool, arguments: Any) -> float:
    """Return the MiB that scoring one chain adds at its peak to the memory of the loaded model (Linux)."""
    import torch

    model = build_model(arguments.hidden, arguments.layers, arguments.vocabulary)
    shape = (arguments.steps, arguments.step_tokens, arguments.functional, arguments.vocabulary)
    chains = build_chains(1, *shape)
    with torch.inference_mode():
        tree_scores(model, build_chains(1, 2, 10, 1, arguments.vocabulary), arguments.budget)  # loads what is lazy
        Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
        before = _status_kib("VmRSS")
        tree_scores(model, chains, arguments.budget) if tree else plain_scores(model, chains)
    return round((_status_kib("VmHWM") - before) / 1024, 1)


def measure_memory(arguments: Any) -> list[dict[str, Any]]:
    """Return the added memory of both ways with a vocabulary and a chain once and four times as large, each in a
    process of its own."""
    import argparse
    from multiprocessing import get_context

    figures = []
    for vocabulary, steps in product((arguments.vocabulary, 4 * arguments.vocabulary), (1, 4)):
        changed = {"vocabulary": vocabulary, "steps": steps * arguments.steps}
        shape = argparse.Namespace(**vars(arguments) | changed)
        added = {}
        for name, tree in (("tree_mib", True), ("plain_mib", False)):
            with get_context("spawn").Pool(1) as process:
                added[name] = process.apply(added_memory, (tree, shape))
        tokens = shape.steps * shape.step_tokens
        logits = round(tokens * vocabulary * 4 / 2**20, 1)
        figures.append({"vocabulary": vocabulary, "chain_tokens": tokens, **added, "float32_logits_mib": logits})
    return figures


def measure(arguments: Any) -> dict[str, Any]:
    """Return the figures of one run of this benchmark."""
    import torch

    from scripts.select.limopro.tree import TreeWay

    model = build_model(arguments.hidden, arguments.layers, arguments.vocabulary)
    shape = (arguments.steps, arguments.step_tokens, arguments.functional, arguments.vocabulary)
    chains = build_chains(arguments.chains, *shape)
    with torch.inference_mode():
        fast, plain = tree_scores(model, chains, arguments.budget), plain_scores(model, chains)
        gap = max(abs(a - b) for x, y in zip(fast, plain, strict=True) for a, b in zip(x, y, strict=True))
        pairs = [
            (
                seconds(lambda: tree_scores(model, chains, arguments.budget)),
                seconds(lambda: plain_scores(model, chains)),
            )
            for _ in range(arguments.repeats)
        ]
        processed = processed_tokens(model, chains, arguments.budget)
    unavoidable = sum(map(TreeWay().tokens, chains))
    return {
        "parameters": sum(p.numel() for p in model.parameters()),
        "chains": arguments.chains,
        "shape": {"steps": shape[0], "step_tokens": shape[1], "functional": shape[2], "vocabulary": shape[3]},
        "largest_difference_nats": gap,
        "tree_seconds_median": round(statistics.median(fast for fast, _ in pairs), 3),
        "plain_seconds_median": round(statistics.median(plain for _, plain in pairs), 3),
        "ratio_median": round(statistics.median(plain / fast for fast, plain in pairs), 2),
        "ratios": [round(plain / fast, 2) for fast, plain in pairs],
        "unavoidable_tokens": unavoidable,
        "processed_tokens_with_padding": processed,
        "padding_share": round(1 - unavoidable / processed, 4),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "hardware": hardware(),
    }


def main() -> None:
    parser = Program(__doc__)
    sizes = {"chains": 2, "steps": 24, "step-tokens": 40, "functional": 16, "vocabulary": 32_000, "hidden": 256}
    sizes |= {"layers": 4, "budget": 16_384, "repeats": 5}
    for name, value in sizes.items():
        parser.add_argument(f"--{name}", type=int, default=value, help=f"default {value}")
    parser.add_argument("--memory", action="store_true", help="measure peak memory instead of time")
    parser.add_argument("--one-pass", action="store_true", help="measure the estimate in one pass against the tree")
    parser.add_argument("--output", type=Path, help="JSON file to write as well")
    arguments = parser.parse_args()
    chosen = measure_memory if arguments.memory else measure_one_pass if arguments.one_pass else measure
    text = json.dumps(chosen(arguments), indent=2)
    print(text)
    if arguments.output:
        arguments.output.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    cli.run(main)
