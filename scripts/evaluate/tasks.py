"""Our lighteval task: the questions of a test.jsonl, lighteval's metrics, the experiment's number of samples."""

from copy import deepcopy
from typing import Any

import numpy as np
from lighteval.metrics.metrics import Metrics
from lighteval.metrics.metrics_sample import PassAtK
from lighteval.metrics.utils.metric_utils import Metric, SampleLevelMetric
from lighteval.tasks.lighteval_task import LightevalTask, LightevalTaskConfig
from lighteval.tasks.requests import Doc, SamplingMethod

from scripts.common.questions import Question
from scripts.evaluate.lighteval_patches import letter_in_box, plain_in_box, wrapped

# lighteval's own metric for programs is called codegen_pass@1:16, draws one answer, and runs it without a sandbox.
CODE = SampleLevelMetric("codegen_pass@k", True, SamplingMethod.GENERATIVE, PassAtK(), np.mean)
KINDS = {"math": Metrics.pass_at_k_math.value, "choice": Metrics.gpqa_instruct_pass_at_k.value, "code": CODE}
NORMALIZE = {"math": plain_in_box, "choice": letter_in_box}


def to_doc(question: Question, task_name: str) -> Doc:
    """Return a question as lighteval's Doc. For mathematics the prompt is the question itself, if it has no other.

    The gold answer of a program is its question's id, under which the judge finds the tests.
    """
    gold = question.id if question.tests else wrapped(question.answer)
    return Doc(
        task_name=task_name,
        query=question.prompt or question.question,
        choices=question.choices or [gold],
        gold_index=question.gold_index or 0,
        specific={"question_id": question.id},
    )


def metrics(kind: str, samples: int) -> list[Metric]:
    """Return pass@1 over `samples` answers (the mean of their scores), and pass@`samples` if that is another."""
    if kind == "loglikelihood":  # lighteval's acc: is the choice of the highest log-likelihood the right one?
        return [deepcopy(Metrics.loglikelihood_acc.value)]
    found = [deepcopy(KINDS[kind])(sample_params={"k": k, "n": samples}) for k in sorted({1, samples})]
    for metric in found:
        metric.sample_level_fn.normalize = NORMALIZE.get(kind)
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
