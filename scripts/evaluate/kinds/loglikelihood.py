"""Multiple choice by likelihood, lighteval's own form: nothing is drawn, the likeliest of the choices is the answer."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from typing import Any

from scripts.common.questions import Question
from scripts.evaluate.kinds.base import Kind
from scripts.evaluate.kinds.reading import lettered, local_question, task_row

# lighteval's wording for MMLU-Redux-2, for local files.
INSTRUCTION = "The following are multiple choice questions (with answers){about}.\n\n"


def from_file(row: dict[str, Any], where: str) -> Question:
    """Return a row of a local file, with the field choices."""
    own = lettered(local_question(row, where), row, where)
    about = f" about {own.subject.replace('_', ' ')}" if own.subject else ""
    listed = "\n".join(
        f"{letter}. {str(text).strip()}" for letter, text in zip(own.choices or [], row["choices"], strict=True)
    )
    asked = f"{INSTRUCTION.format(about=about)}{own.question}\n{listed}\nAnswer:"
    return own.model_copy(update={"prompt": asked})


def from_task(config: Any, row: dict[str, Any]) -> Question | None:
    """Return a row of a task, to the letter what lighteval asks: a blank more or less is another likelihood."""
    from lighteval.tasks.prompt_manager import PromptManager

    found = task_row(config, row)
    if found is None:
        return None
    asked = PromptManager().prepare_prompt_api(found.doc)[-1]["content"]
    choices = {"choices": list(found.doc.choices), "gold_index": found.doc.gold_index}
    return found.question.model_copy(update={"prompt": asked, **choices})


def metrics(samples: int) -> list[Any]:
    """Return lighteval's acc: is the choice of the highest log-likelihood the right one?"""
    from lighteval.metrics.metrics import Metrics

    return [deepcopy(Metrics.loglikelihood_acc.value)]


def no_judge(
    scoring: Sequence[Any], questions: list[Question], unsandboxed: bool, workers: int
) -> AbstractContextManager[Any]:
    """Return nothing: likelihoods are compared, no text is read."""
    return nullcontext()


LOGLIKELIHOOD = Kind(
    checked="nothing is generated, the likeliest of the choices is the answer (lighteval's own multiple choice)",
    metrics=metrics,
    judge=no_judge,
    local_question=from_file,
    task_question=from_task,
    generates=False,
    votes=False,
)
