"""The questions of a benchmark as test.jsonl holds them: read, checked and written in one way."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from scripts.common.atomic import replacing
from scripts.common.cli import UserError


class Question(BaseModel):
    """One question. What is None is left out of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    id: str
    """Unique within the benchmark."""
    question: str
    """The question alone: what decontamination looks for."""
    answer: str
    """The gold answer as text, the letter for a choice."""
    prompt: str | None = None
    """What the model is asked, where it is more than the question (lighteval's instructions, choices)."""
    choices: list[str] | None = None
    """choice: the letters."""
    gold_index: int | None = None
    """choice: the index of the right letter."""
    subject: str | None = None
    """Subject or topic, where the source has one: a fixed stratum of the benchmark."""
    group: str | None = None
    """What questions that were drawn together share, such as the parts of one problem: they count as one unit."""
    specific: dict[str, Any] | None = None
    """code: the tests, as lighteval's Doc holds them."""


def write_questions(questions: Iterable[Question], path: Path) -> None:
    """Write `questions` as JSON lines, in their order."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as stream:
        for question in questions:
            stream.write(json.dumps(question.model_dump(exclude_none=True), ensure_ascii=False) + "\n")


def read_questions(path: Path) -> list[Question]:
    """Read test.jsonl. Raises UserError when it is not there or empty, or an id is there twice."""
    if not path.is_file():
        raise UserError(f"there is no file '{path}'")
    with path.open(encoding="utf-8") as stream:
        questions = [Question.model_validate_json(line) for line in stream if line.strip()]
    check_questions(questions, str(path))
    return questions


def check_questions(questions: list[Question], where: str) -> None:
    """Raise UserError when there are no questions, or two with the same id."""
    if not questions:
        raise UserError(f"{where} holds no questions")
    first: dict[str, int] = {}
    for number, question in enumerate(questions, start=1):
        if question.id in first:
            raise UserError(
                f"{where}: questions {first[question.id]} and {number} have the same id '{question.id}' "
                "(without ids of their own: the same text); every question needs an id of its own"
            )
        first[question.id] = number
