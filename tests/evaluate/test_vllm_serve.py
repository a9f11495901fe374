"""`vllm serve` on this machine through the engine `endpoint`, against vLLM in this process: make test-vllm."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

pytest.importorskip("vllm", reason="needs the engine's environment (.venv-vllm)")

from scripts.common.chat import load_tokenizer
from scripts.common.config.endpoint import Endpoint
from scripts.common.config.segmenter import ModelSegmenter
from scripts.common.questions import Question, write_questions
from scripts.common.tables import read_table
from scripts.data.demo_world import draw_benchmark
from scripts.evaluate.engines.base import Continuation
from scripts.evaluate.engines.batches import TransformersEngine
from scripts.evaluate.engines.endpoint import EndpointEngine, ModelEndpoint
from scripts.evaluate.tables import ANSWERS
from scripts.select.limopro.asking import first_messages
from scripts.select.limopro.model_segmenter import Segmenter
from tests.evaluate import engine_cases as cases
from tests.evaluate.test_vllm_engine import demo_model, settings  # noqa: F401  (fixtures)

pytestmark = pytest.mark.vllm
WAIT = 900  # seconds until the server must answer


@pytest.fixture(scope="module")
def base_url(demo_model: Path, settings: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:  # noqa: F811
    """Return the address of a `vllm serve` with the demo's model, whose generation_config would change every answer."""
    config = json.loads((demo_model / "generation_config.json").read_text(encoding="utf-8"))
    spoilt = {**config, "repetition_penalty": 1.7, "top_k": 3, "temperature": 0.9}
    (demo_model / "generation_config.json").write_text(json.dumps(spoilt), encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # What `vllm serve` runs; the package for the CPU lacks what that command asks for its version.
    command = [
        sys.executable,
        "-m",
        "vllm.entrypoints.openai.api_server",
        "--model",
        demo_model,
        "--served-model-name",
        "served",
    ]
    command += [
        "--host",
        "127.0.0.1",
        "--port",
        port,
        "--dtype",
        "float32",
        "--max-model-len",
        512,
        "--no-enable-chunked-prefill",
    ]
    log = tmp_path_factory.mktemp("serve") / "log"
    with log.open("w") as output:
        process = subprocess.Popen(list(map(str, command)), stdout=output, stderr=output, env={**os.environ})
    try:
        end = time.monotonic() + WAIT
        while True:
            assert process.poll() is None and time.monotonic() < end, log.read_text()[-3000:]
            try:
                with urlopen(f"http://127.0.0.1:{port}/health", timeout=1):
                    break
            except OSError:
                time.sleep(1)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait(60)


@pytest.fixture
def evaluate(run_evaluation, base_url: str, demo_model: Path, tmp_path: Path):  # noqa: F811
    """Return a function that evaluates the demo's model on 50 sums with an engine and returns the rows."""
    questions = tmp_path / "sums" / "test.jsonl"
    problems = draw_benchmark(1, 1, 50)
    write_questions(
        (Question(id=f"{i}", question=p.question, answer=p.answer) for i, p in enumerate(problems)), questions
    )
    own = {
        "endpoint": {"endpoint": {"base_url": base_url, "models": {"base": "served"}}},
        "vllm": {"gpu_memory_utilization": 0.3},
        "transformers": {"batch_size": 64},
    }

    def run(engine: str, *options: object, **generation: Any):
        words = ["--engine", engine, "--engine-settings", json.dumps(own[engine]), "--model", demo_model]
        words += ["--questions", questions, "--max-model-length", 512, *options]
        _, answers = run_evaluation(engine, *words, max_new_tokens=120, **generation)
        return read_table(ANSWERS, answers).to_pandas()

    return run


def test_greedy_answers_to_50_questions_are_those_of_vllm_in_this_process(evaluate) -> None:
    served, here, plain = (
        evaluate(engine, "--samples", 1, temperature=0) for engine in ("endpoint", "vllm", "transformers")
    )
    assert len(served) == 50 and served["text"].nunique() > 25, "the model says nothing"
    assert served.equals(here) and served.equals(plain)


def test_sampled_answers_are_those_of_vllm_in_this_process(evaluate) -> None:
    """The same seeds, and every way of drawing: the server takes nothing from the model's generation_config."""
    drawing = {
        "temperature": 0.8,
        "top_p": 0.9,
        "top_k": 30,
        "min_p": 0.01,
        "repetition_penalty": 1.05,
        "stop": ["boxed"],
    }
    served, here = (evaluate(engine, "--samples", 2, **drawing) for engine in ("endpoint", "vllm"))
    assert len(served) == 100 and served["text"].nunique() > 50
    assert served.equals(here)


def test_likelihoods_are_those_of_transformers(base_url: str, demo_model: Path) -> None:  # noqa: F811
    tokenizer = load_tokenizer(demo_model, None)
    parts = [(problem.question, problem.answer) for problem in draw_benchmark(1, 1, 20)]
    asked = [Continuation(*(tokenizer(text, add_special_tokens=False)["input_ids"] for text in pair)) for pair in parts]
    served = cases.loglikelihoods(EndpointEngine(ModelEndpoint(base_url=base_url), "served"), asked)
    here = cases.loglikelihoods(TransformersEngine(demo_model, "float32", batch_size=4), asked)
    assert max(abs(a - b) for a, b in zip(served, here, strict=True)) < 1e-3 and len(set(here)) > 10


def test_steps_are_asked_for_in_a_schema_that_the_server_enforces(base_url: str, tmp_path: Path) -> None:
    """A model that knows nothing of steps has to write the beginning of an answer."""
    chosen = ModelSegmenter(model="served", endpoint=Endpoint(base_url=base_url), max_tokens=60)
    segmenter = Segmenter(chosen, "Cut.", 1, tmp_path)
    reply = segmenter.ask(first_messages("Cut.", "2 + 2?", ["It is 4. ", "Yes."], 0, 2), 0)
    begun = "".join(reply.text.split())
    assert begun and (begun.startswith('{"steps":') or '{"steps":'.startswith(begun)), reply
