"""Mathematics: an answer is right when it equals the gold one by what it is: number, set, interval, relation, text."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from scripts.common.judging.final import final_answer
from scripts.common.questions import Question
from scripts.evaluate.kinds.base import Kind
from scripts.evaluate.kinds.measuring import over_samples
from scripts.evaluate.kinds.reading import task_row


def metrics(samples: int) -> list[Any]:
    """Return lighteval's pass@k of mathematics."""
    from lighteval.metrics.metrics import Metrics

    return over_samples(Metrics.pass_at_k_math.value, samples)


def judge(
    scoring: Sequence[Any], questions: list[Question], unsandboxed: bool, workers: int
) -> AbstractContextManager[Any]:
    """Return a judge by `scripts.common.judging`; lighteval's rules are its second opinion."""
    from scripts.evaluate.opinions import lighteval_on_mathematics, mathematics
    from scripts.evaluate.scoring import Judge

    return Judge(scoring, opinion=mathematics, second=lighteval_on_mathematics(scoring[0].compute_score))


def task_question(config: Any, row: dict[str, Any]) -> Question | None:
    """Return a row of a task, its answer the final one alone where lighteval knows it: its Docs may hold the whole
    solution."""
    found = task_row(config, row)
    if found is None or found.sample is None:
        return found and found.question
    return found.question.model_copy(update={"answer": str(found.sample.target).strip()})


MATH = Kind(
    checked="as mathematics",
    metrics=metrics,
    judge=judge,
    task_question=task_question,
    gives_answer=lambda text: final_answer(text) is not None,
    packages=("latex2sympy2-extended", "sympy"),
    has_demo=True,
)
