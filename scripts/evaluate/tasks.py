"""Our lighteval task: the questions of a test.jsonl, lighteval's metrics, the experiment's number of samples."""

import re
from copy import deepcopy
from typing import Any

from lighteval.metrics.metrics import Metrics
from lighteval.metrics.utils.metric_utils import Metric
from lighteval.tasks.lighteval_task import LightevalTask, LightevalTaskConfig
from lighteval.tasks.requests import Doc

from scripts.common.chain import last_boxed
from scripts.common.questions import Question

KINDS = {"math": Metrics.pass_at_k_math, "choice": Metrics.gpqa_instruct_pass_at_k}
# B, (B), \text{B}, B) 5 m/s
BOXED_LETTER = re.compile(r"(?:\\(?:text|textbf|mathrm|mathbf)\{)?\(?([A-Z])(?:\)?\}?|[).:].*)", re.DOTALL)


def wrapped(gold: str) -> str:
    r"""Return a gold answer as mathematics, $\boxed{gold}$.

    Bare, lighteval finds no answer in one of seven golds of MATH-500, and accepts a few wrong answers.
    """
    inner = gold.strip()
    if len(inner) > 2 and inner[0] == inner[-1] == "$" and "$" not in inner[1:-1]:
        inner = inner[1:-1]
    return rf"$\boxed{{{inner}}}$"


def to_doc(question: Question, task_name: str) -> Doc:
    """Return a question as lighteval's Doc. For mathematics the prompt is the question itself, if it has no other."""
    return Doc(
        task_name=task_name,
        query=question.prompt or question.question,
        choices=question.choices or [wrapped(question.answer)],
        gold_index=question.gold_index or 0,
        specific={"question_id": question.id},
    )


def letter_in_box(text: str) -> str:
    r"""Return `Answer: B` for a text that ends on \boxed{B}, any other text as it is.

    lighteval looks for a letter after the word answer, or between spaces: where mathematics is trained on, answers end
    in a box, and it would read the "A" of "A ball falls ... \boxed{B}".
    """
    try:
        boxed = last_boxed(text)
    except ValueError:  # cut off within the box
        return text
    letter = BOXED_LETTER.fullmatch(boxed) if boxed else None
    return f"Answer: {letter[1]}" if letter else text


def metrics(kind: str, samples: int) -> list[Metric]:
    """Return pass@1 over `samples` answers (the mean of their scores), and pass@`samples` if that is another."""
    if kind == "loglikelihood":  # lighteval's acc: is the choice of the highest log-likelihood the right one?
        return [deepcopy(Metrics.loglikelihood_acc.value)]
    found = [KINDS[kind](sample_params={"k": k, "n": samples}) for k in sorted({1, samples})]
    if kind == "choice":
        for metric in found:
            metric.sample_level_fn.normalize = letter_in_box
    return found


def build_task(name: str, source: str, questions: list[Question], kind: str, samples: int) -> LightevalTask:
    """Return the task `name` with its questions in memory; the result JSON names `source` as their repository."""

    def prompt(row: dict[str, Any], task_name: str) -> Doc:
        return to_doc(row["question"], task_name)

    task = LightevalTask(
        LightevalTaskConfig(
            name=name,
            prompt_function=prompt,
            hf_repo=source,
            hf_subset="default",
            hf_avail_splits=["test"],
            evaluation_splits=["test"],
            metrics=metrics(kind, samples),
        )
    )
    task.dataset = {"test": [{"question": question} for question in questions]}
    return task
