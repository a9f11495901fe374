"""A model with thinking on and off is two models of one experiment: from the file to the answers and the report."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from scripts.common import chat
from scripts.common.config.load import load_experiment
from scripts.common.layout import Layout
from scripts.common.store import FOLDER
from scripts.common.tables import read_table
from scripts.evaluate.engines.base import Request
from scripts.evaluate.tables import ANSWERS
from scripts.report.cautions import _models
from scripts.report.facts import Facts
from tests import templates

OFF = {"enable_thinking": False}
CLOSED = "<think>\n\n</think>\n\n"
HUB: dict[str, Any] = {"name": "Qwen/Qwen3-4B", "revision": "1cfa9a7"}
CONFIG: dict[str, Any] = {
    "name": "both",
    "title": "Does thinking help?",
    "model": HUB,
    "models": {"direct": {**HUB, "chat_template_kwargs": OFF}},
    "evaluation": {"benchmarks": {"gsm8k": {"task": "gsm8k"}}},
}


def test_the_experiment_knows_two_models() -> None:
    experiment = load_experiment(CONFIG)
    assert experiment.evaluated_models() == ["base", "direct"]
    base, direct = (m.chat_settings(experiment.date) for m in (experiment.model, experiment.models["direct"]))
    assert (base.chat_template_kwargs, direct.chat_template_kwargs) == ({}, OFF)
    layout = Layout(experiment.name)
    places = {layout.path(file, model=name) for file in ("answers", "check") for name in ("base", "direct")}
    assert len(places) == 4


def test_both_are_asked_by_their_own_prompts(
    run_evaluation: Callable[..., tuple[Path, Path]],
    tiny_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    asked: list[Request],
) -> None:
    """The same weights, questions and seeds in one cache: no answer of the one is taken for the other's."""
    template = tmp_path / "qwen3.jinja"
    template.write_text(templates.QWEN3)
    monkeypatch.setenv(FOLDER, str(tmp_path / "cache"))
    answers = {}
    for name, kwargs in (("base", {}), ("direct", OFF)):
        options = ["--chat-template", template, "--model-name", name]
        options += ["--chat", json.dumps({"chat_template_kwargs": kwargs})]
        answers[name] = read_table(ANSWERS, run_evaluation(name, *options)[1]).to_pylist()
    tokenizer = chat.load_tokenizer(tiny_model)
    prompts = [tokenizer.decode(request.prompt_ids) for request in asked]
    assert len(asked) == 2 * 21, "each has computed its own"
    assert not any(CLOSED in prompt for prompt in prompts[:21]) and all(p.endswith(CLOSED) for p in prompts[21:])
    assert sorted(p + CLOSED for p in prompts[:21]) == sorted(prompts[21:])
    assert sorted(request.seed for request in asked[:21]) == sorted(request.seed for request in asked[21:])
    assert {row["model"] for row in answers["direct"]} == {"direct"}


def test_the_report_says_which_of_the_two_does_not_think() -> None:
    experiment = load_experiment(CONFIG)
    said = "its prompts close the chain before the answer: it answers without thinking"
    facts = SimpleNamespace(experiment=experiment, checks={"base": {"cautions": []}, "direct": {"cautions": [said]}})
    (sentence,) = _models(cast(Facts, facts))
    flat = " ".join(sentence.replace("\\", "").split())
    assert "**Qwen3-4B (direct).** Its prompts" in flat and "answers without thinking" in flat
    alone = load_experiment({**CONFIG, "models": {"other": {"name": "a/b", "revision": "x"}}})
    facts = SimpleNamespace(experiment=alone, checks={"base": {"cautions": [said]}})
    assert " ".join(next(_models(cast(Facts, facts))).replace("\\", "").split()).startswith("**Qwen3-4B.**")
