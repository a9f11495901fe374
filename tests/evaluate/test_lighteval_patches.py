"""One test for each step around lighteval: where one fails, the defect is gone upstream and the step may go too."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from lighteval.metrics.metrics import Metrics
from lighteval.models.abstract_model import ModelConfig
from lighteval.models.model_input import GenerationParameters
from lighteval.models.model_output import ModelResponse
from lighteval.tasks.registry import Registry
from lighteval.tasks.requests import Doc
from lighteval.utils.cache_management import SampleCache

from scripts.evaluate.lighteval_patches import plain_in_box, wrapped

REASONED = ModelResponse(text=["<think>No, \\boxed{8}.</think> The final answer is \\boxed{7}."] * 2)
REASONED.text_post_processed = [" I give up."] * 2


def test_the_registry_cannot_load_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """LocalPipeline: importing every task downloads a file."""

    def refuse(*_: object, **__: object) -> None:
        raise ConnectionError("no network")

    monkeypatch.setattr("socket.create_connection", refuse)
    monkeypatch.setattr("socket.getaddrinfo", refuse)
    with pytest.raises(Exception, match=r"(?i)connection|network|resolve|retries"):
        Registry(tasks="aime24|0")


def test_the_cache_does_not_see_the_weights(tmp_path: Path) -> None:
    """NoCache: two trainings at one path share their answers."""
    weights = tmp_path / "model.safetensors"
    places = []
    for content in (b"first", b"second"):
        weights.write_bytes(content)
        config = ModelConfig(model_name=str(tmp_path / "name"), cache_dir=str(tmp_path / "cache"))
        places.append(SampleCache(config).cache_dir)
    assert places[0] == places[1]


def test_avg_at_n_scores_the_reasoning_too() -> None:
    """tasks.metrics takes pass@1 over n answers: avg@n, the same number by name, does not see that <think> was stripped."""
    doc = Doc(query="", choices=["$\\boxed{7}$"], gold_index=0)
    mean = Metrics.avg_at_n_math(sample_params={"n": 2}).compute_sample(doc=doc, model_response=REASONED)
    passed = Metrics.pass_at_k_math(sample_params={"k": 1, "n": 2}).compute_sample(doc=doc, model_response=REASONED)
    assert (mean, passed) == ({"avg@n:n=2": 1.0}, {"pass@k:k=1&n=2": 0.0})


def test_a_metric_takes_fewer_answers_than_it_counts() -> None:
    """evaluate_model.answer_rows counts the answers: pass@k of two of four answers is some other number."""
    doc = Doc(query="", choices=["$\\boxed{7}$"], gold_index=0)
    two = ModelResponse(text=["\\boxed{7}", "\\boxed{8}"])
    score = Metrics.pass_at_k_math(sample_params={"k": 1, "n": 4}).compute_sample(doc=doc, model_response=two)
    assert score == {"pass@k:k=1&n=4": 0.25}


def test_lighteval_needs_git_to_be_imported() -> None:
    """GIT_PYTHON_REFRESH=quiet: GitPython refuses to be imported without git."""
    code = "import git"
    environment = {**os.environ, "PATH": ""}
    environment.pop("GIT_PYTHON_REFRESH", None)
    assert subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True).returncode != 0
    environment["GIT_PYTHON_REFRESH"] = "quiet"
    assert subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True).returncode == 0


def test_the_transformers_backend_has_no_do_sample() -> None:
    """Why the engine is ours: temperature alone does not make transformers sample."""
    assert "do_sample" not in GenerationParameters(temperature=0.6, top_p=0.95).to_transformers_dict()


def score(gold: str, answer: str) -> float:
    metric = Metrics.pass_at_k_math(sample_params={"k": 1, "n": 1})
    doc = Doc(query="", choices=[gold], gold_index=0)
    (found,) = metric.compute_sample(
        doc=doc, model_response=ModelResponse(text=[f"It is $\\boxed{{{answer}}}$"])
    ).values()
    return found


def test_scientific_notation_is_not_read() -> None:
    """plain_in_box: lighteval takes the e for Euler's number."""
    assert score("$\\boxed{4.5e33}$", "4.5\\times 10^{33}") == 0
    assert (
        plain_in_box("$\\boxed{4.5e33}$ or \\boxed{-1E-5}")
        == "$\\boxed{4.5\\times 10^{33}}$ or \\boxed{-1\\times 10^{-5}}"
    )
    assert score(plain_in_box("$\\boxed{4.5e33}$"), "4.5\\times 10^{33}") == 1


def test_plus_minus_is_left_out() -> None:
    """plain_in_box: lighteval keeps one of the two values."""
    assert score("$\\boxed{\\pm 1}$", "1") == 1
    assert plain_in_box("\\boxed{7}, no: \\boxed{3\\pm a}.") == "\\boxed{7}, no: \\boxed{3+ a, 3- a}."
    assert score(plain_in_box("$\\boxed{\\pm 1}$"), "1") == 0
    for text in (
        "\\boxed{\\pm 1",
        "\\pm 1",
        "\\boxed{\\{1\\pm a, 2\\}}",
        "\\boxed{\\pm a \\mp b}",
        "\\boxed{e8}",
        "\\boxed{2e}",
    ):
        assert plain_in_box(text) == text


def test_a_bare_gold_is_not_read() -> None:
    """wrapped: lighteval finds no answer, or part of one, in a gold that is not marked as mathematics."""
    gold = "\\left( 3, \\frac{\\pi}{2} \\right)"
    assert (score(gold, gold), score(wrapped(gold), gold)) == (0, 1)


def test_a_boxed_letter_is_not_read() -> None:
    """letter_in_box: lighteval takes the article for the answer."""
    doc = Doc(query="", choices=["A", "B", "C", "D"], gold_index=1)
    boxed = ModelResponse(text=["A ball falls. The final answer is \\boxed{B}."])
    score = Metrics.gpqa_instruct_pass_at_k(sample_params={"k": 1, "n": 1}).compute_sample(
        doc=doc, model_response=boxed
    )
    assert list(score.values()) == [0.0]
