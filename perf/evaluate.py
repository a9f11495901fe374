"""Time the engines side by side, and what our pipeline adds to the bare engine. Runs in the engine's environment.

A random Qwen3 answers 64 questions four times, in this process, in turn: by vLLM, by our transformers engine and by
transformers' own `generate` (one batch of the same size, once). Lengths are geometric: a share of the vocabulary ends
an answer. Before, vLLM answers briefly once, since it compiles at its first prompts.
The pipeline is all of evaluate_model but the imports and the engine's start: prompts, vLLM, judging every answer (each
is given a number in a box, so that there is something to judge), metrics, both files. Printed as JSON: medians.
"""

import itertools
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

from scripts.common import cli
from scripts.common.program import Program
from scripts.common.provenance import hardware
from scripts.common.questions import Question, write_questions


def build_model(folder: Path, hidden: int, layers: int) -> int:
    """Write a random Qwen3 with the demo's tokenizer to `folder`; return its number of parameters."""
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    from scripts.train.make_demo_model import build_tokenizer

    torch.manual_seed(0)
    tokenizer = build_tokenizer(random.Random(0))
    model = Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=len(tokenizer),
            hidden_size=hidden,
            intermediate_size=4 * hidden,
            num_hidden_layers=layers,
            num_attention_heads=hidden // 64,
            num_key_value_heads=hidden // 64,
            head_dim=64,
            max_position_embeddings=1024,
            tie_word_embeddings=True,
            eos_token_id=tokenizer.eos_token_id,
        )
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return sum(p.numel() for p in model.parameters())


def stop_tokens(arguments: Any) -> frozenset[int]:
    """Return the tokens that end an answer, each as likely as any other: they decide how long answers are."""
    return frozenset(range(5, 5 + arguments.stops))


def stock_generate(engine: Any, requests: list[Any], sampling: Any) -> int:
    """Answer by transformers' own generate on our engine's model; return the tokens up to the first stop."""
    import torch

    from scripts.evaluate.engines.batches import padded

    tokens = 0
    for start in range(0, len(requests), engine.batch_size):
        batch = requests[start : start + engine.batch_size]
        ids, mask, _ = padded([request.prompt_ids for request in batch])
        with torch.inference_mode():
            found = engine.model.generate(
                ids,
                attention_mask=mask,
                do_sample=True,
                temperature=sampling.temperature,
                top_p=sampling.top_p,
                top_k=0,
                max_new_tokens=batch[0].max_new_tokens,
                eos_token_id=sorted(sampling.stop_ids),
                pad_token_id=0,
            )
        for row in found[:, ids.shape[1] :].tolist():
            tokens += next((i + 1 for i, token in enumerate(row) if token in sampling.stop_ids), len(row))
    return tokens


def bare_vllm(llm: Any, requests: list[Any], sampling: Any) -> int:
    """Answer by LLM.generate alone; return the tokens."""
    from vllm import TokensPrompt

    from scripts.evaluate.engines.vllm import sampling_params

    params = sampling_params(requests, sampling)
    outputs = llm.generate([TokensPrompt(prompt_token_ids=r.prompt_ids) for r in requests], params, use_tqdm=False)
    return sum(len(output.outputs[0].token_ids) for output in outputs)


def pipeline(engine: Any, folder: Path, work: Path, arguments: Any, asked: list[Any]) -> int:
    """Run evaluate_model on an engine that is there already; return the tokens, append its requests to `asked`."""
    import pyarrow.parquet as pq

    from scripts.common.config.evaluation import Generation
    from scripts.common.program import as_json
    from scripts.evaluate import evaluate_model, lighteval_model
    from scripts.evaluate.engines import base as engines

    class Recorder:
        def generate(self, requests: list[Any], sampling: Any) -> Any:
            asked.append((requests, sampling))
            return engine.generate(requests, sampling)

    numbers = itertools.count()

    def text(model: Any, answer: Any) -> str:
        return f"{model.tokenizer.decode(answer.token_ids)} The final answer is \\boxed{{{next(numbers)}}}."

    options = f"--model {folder} --model-name base --benchmark sums --questions {work}/test.jsonl --seed 1"
    options += f" --samples {arguments.samples} --engine vllm --dtype float32 --max-model-length 1024"
    generation = Generation(temperature=1, top_p=1, max_new_tokens=arguments.max_new_tokens)
    options += f" --result {work}/result.json --answers {work}/answers.parquet"
    with (
        patch.object(evaluate_model, "start_engine", lambda *_: Recorder()),
        patch.object(engines, "stop_token_ids", lambda *_: stop_tokens(arguments)),
        patch.object(lighteval_model.EngineModel, "_text", text),
        patch.object(sys, "argv", ["evaluate_model", *options.split(), "--generation", as_json(generation)]),
    ):
        evaluate_model.main()
    return sum(pq.read_table(work / "answers.parquet")["output_tokens"].to_pylist())


def measure(arguments: Any, work: Path) -> dict[str, Any]:
    """Return the seconds and rates of one process."""
    os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "1")  # as in use: the judge is forked off without it
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "2")
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
    started = time.monotonic()
    with cli.heavy_imports():
        import torch

        from scripts.data.demo_world import draw_benchmark
        from scripts.evaluate import lighteval_patches  # noqa: F401
        from scripts.evaluate.engines.base import Request, Sampling
        from scripts.evaluate.engines.batches import TransformersEngine
        from scripts.evaluate.engines.vllm import VllmEngine
    imports = time.monotonic() - started
    folder = work / "model"
    parameters = build_model(folder, arguments.hidden, arguments.layers)
    problems = draw_benchmark(1, 4, arguments.questions)
    rows = (Question(id=str(i), question=p.question, answer=str(p.answer)) for i, p in enumerate(problems))
    write_questions(rows, work / "test.jsonl")
    started = time.monotonic()
    vllm = VllmEngine(folder, "float32", 1024, 0.5)
    warm = [Request([10 + i % 300] * 60, 8, seed=i) for i in range(arguments.questions * arguments.samples)]
    list(vllm.generate(warm, Sampling(1.0, 1.0, stop_tokens(arguments))))
    start = time.monotonic() - started
    ours = TransformersEngine(folder, "float32", arguments.batch_size)

    asked: list[Any] = []
    ways: dict[str, Callable[[], int]] = {
        "pipeline": lambda: pipeline(vllm, folder, work, arguments, asked),
        "bare_vllm": lambda: bare_vllm(vllm.llm, *asked[0]),
        "transformers_engine": lambda: sum(len(answer.token_ids) for _, answer in ours.generate(*asked[0])),
        "transformers_generate": lambda: stock_generate(ours, asked[0][0][: arguments.batch_size], asked[0][1]),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    tokens: dict[str, int] = {}
    for repeat in range(arguments.repeats):
        for name, way in ways.items():
            if repeat and name == "transformers_generate":
                continue  # minutes: once is enough
            started = time.monotonic()
            tokens[name] = way()
            times[name].append(time.monotonic() - started)
            cli.log.info("%s: %d tokens in %.2f s", name, tokens[name], times[name][-1])
    vllm.llm.llm_engine.engine_core.shutdown()
    seconds = {name: statistics.median(found) for name, found in times.items()}
    rates = {name: tokens[name] / seconds[name] for name in ways}
    return {
        "parameters": parameters,
        "answers": len(asked[0][0]),
        "imports_s": round(imports, 1),
        "engine_start_s": round(start, 1),
        "seconds": {name: [round(value, 2) for value in found] for name, found in times.items()},
        "tokens": tokens,
        "tokens_per_s": {name: round(rate) for name, rate in rates.items()},
        "vllm_over_transformers_engine": round(rates["bare_vllm"] / rates["transformers_engine"], 2),
        "vllm_over_transformers_generate": round(rates["bare_vllm"] / rates["transformers_generate"], 2),
        "pipeline_over_bare_vllm": round(seconds["pipeline"] / seconds["bare_vllm"], 3),
        "threads": torch.get_num_threads(),
        "hardware": hardware(),
    }


def main() -> None:
    parser = Program(__doc__)
    parser.add_argument("--questions", type=int, default=64, help="questions")
    parser.add_argument("--samples", type=int, default=4, help="answers per question")
    parser.add_argument("--hidden", type=int, default=256, help="the model's width, a multiple of 64")
    parser.add_argument("--layers", type=int, default=4, help="the model's layers")
    parser.add_argument("--max-new-tokens", type=int, default=512, help="longest answer")
    parser.add_argument(
        "--stops", type=int, default=3, help="tokens of 367 that end an answer: 3 make about 120 tokens"
    )
    parser.add_argument("--batch-size", type=int, default=64, help="transformers: answers side by side")
    parser.add_argument("--repeats", type=int, default=2, help="times that each is measured")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        print(json.dumps(measure(arguments, Path(temporary)), indent=2))


if __name__ == "__main__":
    cli.run(main)
