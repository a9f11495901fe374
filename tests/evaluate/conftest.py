"""Fixtures of the evaluate stage."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts.common.cli import heavy_imports
from scripts.common.questions import Question, write_questions
from scripts.evaluate.engines.base import Generated, Request
from scripts.evaluate.store import AnswerStore

with heavy_imports():
    import lighteval.pipeline  # noqa: F401  (once, and faster so)
    import torch

# That import switches autograd off for the whole process, and other tests train.
torch.set_grad_enabled(True)

QUESTIONS = [
    Question(id=f"q{i}", question=f"Start with {i}. A: add {i}.{' B: add 0.' * (i % 3)} Result?", answer=str(2 * i))
    for i in range(7)
]


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    """Return the test.jsonl of seven questions q0 to q6, of unequal length; q3's answer is 6."""
    path = tmp_path / "benchmark" / "test.jsonl"
    write_questions(QUESTIONS, path)
    return path


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Request]:
    """What engines have computed, in order (beside what an engine tries for itself when it starts)."""
    requests: list[Request] = []
    add = AnswerStore.add

    def watched(self: AnswerStore, request: Request, result: Generated) -> None:
        requests.append(request)
        add(self, request, result)

    monkeypatch.setattr(AnswerStore, "add", watched)
    return requests


@pytest.fixture
def run_evaluation(
    tiny_model: Path, questions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[Path, Path]]:
    """Return a function that runs evaluate_model with the options and generation settings given; it returns its two
    outputs."""
    from scripts.evaluate import evaluate_model

    def run(name: str = "all", *options: object, **generation: Any) -> tuple[Path, Path]:
        result, answers = tmp_path / f"{name}.json", tmp_path / f"{name}.parquet"
        model = generation.pop("model", tiny_model)  # None: without a folder
        defaults = [
            *(["--model", model] if model else []),
            "--model-name",
            "base",
            "--benchmark",
            "sums",
            "--questions",
            questions,
        ]
        defaults += ["--samples", 3, "--seed", 1, "--engine", "transformers", "--dtype", "float32"]
        defaults += ["--max-model-length", 256, "--result", result, "--answers", answers]
        defaults += ["--generation", json.dumps({"max_new_tokens": 12, **generation})]
        monkeypatch.setattr(sys, "argv", ["evaluate_model", *map(str, [*defaults, *options])])
        evaluate_model.main()
        return result, answers

    return run
