"""Programs: an answer is right when its program passes every test of the question, in the sandbox."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from scripts.common.questions import Question
from scripts.evaluate.kinds.base import Kind
from scripts.evaluate.kinds.livecodebench import code_question
from scripts.evaluate.kinds.measuring import over_samples


def from_task(config: Any, row: dict[str, Any]) -> Question:
    """Return a row of LiveCodeBench from the hub."""
    return code_question(row, f"task '{config.name}', question '{row.get('question_id')}'")


def gold(question: Question) -> str:
    """Return the question's id, under which the judge finds the tests."""
    return question.id


def metrics(samples: int) -> list[Any]:
    """Return pass@k of programs. lighteval's own, codegen_pass@1:16, draws one answer and runs it without a sandbox."""
    import numpy as np
    from lighteval.metrics.metrics_sample import PassAtK
    from lighteval.metrics.utils.metric_utils import SampleLevelMetric
    from lighteval.tasks.requests import SamplingMethod

    return over_samples(
        SampleLevelMetric("codegen_pass@k", True, SamplingMethod.GENERATIVE, PassAtK(), np.mean), samples
    )


def judge(
    scoring: Sequence[Any], questions: list[Question], unsandboxed: bool, workers: int
) -> AbstractContextManager[Any]:
    """Return the judge that runs programs."""
    from scripts.evaluate import sandbox
    from scripts.evaluate.code_judge import CodeJudge

    return CodeJudge(scoring, questions, sandbox.is_usable(unsandboxed), workers)


CODE = Kind(
    checked="by running programs",
    metrics=metrics,
    gold=gold,
    judge=judge,
    local_question=code_question,
    task_question=from_task,
    runs_programs=True,
    votes=False,  # no two programs are the same answer
    own_tasks="lcb:",
)
