"""How the rows of local files and of lighteval's tasks become questions: what the kinds share."""

import json
import random
from decimal import Decimal
from typing import Any, NamedTuple

from scripts.common.answers import boxes, number_text, says_nothing
from scripts.common.chain import ANSWER_LINE, LAST
from scripts.common.cli import UserError
from scripts.common.questions import Question, question_id, without_dollars
from scripts.common.seeds import derive_seed

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
QUESTION_FIELDS = ("question", "problem", "Question")


class TaskRow(NamedTuple):
    """A row of one of lighteval's tasks."""

    question: Question
    """With lighteval's prompt and gold answer, without choices."""
    doc: Any
    """lighteval's Doc."""
    sample: Any
    """Input and target as lighteval's newer tasks name them, or None."""


def as_text(value: Any) -> str | None:
    """Return a number or text as text (27.0 as 27), or None for anything else, empty text, and what is no number."""
    if isinstance(value, float | Decimal):
        return number_text(value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value).strip() or None


def _answer(value: Any) -> str | None:
    """Return a gold answer as text; of several (a list, or an object of named ones) all, with commas between them."""
    if isinstance(value, list | dict):
        parts = [as_text(part) for part in (value.values() if isinstance(value, dict) else value)]
        return ", ".join(without_dollars(part) for part in parts if part) or None if all(parts) else None
    text = as_text(value)
    if text is None or says_nothing(text):
        return None
    worked = ANSWER_LINE.search(
        f"\n{text}", max(0, len(text) - LAST)
    )  # GSM8K: a worked solution, and the answer in its last line
    return worked["answer"] if worked else text


def local_question(row: dict[str, Any], where: str) -> Question:
    """Return a row of a local file with question (or problem) and answer; `where` names its line in messages."""
    asked = [text for name in ("question", "problem") if (text := as_text(row.get(name)))]
    question = asked[0] if asked else None
    if len(set(asked)) > 1:
        raise UserError(f"{where}: 'question' and 'problem' hold different texts: leave one out")
    answer = _answer(row.get("answer"))
    if question is None:
        raise UserError(f"{where}: there is no text in the field 'question' (or 'problem')")
    if answer is None:
        raise UserError(f"{where}: there is no text or number in the field 'answer'")
    try:
        boxes(answer)
    except ValueError as error:
        raise UserError(f"{where}: the answer '{answer[:80]}' cannot be read: {error}") from error
    return Question(
        id=as_text(row.get("id")) or question_id(question),
        question=question,
        answer=answer,
        subject=as_text(row.get("subject")),
        group=as_text(row.get("group")),
    )


def lettered(question: Question, row: dict[str, Any], where: str) -> Question:
    """Return the question with a letter for each of the row's `choices`; its answer may be a letter or a choice."""
    choices, answer = row.get("choices"), question.answer
    if not isinstance(choices, list) or not 2 <= len(choices) <= len(LETTERS):
        raise UserError(f"{where}: a benchmark of this kind needs a list of 2 to {len(LETTERS)} 'choices'")
    letters, texts = list(LETTERS[: len(choices)]), [str(choice).strip() for choice in choices]
    names = next((names for names in (letters, texts) if answer in names), None)
    if names is None:
        raise UserError(
            f"{where}: the answer '{answer}' is neither one of the letters {', '.join(letters)} nor one of the choices"
        )
    gold = names.index(answer)
    return question.model_copy(update={"choices": letters, "gold_index": gold, "answer": letters[gold]})


def task_row(config: Any, row: dict[str, Any]) -> TaskRow | None:
    """Return a row of a task as lighteval's definition `config` has it, or None where lighteval leaves it out."""
    # Some prompts shuffle their choices with the global random state: the row itself decides.
    random.seed(derive_seed(config.name, json.dumps(row, sort_keys=True, default=str)))
    doc = config.prompt_function(row, config.name)
    if not doc:
        return None
    sample = config.sample_fields(row) if config.sample_fields else None
    named = next((text for name in QUESTION_FIELDS if (text := as_text(row.get(name)))), doc.query)
    question = Question(
        id=as_text(row.get("id")) or question_id(f"{config.name} {doc.query}"),
        question=sample.input if sample and isinstance(sample.input, str) else named,
        answer=str(doc.get_golds()[0]).strip(),
        prompt=doc.query
        if not doc.instruction or doc.query.startswith(doc.instruction)
        else doc.instruction + doc.query,
        subject=config.name.partition(":")[2] or as_text(row.get("subject")),
    )
    return TaskRow(question, doc, sample)


def task_question(config: Any, row: dict[str, Any]) -> Question | None:
    """Return a row of a task as lighteval asks it, or None where lighteval leaves it out."""
    found = task_row(config, row)
    return found and found.question
