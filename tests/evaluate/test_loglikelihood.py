"""Multiple choice by likelihood: against transformers one sequence at a time, and against lighteval's own backend."""

import json
import statistics
from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer

from scripts.common.cli import UserError
from scripts.common.questions import Question, write_questions
from scripts.common.tables import read_table
from scripts.evaluate import merge_shards
from scripts.evaluate.tables import ANSWERS
from scripts.evaluate.tasks import build_task
from tests.evaluate.engine_cases import log_probabilities

KIND = ("--kind", "loglikelihood", "--samples", 1)
CHOICES = ["A", "B", " two words", "C and more of it"]


@pytest.fixture
def own(questions: Path) -> list[Question]:
    """Return nine questions of four choices of unequal length, written to `questions`."""
    own = [
        Question(
            id=f"m{i}",
            question=f"What is {i}?",
            prompt=f"What is {i}?{' Think.' * (i % 3)}\nAnswer:",
            answer=CHOICES[i % 4],
            choices=CHOICES,
            gold_index=i % 4,
        )
        for i in range(9)
    ]
    write_questions(own, questions)
    return own


def test_rows_hold_the_log_likelihood_of_every_choice(run_evaluation, own: list[Question], tiny_model: Path) -> None:
    result, answers = run_evaluation("all", *KIND, "--system-prompt", "Be brief.")
    rows = read_table(ANSWERS, answers).to_pylist()
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    for question, row in zip(own, rows, strict=True):
        prompt = (
            f"<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n{question.prompt}<|im_end|>\n"
            "<|im_start|>assistant"
        )
        ids = tokenizer(prompt, add_special_tokens=False)["input_ids"]
        for choice, found in zip(CHOICES, row["logprobs"], strict=True):
            # The line break after `assistant` goes with the choice: so does lighteval's tok_encode_pair.
            after = tokenizer(f"\n{choice}", add_special_tokens=False)["input_ids"]
            table = log_probabilities(tiny_model, ids + after)
            expected = sum(table[len(ids) - 1 + i, token].item() for i, token in enumerate(after))
            assert found == pytest.approx(expected, abs=1e-3)
        likeliest = CHOICES[row["logprobs"].index(max(row["logprobs"]))]
        assert (row["question_id"], row["sample"], row["gold"]) == (question.id, 0, question.answer)
        assert (row["extracted"], row["correct"]) == (likeliest, int(likeliest == question.answer))
    assert {row["correct"] for row in rows} == {0, 1}
    scores = json.loads(result.read_text())["results"]["sums|0"]
    correct = [row["correct"] for row in rows]
    assert scores == pytest.approx({"acc": statistics.mean(correct), "acc_stderr": statistics.stdev(correct) / 3})


def test_lightevals_own_backend_says_the_same(
    run_evaluation, own: list[Question], tiny_model: Path, tmp_path: Path
) -> None:
    from lighteval.models.transformers.transformers_model import TransformersModel, TransformersModelConfig

    found = {
        row["question_id"]: row["logprobs"] for row in read_table(ANSWERS, run_evaluation("all", *KIND)[1]).to_pylist()
    }
    backend = TransformersModel(
        TransformersModelConfig(
            model_name=str(tiny_model), dtype="float32", batch_size=8, device="cpu", cache_dir=str(tmp_path),
            add_special_tokens=False,
        )
    )  # fmt: skip
    docs = build_task("sums", "", own, "loglikelihood", 1).get_docs()
    try:
        # Below its cache, which would have to know the task.
        responses = backend._loglikelihood_tokens(docs)
    finally:
        torch.set_grad_enabled(True)
    for doc, response in zip(docs, responses, strict=True):
        assert response.logprobs == pytest.approx(found[doc.specific["question_id"]], abs=1e-3)


def test_shards_become_one(run_evaluation, own: list[Question], questions: Path, tmp_path: Path, monkeypatch) -> None:
    whole, table = run_evaluation("whole", *KIND)
    shards = [run_evaluation(f"part{i}", *KIND, "--shard", i, "--shards", 2) for i in range(2)]
    merged = tmp_path / "m.json", tmp_path / "m.parquet"
    argv = ["", "--questions", questions, "--result", merged[0], "--answers", merged[1], "--results"]
    argv += [result for result, _ in shards] + ["--shard-answers"] + [answers for _, answers in shards]
    monkeypatch.setattr("sys.argv", list(map(str, argv)))
    merge_shards.main()
    keys = ["question_id", "correct", "extracted"]
    assert read_table(ANSWERS, merged[1]).select(keys) == read_table(ANSWERS, table).select(keys)
    assert json.loads(merged[0].read_text())["results"] == json.loads(whole.read_text())["results"]


def test_a_choice_that_does_not_fit_is_named(run_evaluation, own: list[Question]) -> None:
    with pytest.raises(UserError, match=r"question 'm\d' is \d+ tokens long, which leaves no room"):
        run_evaluation("all", *KIND, "--max-model-length", 40)
