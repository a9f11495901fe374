"""Multiple choice by reasoning: the model thinks, then names a letter."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from scripts.common.judging.letters import final_letter
from scripts.common.questions import Question
from scripts.evaluate.kinds.base import Kind
from scripts.evaluate.kinds.measuring import over_samples
from scripts.evaluate.kinds.reading import LETTERS, lettered, local_question, task_row

# lighteval's wording for GPQA (simple-evals), for local files of choices.
INSTRUCTION = (
    "Answer the following multiple choice question. The last line of your response should be of the following format: "
    "'Answer: $LETTER' (without quotes) where LETTER is one of {letters}. Think step by step before answering."
)


def prompt(question: str, choices: list[Any]) -> str:
    """Return the prompt that asks for reasoning, and then for a letter."""
    letters = LETTERS[: len(choices)]
    listed = "\n".join(f"{letter}) {str(choice).strip()}" for letter, choice in zip(letters, choices, strict=True))
    return f"{INSTRUCTION.format(letters=letters)}\n\n{question}\n\n{listed}"


def from_file(row: dict[str, Any], where: str) -> Question:
    """Return a row of a local file, with the field choices."""
    own = lettered(local_question(row, where), row, where)
    return own.model_copy(update={"prompt": prompt(own.question, row["choices"])})


def from_task(config: Any, row: dict[str, Any]) -> Question | None:
    """Return a row of a task."""
    found = task_row(config, row)
    if found is None:
        return None
    choices = [choice.strip() for choice in found.doc.choices]
    update: dict[str, Any] = {"choices": choices, "gold_index": found.doc.gold_index}
    if config.generation_size == 1 and isinstance(row.get("choices"), list):
        # lighteval's prompt has room for the letter only: a model that reasons is asked to.
        update["prompt"] = prompt(found.question.question, row["choices"])
    return found.question.model_copy(update=update)


def metrics(samples: int) -> list[Any]:
    """Return lighteval's pass@k of GPQA, which looks for a letter."""
    from lighteval.metrics.metrics import Metrics

    return over_samples(Metrics.gpqa_instruct_pass_at_k.value, samples)


def judge(
    scoring: Sequence[Any], questions: list[Question], unsandboxed: bool, workers: int
) -> AbstractContextManager[Any]:
    """Return a judge of letters: the last answer line, or a box behind it. lighteval's rules are its second opinion."""
    from scripts.evaluate.opinions import choice, lighteval_on_choice
    from scripts.evaluate.scoring import Judge

    return Judge(scoring, opinion=choice, second=lighteval_on_choice(scoring[0].compute_score))


CHOICE = Kind(
    checked="as a choice of a letter",
    metrics=metrics,
    judge=judge,
    local_question=from_file,
    task_question=from_task,
    gives_answer=lambda text: final_letter(text, LETTERS) is not None,
    packages=("latex2sympy2-extended", "sympy"),
)
