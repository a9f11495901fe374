"""The vLLM engine against the transformers engine. Runs in the engine's own environment: make test-vllm."""

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("vllm", reason="needs the engine's environment (.venv-vllm)")

from scripts.common.questions import Question, write_questions
from scripts.common.tables import read_table
from scripts.data.demo_world import draw_benchmark
from scripts.evaluate.engines.base import Request
from scripts.evaluate.engines.batches import TransformersEngine
from scripts.evaluate.engines.vllm import VllmEngine
from scripts.evaluate.tables import ANSWERS
from scripts.train.make_demo_model import build_model, build_tokenizer, train
from tests.evaluate import engine_cases as cases

pytestmark = pytest.mark.vllm
ENGINES = ("vllm", "transformers")


@pytest.fixture(scope="module")
def model(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the tiny model's folder with heads of 32 dimensions: vLLM's attention on the CPU has none of 8."""
    import torch
    from transformers import AutoConfig, Qwen2ForCausalLM

    folder = tmp_path_factory.mktemp("model") / "model"
    shutil.copytree(tiny_model, folder)
    config = AutoConfig.from_pretrained(tiny_model)
    config.hidden_size, config.num_attention_heads, config.num_key_value_heads = 128, 4, 2
    torch.manual_seed(0)
    Qwen2ForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def demo_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the demo's base model after the first sixth of its training: its answers have a form."""
    import torch

    torch.manual_seed(1)
    rng = random.Random(1)
    tokenizer = build_tokenizer(rng)
    model = build_model(tokenizer)
    train(model, tokenizer, rng, steps=300)
    folder = tmp_path_factory.mktemp("demo-model")
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module", autouse=True)
def settings() -> None:
    os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")  # one process instead of four: starts in half the time
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")


@pytest.fixture(scope="module")
def engine(model: Path) -> VllmEngine:
    return VllmEngine(model, "float32", max_model_length=256, gpu_memory_utilization=0.5)


@pytest.fixture(scope="module")
def demo_engine(demo_model: Path) -> VllmEngine:
    return VllmEngine(demo_model, "float32", max_model_length=512, gpu_memory_utilization=0.5)


def test_greedy_tokens_are_those_of_transformers(engine: VllmEngine, model: Path) -> None:
    reference = TransformersEngine(model, "float32", batch_size=4)
    requests = cases.draw_requests()
    assert cases.answers(engine, requests, cases.GREEDY) == cases.answers(reference, requests, cases.GREEDY)


def test_an_answer_depends_on_its_own_seed_alone(engine: VllmEngine) -> None:
    cases.check_own_seed(engine)


def test_a_stop_token_at_the_limit_is_a_stop(engine: VllmEngine) -> None:
    cases.check_stop_at_the_limit(engine)


def test_more_prompts_than_a_step_takes(engine: VllmEngine) -> None:
    """Seeded answers to prompts that together exceed the tokens of a step (vLLM's chunked prefill, off on a CPU)."""
    requests = [Request([10 + i % 200] * 200, 4, seed=i) for i in range(300)]
    found = cases.answers(engine, requests, cases.SAMPLED)
    assert found[250:] == cases.answers(engine, requests[250:], cases.SAMPLED)


def test_loglikelihoods_are_those_of_one_sequence_at_a_time(engine: VllmEngine, model: Path) -> None:
    cases.check_loglikelihoods(engine, model)


def test_loglikelihoods_are_those_of_the_other_engine(engine: VllmEngine, model: Path) -> None:
    """Each engine is within 1e-3 of the reference; here they are that close to each other."""
    reference = TransformersEngine(model, "float32", batch_size=4)
    continuations = cases.draw_continuations()
    differences = np.subtract(
        cases.loglikelihoods(engine, continuations), cases.loglikelihoods(reference, continuations)
    )
    assert np.abs(differences).max() < 1e-3


KILLING = """
import logging, multiprocessing, os, signal, sys
from pathlib import Path
from scripts.evaluate.running import EngineRun
from scripts.evaluate.engines.vllm import VllmEngine
from scripts.evaluate.store import AnswerStore
from tests.evaluate import engine_cases as cases

def tokens(request, answer):
    if not killed:
        killed.extend(multiprocessing.active_children())
        for process in killed:
            os.kill(process.pid, signal.SIGKILL)
    return len(answer.token_ids)

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    killed = []
    run = EngineRun(lambda: VllmEngine(Path(sys.argv[1]), "float32", 256, 0.5), "vllm", "a hint", AnswerStore(None, {}))
    requests = cases.draw_requests()
    ask = lambda engine, asked: engine.generate(asked, cases.SAMPLED)
    found = run.results(ask, requests, [str(request.seed) for request in requests], tokens)
    print("killed", len(killed), "answered", len(found))
"""


def test_an_engine_whose_process_is_killed_is_started_again(model: Path, tmp_path: Path) -> None:
    """As the kernel does where memory is short. The engine is a process of its own, as on a GPU."""
    script = tmp_path / "killing.py"
    script.write_text(KILLING, encoding="utf-8")
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "VLLM_ENABLE_V1_MULTIPROCESSING": "1", "PYTHONPATH": str(root)}
    command = [sys.executable, str(script), str(model)]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=400)
    assert "killed 1 answered 11" in done.stdout, done.stderr[-3000:]
    assert "the engine vllm died with" in done.stderr and "EngineDeadError" in done.stderr


@pytest.fixture
def evaluate_demo(run_evaluation, demo_engine: VllmEngine, demo_model: Path, tmp_path: Path, monkeypatch):
    """Return a function that evaluates the demo's model on 100 sums with an engine and returns the rows."""
    questions = tmp_path / "sums" / "test.jsonl"
    problems = draw_benchmark(1, 1, 100)
    write_questions(
        (Question(id=f"{i}", question=p.question, answer=p.answer) for i, p in enumerate(problems)), questions
    )
    monkeypatch.setattr("scripts.evaluate.engines.vllm.VllmEngine", lambda *_: demo_engine)

    def evaluate(engine: str, *options: object, **generation: object):
        own = {"batch_size": 128} if engine == "transformers" else {}
        size = ["--max-model-length", 512, "--engine-settings", json.dumps(own)]
        what = ["--engine", engine, "--model", demo_model, "--questions", questions]
        _, answers = run_evaluation(engine, *what, *size, *options, max_new_tokens=120, **generation)
        return read_table(ANSWERS, answers).to_pandas()

    return evaluate


def test_greedy_answers_to_100_questions_are_the_same(evaluate_demo) -> None:
    first, second = (evaluate_demo(engine, "--samples", 1, temperature=0) for engine in ENGINES)
    assert first.equals(second) and len(first) == 100
    assert 0 < first["correct"].mean() < 1 and first["text"].nunique() > 50, "the model says nothing"


def test_sampled_scores_agree_within_two_standard_errors(evaluate_demo) -> None:
    tables = [evaluate_demo(engine, "--samples", 8, "--seed", 2, temperature=0.8) for engine in ENGINES]
    means = [table.groupby("question_id", sort=False)["correct"].mean() for table in tables]
    difference = means[0] - means[1]
    print("scores", [float(mean.mean()) for mean in means], "se", difference.std() / 10)
    assert not tables[0]["text"].equals(tables[1]["text"]), "they draw by different generators"
    assert len(difference) == 100 and 0 < means[0].mean() < 1
    assert abs(difference.mean()) <= 2 * difference.std() / 10
