"""A tiny model to train, subsets of any lengths, and train_sft run in this process as a rule runs it."""

import random
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts.common.chat import load_tokenizer, training_messages
from scripts.common.rendering import count_tokens
from scripts.common.tables import write_table
from scripts.select.tables import SUBSET

Subset = Callable[..., Path]


def write_subset(path: Path, base: Path, answers: list[str]) -> Path:
    """Write a subset of one conversation an answer, counted with the base model's tokenizer; ids are row0, row1, ..."""
    conversations = [training_messages("Be brief.", f"Question {n}?", answer) for n, answer in enumerate(answers)]
    tokens = count_tokens(load_tokenizer(base), conversations)
    rows = [
        {"id": f"row{n}", "messages": messages, "tokens": count, "tokens_before": count, "pruned_steps": []}
        for n, (messages, count) in enumerate(zip(conversations, tokens, strict=True))
    ]
    write_table(SUBSET, rows, path)
    return path


def answers_of_all_lengths(number: int, seed: int = 0, longest: int = 300) -> list[str]:
    """Return answers whose lengths are log-normal, cut at `longest` letters."""
    rng = random.Random(seed)
    return ["".join(rng.choices("abcdefgh ", k=min(longest, int(rng.lognormvariate(3, 1)) + 1))) for _ in range(number)]


def break_letter(base: Path, folder: Path, letter: str) -> Path:
    """Copy a model to `folder`, the embedding of one letter made no number; return `folder`."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    shutil.copytree(base, folder)
    tokenizer, network = AutoTokenizer.from_pretrained(folder), AutoModelForCausalLM.from_pretrained(folder)
    (token,) = tokenizer(letter, add_special_tokens=False)["input_ids"]
    with torch.no_grad():
        network.get_input_embeddings().weight[token] = float("nan")
    network.save_pretrained(folder)
    return folder


def steps_made(work: Path) -> int:
    """Return how many steps a run with the folder `work` has logged until now, over all its attempts."""
    log = work / "checkpoints" / "steps.jsonl"
    return log.read_text().count("\n") if log.exists() else 0


def weights(folder: Path) -> dict[str, Any]:
    """Return the weights of the model of a run whose outputs lie in `folder`."""
    from safetensors.torch import load_file

    return load_file(folder / "model" / "model.safetensors")


def assert_same_model(folder: Path, other: Path) -> None:
    """The models of two runs have the same weights, to 1e-6."""
    import torch

    first, second = weights(folder), weights(other)
    assert first.keys() == second.keys()
    for name, weight in first.items():
        torch.testing.assert_close(weight, second[name], rtol=0, atol=1e-6, msg=name)


@pytest.fixture
def subset(tmp_path: Path, tiny_model: Path) -> Subset:
    """Return a function that writes a subset of these answers."""
    return lambda answers, name="some": write_subset(tmp_path / f"{name}.parquet", tiny_model, answers)


def options(folder: Path, base: Path, data: Path, **settings: Any) -> list[str]:
    """Return the options of train_sft for a run in `folder`; settings are those of Optimisation."""
    given = {"epochs": 1, "max_length": 512, "learning_rate": 1e-3, "effective_batch": 4, "per_device_batch": 2}
    places = {"model": "model", "log": "log.csv", "summary": "summary.json", "work": "work"}
    words = ["--run", "some-t1", "--arm", "some", "--seed", "1", "--dtype", "float32"]
    words += ["--subset", str(data), "--base", str(base)]
    for name, value in {**given, **settings}.items():
        words += [f"--{name.replace('_', '-')}", str(value).lower() if isinstance(value, bool) else str(value)]
    for name, place in places.items():
        words += [f"--{name}", str(folder / place)]
    return words


@pytest.fixture
def run_training(tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Return a function that runs train_sft's main() in this process, in a folder of its own, which it returns."""

    def run(data: Path, base: Path = tiny_model, name: str = "run", **settings: Any) -> Path:
        from scripts.train import train_sft

        monkeypatch.setattr(sys, "argv", ["train_sft", *options(tmp_path / name, base, data, **settings)])
        train_sft.main()
        return tmp_path / name

    return run
