"""Training throughput through train_sft's own code: attention, activation checkpointing, Liger kernels, packing.

On a GPU the shape is Qwen2.5-3B's with random weights, on a CPU a tiny one. Rows are synthetic, their lengths
log-normal, the longest about eight times the mean. Each combination runs in a process of its own, so that one that
runs out of memory says so and the others run.

    python -m perf.train_throughput --output throughput.json
"""

import argparse
import json
import math
import random
import subprocess
import sys
import tempfile
import time
from itertools import product
from pathlib import Path
from typing import Any

from scripts.common import chat, cli
from scripts.common.atomic import remove
from scripts.common.config.training import Optimisation
from scripts.common.program import Program
from scripts.common.provenance import hardware
from scripts.common.rendering import count_tokens
from scripts.common.tables import write_table
from scripts.select.tables import SUBSET

STEPS, WARM = 20, 3  # steps of a combination; those at its start that are not counted
PADDED, PACKED = 8, 7  # rows in a padded and a packed batch: the packed one must not take more memory
SHAPES = {
    "qwen2.5-3b": {
        "vocab_size": 151_936,
        "hidden_size": 2048,
        "intermediate_size": 11_008,
        "num_hidden_layers": 36,
        "num_attention_heads": 16,
        "num_key_value_heads": 2,
    },
    "tiny": {
        "vocab_size": 1024,
        "hidden_size": 128,
        "intermediate_size": 512,
        "num_hidden_layers": 4,
        "num_attention_heads": 8,
        "num_key_value_heads": 2,
    },
}


def make_model(shape: str, context: int, folder: Path) -> None:
    """Write a model of random weights, with the demo's tokenizer."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    from scripts.train.make_demo_model import build_tokenizer

    torch.manual_seed(0)
    tokenizer = build_tokenizer(random.Random(0))
    config = Qwen2Config(**SHAPES[shape], tie_word_embeddings=True, max_position_embeddings=context)
    Qwen2ForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def draw_lengths(longest: int, tokens: int, rng: random.Random) -> list[int]:
    """Return log-normal lengths of mean about longest / 8 that make up `tokens`, `longest` among them."""
    sigma = 0.9
    mu = math.log(longest / 10) - sigma**2 / 2  # a tenth, since short rows are drawn out and long ones cut
    lengths = [longest]
    while sum(lengths) < tokens:
        lengths.append(min(longest, 16 + int(rng.lognormvariate(mu, sigma))))
    return lengths


def write_rows(base: Path, longest: int, tokens: int, path: Path) -> float:
    """Write a subset of random words; return how many times its mean length the longest row has."""
    rng, tokenizer = random.Random(1), chat.load_tokenizer(base)

    def conversations(words: list[int]) -> list[list[chat.Message]]:
        return [
            chat.training_messages(None, "Q?", "".join(f"{rng.choice('abcdefgh')} " for _ in range(n))) for n in words
        ]

    empty, hundred = count_tokens(tokenizer, conversations([0, 100]))
    per_word = (hundred - empty) / 100
    lengths = draw_lengths(longest, tokens, rng)
    drawn = conversations([max(1, int((length - empty) / per_word)) for length in lengths])
    counts = count_tokens(tokenizer, drawn)
    rows = [
        {"id": f"{number:016x}", "messages": messages, "tokens": count, "tokens_before": count}
        for number, (messages, count) in enumerate(zip(drawn, counts, strict=True))
    ]
    write_table(SUBSET, [{**row, "pruned_steps": []} for row in rows], path)
    return max(counts) / (sum(counts) / len(counts))


def every_second_layer() -> Any:
    """Return a callback that takes activation checkpointing from every second layer, once the trainer has set it."""
    from transformers import TrainerCallback

    class EverySecond(TrainerCallback):
        def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
            for layer in model.base_model.layers[1::2]:
                layer.gradient_checkpointing = False

    return EverySecond()


def measure(case: dict[str, Any], base: Path, subset: Path, folder: Path) -> dict[str, Any]:
    """Train STEPS steps as train_sft does; return speed and memory after WARM steps."""
    with cli.heavy_imports():
        import torch
        import trl  # noqa: F401
        from accelerate import PartialState

    from scripts.train.hardware import gpu_name, peak_flops
    from scripts.train.rows import encode
    from scripts.train.step_log import read_steps
    from scripts.train.throughput import model_flops, model_shape
    from scripts.train.trainer import Kernels, build_trainer, load_model, sft_arguments, step_writer

    PartialState(cpu=not torch.cuda.is_available())
    gpu = gpu_name()
    dtype = "bfloat16" if gpu else "float32"
    settings = Optimisation(
        epochs=1,
        steps=case["steps"],
        budget="steps" if case["steps"] else "epochs",
        max_length=case["max_length"],
        packing=case["packing"],
        per_device_batch=case["batch"],
        effective_batch=case["batch"],
        save_steps=10**6,
    )
    kernels = Kernels(case.get("attention"), case.get("checkpointing"), case.get("liger"))
    network, kernels = load_model(base, settings, dtype, kernels)
    encoded = encode(subset, chat.load_tokenizer(base), settings)
    options = sft_arguments(settings, dtype, 1, folder, 1, kernels)
    options.save_strategy = "no"
    options.torch_compile = bool(case.get("compile"))
    log = folder / "steps.jsonl"
    slots = settings.max_length * case["batch"] if case["packing"] else None
    folder.mkdir(parents=True)
    writer = step_writer(log, time.monotonic(), int(gpu is not None), True, slots)
    build = build_trainer(network, chat.load_tokenizer(base), encoded, options, settings, writer)
    if case.get("every_second"):
        build.add_callback(every_second_layer())
    shape = model_shape(build.model)
    build.train()
    steps = read_steps(log)
    counted = steps.iloc[WARM:]
    seconds = float(counted["seconds"].iloc[-1] - steps["seconds"].iloc[WARM - 1])
    tokens = int(counted["tokens"].sum())
    # Rows come as often as they are: the steps' share of all squares is their share of all tokens.
    squares = encoded.account.squares * tokens / encoded.account.tokens
    peak, flops = peak_flops(gpu, dtype), model_flops(shape, tokens, int(squares)) / seconds
    return {
        "tokens_per_second": round(tokens / seconds, 1),
        "trained_tokens_per_second": round(tokens / seconds * encoded.account.trained / encoded.account.tokens, 1),
        "flops_per_second": flops,
        "mfu": flops / peak if peak else None,
        "peak_memory_mib": round(float(steps["memory"].max()), 1),
        "share_of_slots_used": round(tokens / int(counted["slots"].sum()), 3),
        "loss": round(float(steps["loss"].iloc[-1]), 4),
    }


def cases(gpu: bool, lengths: list[int], compare: str | None) -> list[dict[str, Any]]:
    """Return the combinations: of kernels on packed rows, and packed against padded rows in the same room for tokens.

    Padded rows go through the whole set once, so that memory is that of the batch with the longest one.
    """
    from transformers.utils import is_flash_attn_2_available, is_liger_kernel_available

    # Flex attention has no backward pass on a CPU.
    attentions = ["sdpa_segments", "sdpa"] + (["flex_attention"] if gpu else [])
    attentions += ["flash_attention_2"] if gpu and is_flash_attn_2_available() else []
    liger = [False, True] if gpu and is_liger_kernel_available() else [False]
    kernels = [
        {"max_length": length, "packing": True, "batch": 1, "steps": STEPS}
        | {"attention": name, "checkpointing": again, "liger": fused}
        for length, name, again, fused in product(lengths, attentions, [False, True], liger)
    ]
    packing = [
        {"max_length": lengths[0], "packing": True, "batch": PACKED, "steps": STEPS},
        {"max_length": lengths[0], "packing": False, "batch": PADDED, "steps": None},
    ]
    return {"kernels": kernels, "packing": packing, None: kernels + packing}[compare]


def main() -> None:
    parser = Program(__doc__)
    parser.add_argument("--shape", choices=sorted(SHAPES), help="default: qwen2.5-3b on a GPU, tiny on a CPU")
    parser.add_argument("--lengths", type=int, nargs="+", help="max_length; default: 4096 16384, on a CPU 512 2048")
    parser.add_argument("--compare", choices=["kernels", "packing"], help="default: both")
    parser.add_argument("--output", type=Path, help="the JSON to write")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        case, folder = json.loads(arguments.case), arguments.folder
        result = measure(case, folder / "base", folder / f"rows-{case['max_length']}.parquet", folder / "run")
        (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")
        return

    import torch

    gpu = torch.cuda.is_available()
    shape = arguments.shape or ("qwen2.5-3b" if gpu else "tiny")
    lengths = arguments.lengths or ([4096, 16_384] if gpu else [512, 2048])
    results, skew = [], {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_model(shape, max(lengths), folder / "base")
        for length in lengths:
            tokens = length * 2 * STEPS
            skew[length] = round(write_rows(folder / "base", length, tokens, folder / f"rows-{length}.parquet"), 2)
        for case in cases(gpu, lengths, arguments.compare):
            command = [sys.executable, "-m", "perf.train_throughput", "--case", json.dumps(case), "--folder", name]
            done = subprocess.run(command, capture_output=True, text=True)
            remove(folder / "run")
            place = folder / "result.json"
            last = (done.stderr.strip().splitlines() or ["killed"])[-1][:200]
            result = json.loads(place.read_text()) if done.returncode == 0 else {"failed": last}
            place.unlink(missing_ok=True)
            results.append(case | result)
            print(json.dumps(results[-1]), flush=True)
    record = {
        "date": time.strftime("%Y-%m-%d"),
        "hardware": hardware(),
        "shape": shape,
        "longest_over_mean": skew,
        "steps_not_counted": WARM,
        "results": results,
    }
    if arguments.output:
        arguments.output.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    cli.run(main)
