"""Scores recounted from the table of answers: for shards that are joined, and the one score that lighteval lacks."""

import re
from math import sqrt

import numpy as np
import pyarrow as pa

from scripts.common.cli import log
from scripts.common.majority import majority_correct

# lighteval's names for what our tasks measure (pass@k, gpqa_pass@k...), and one in its manner: its own maj@n compares
# whole texts.
METRIC = re.compile(r"(acc|(\w+_)?pass@k:k=(?P<k>\d+)&n=(?P<n>\d+)|maj@n:n=(?P<voters>\d+))$")


def majority_name(samples: int) -> str:
    """Return what majority voting over `samples` answers is called in the result JSON."""
    return f"maj@n:n={samples}"


def _of_questions(name: str, correct: np.ndarray, extracted: list[str | None]) -> np.ndarray:
    """Return a metric's value for each question; `correct` is [questions, samples], `extracted` as long, flat."""
    samples = correct.shape[1]
    found = METRIC.match(name)
    sizes = {int(size) for size in (found["n"], found["voters"]) if size} if found else set()
    k = int(found["k"] or 1) if found else 0
    if k not in (1, samples) or not sizes <= {samples} or (name == "acc" and samples > 1):
        raise ValueError(f"metric '{name}' does not go with {samples} answers per question")
    if name == majority_name(samples):
        votes = [extracted[start : start + samples] for start in range(0, len(extracted), samples)]
        return np.array([majority_correct(vote, list(right)) for vote, right in zip(votes, correct, strict=True)])
    # Chen et al.'s unbiased pass@k is the mean for k = 1 and "is one right?" for k = samples.
    return correct.mean(axis=1) if k == 1 else correct.max(axis=1)


def scores(answers: pa.Table, names: list[str]) -> dict[str, float]:
    """Return value and standard error of the metrics `names` over a table of answers, sorted by question.

    pass@1 is the mean over questions of the mean over samples; the standard error is sd / sqrt(questions), as lighteval
    has it (left out for a single question, as there).
    """
    questions = len(answers["question_id"].unique())
    correct = answers["correct"].to_numpy().reshape(questions, -1)
    found: dict[str, float] = {}
    for name in names:
        values = _of_questions(name, correct, answers["extracted"].to_pylist())
        found[name] = float(values.mean())
        if questions > 1:
            found[f"{name}_stderr"] = float(values.std(ddof=1)) / sqrt(questions)
    return found


def log_summary(answers: pa.Table, model: str, benchmark: str, speed: str = "") -> None:
    """Log what came of an evaluation in one line, and loudly where not one answer could be read."""
    cut, unread = sum(answers["truncated"].to_pylist()), answers["extracted"].null_count
    log.info(
        "%s on %s: %d of %d answers to %d questions are right; %d cut off, %d without an answer that could be read%s",
        model,
        benchmark,
        sum(answers["correct"].to_pylist()),
        len(answers),
        len(answers["question_id"].unique()),
        cut,
        unread,
        speed,
    )
    if unread == len(answers):
        log.warning(
            "WARNING: not one of the %d answers of '%s' to '%s' could be read, so that its score of 0 says nothing: "
            "look at the column text of the table; the usual causes are a system prompt that asks for another form "
            "of answer, too few max_new_tokens (%d answers were cut off) and a chat template that is not the model's",
            len(answers),
            model,
            benchmark,
            cut,
        )
