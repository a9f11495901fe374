"""Our lighteval task: the questions of a test.jsonl, their kind's metrics, the experiment's number of samples."""

from typing import Any

from lighteval.metrics.utils.metric_utils import Metric
from lighteval.tasks.lighteval_task import LightevalTask, LightevalTaskConfig
from lighteval.tasks.requests import Doc

from scripts.common.questions import Question
from scripts.evaluate.kinds import KINDS


def to_doc(question: Question, task_name: str, kind: str) -> Doc:
    """Return a question of a kind as lighteval's Doc. The prompt is the question itself, if it has no other."""
    return Doc(
        task_name=task_name,
        query=question.prompt or question.question,
        choices=question.choices or [KINDS[kind].gold(question)],
        gold_index=question.gold_index or 0,
        specific={"question_id": question.id},
    )


def metrics(kind: str, samples: int) -> list[Metric]:
    """Return the metrics of a kind over `samples` answers per question."""
    return KINDS[kind].metrics(samples)


def build_task(name: str, source: str, questions: list[Question], kind: str, samples: int) -> LightevalTask:
    """Return the task `name` with its questions in memory; the result JSON names `source` as their repository."""

    def prompt(row: dict[str, Any], task_name: str) -> Doc:
        return to_doc(row["question"], task_name, kind)

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
