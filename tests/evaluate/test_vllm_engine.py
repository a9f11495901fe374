"""The vLLM engine against the transformers engine. Runs in the engine's own environment: make test-vllm."""

import os
import random
import shutil
from pathlib import Path

import pytest

pytest.importorskip("vllm", reason="needs the engine's environment (.venv-vllm)")

from scripts.evaluate.engines import Generated, Request, Sampling
from scripts.evaluate.transformers_engine import TransformersEngine
from scripts.evaluate.vllm_engine import VllmEngine

pytestmark = pytest.mark.vllm
GREEDY = Sampling(temperature=0.0, top_p=1.0, stop_ids=frozenset())
SAMPLED = Sampling(temperature=0.8, top_p=0.9, stop_ids=frozenset({5, 6, 7}))


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
def engine(model: Path) -> VllmEngine:
    os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")  # one process instead of four: starts in half the time
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
    return VllmEngine(model, "float32", max_model_length=256, gpu_memory_utilization=0.5)


@pytest.fixture(scope="module")
def requests() -> list[Request]:
    rng = random.Random(3)
    return [Request([rng.randrange(10, 290) for _ in range(rng.randint(3, 40))], 30, seed) for seed in range(11)]


def test_greedy_tokens_are_those_of_transformers(engine: VllmEngine, requests: list[Request], model: Path) -> None:
    reference = TransformersEngine(model, "float32", batch_size=4)
    assert engine.generate(requests, GREEDY) == reference.generate(requests, GREEDY)


def test_an_answer_depends_on_its_own_seed_alone(engine: VllmEngine, requests: list[Request]) -> None:
    answers = engine.generate(requests, SAMPLED)
    assert {answer.finish_reason for answer in answers} == {"stop", "length"}
    shuffled = random.Random(1).sample(range(len(requests)), 7)
    assert engine.generate([requests[i] for i in shuffled], SAMPLED) == [answers[i] for i in shuffled]
    assert engine.generate([Request(requests[2].prompt_ids, 30, 99)], SAMPLED) != answers[2:3]


def test_a_stop_token_at_the_limit_is_a_stop(engine: VllmEngine, requests: list[Request]) -> None:
    tokens = engine.generate(requests[:1], GREEDY)[0].token_ids
    limit = next(i for i in range(5, 30) if tokens[i] not in tokens[:i])
    sampling = Sampling(0.0, 1.0, frozenset({tokens[limit]}))

    def answer(max_new_tokens: int) -> Generated:
        return engine.generate([Request(requests[0].prompt_ids, max_new_tokens, 0)], sampling)[0]

    assert answer(limit) == Generated(tokens[:limit], "length")
    assert answer(limit + 1) == Generated(tokens[: limit + 1], "stop")
    assert answer(limit + 9) == Generated(tokens[: limit + 1], "stop")


def test_an_evaluation_end_to_end(
    run_evaluation, engine: VllmEngine, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Greedy, both engines make the same table."""
    monkeypatch.setattr("scripts.evaluate.vllm_engine.VllmEngine", lambda *_: engine)
    greedy = ["--model", model, "--temperature", 0, "--samples", 1]
    tables = [run_evaluation(name, *greedy, "--engine", name)[1].read_bytes() for name in ("vllm", "transformers")]
    assert tables[0] == tables[1]
