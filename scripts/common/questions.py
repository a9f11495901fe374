"""The questions of a benchmark as test.jsonl holds them: read, checked and written in one way."""

import base64
import hashlib
import json
import re
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

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
    tests: str | None = None
    """code: the tests, packed (see `pack_tests`)."""
    function: str | None = None
    """code: the function that the tests call; without one they are standard input and output."""


class ProgramTest(NamedTuple):
    """One test of a program."""

    input: str
    """Standard input, or the arguments of the function, a JSON value a line."""
    output: str
    """What is to be printed, or the function's result as JSON."""


def pack_tests(tests: list[ProgramTest]) -> str:
    """Return tests as text: JSON, compressed, in base64. Those of LiveCodeBench are gigabytes."""
    return base64.b64encode(zlib.compress(json.dumps(tests).encode())).decode()


def unpack_tests(packed: str) -> list[ProgramTest]:
    """Return the tests that `pack_tests` packed."""
    return [ProgramTest(*test) for test in json.loads(zlib.decompress(base64.b64decode(packed)))]


def question_id(question: str) -> str:
    """Return the id of a question that has none: the first 16 hex digits of its SHA-256."""
    return hashlib.sha256(question.encode()).hexdigest()[:16]


def without_dollars(text: str) -> str:
    """Return the inside of a text that is one formula between dollars, any other text as it is; no outer blanks."""
    formula = re.fullmatch(r"\s*(\$+)([^$]+)\1\s*", text)
    return (formula[2] if formula else text).strip()


def write_questions(questions: Iterable[Question], path: Path) -> None:
    """Write `questions` as JSON lines, in their order."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as stream:
        for question in questions:
            stream.write(json.dumps(question.model_dump(exclude_none=True), ensure_ascii=False) + "\n")


def read_questions(path: Path, with_tests: bool = False) -> list[Question]:
    """Read test.jsonl, without the tests of programs unless they are wanted.

    Raises UserError when it is not there, damaged or empty, or an id is there twice.
    """
    if not path.is_file():
        raise UserError(f"there is no file '{path}'")
    questions = []
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            if line.strip():
                try:
                    question = Question.model_validate_json(line)
                except ValidationError as error:
                    raise UserError(
                        f"'{path}' is damaged in line {number} ({error.errors()[0]['msg']}): delete it, and the next "
                        "run makes it anew"
                    ) from error
                questions.append(question if with_tests else question.model_copy(update={"tests": None}))
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
