"""The forms in which public data sets hold a question and its response, brought to one: the columns of `raw`.

A form is one module: whether a row fits it, and what it reads. Which column the response and the reasoning are from is
the same question in all of them (responses.py).
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from scripts.common.answers import clean_answer
from scripts.common.config.dataset import ColumnNames
from scripts.data.formats import alpaca, conversation, prompt_completion, question_response
from scripts.data.formats.base import Columns, Malformed, Read, is_empty, text_of
from scripts.data.formats.overlooked import refuse_overlooked
from scripts.data.formats.responses import complete
from scripts.data.names import CONTEXTS, RESPONSES, SYSTEMS, plain

__all__ = ["FORMATS", "Columns", "Malformed", "RawRow", "detect_format", "to_raw"]


class Format(NamedTuple):
    """A form of data set."""

    fits: Callable[[Columns], bool]
    read: Callable[[Columns], Read]


# The first that fits is a row's.
FORMATS: dict[str, Format] = {
    "messages": Format(lambda columns: conversation.column(columns) == "messages", conversation.read),
    "sharegpt": Format(lambda columns: conversation.column(columns) is not None, conversation.read),
    "prompt_completion": Format(prompt_completion.fits, prompt_completion.read),
    "alpaca": Format(alpaca.fits, alpaca.read),
    "question_response": Format(question_response.fits, question_response.read),
}
NOTHING = ("[]", "{}", "none", "null")


def detect_format(columns: Columns) -> str:
    """Return the format that a row's columns tell. Raises Malformed, with the columns, when they tell none."""
    for name, one in FORMATS.items():
        if one.fits(columns):
            return name
    there = ", ".join(map(str, list(columns.row)[:20]))
    raise Malformed(
        f"the columns {there} tell none of the formats {', '.join(FORMATS)}: say by dataset.columns which one is the "
        "question and which the response"
    )


def _read(columns: Columns, names: ColumnNames, format_name: str) -> tuple[Read, str]:
    """Return what a row holds by the columns that are named, or by its format, and which format that was."""
    if names.question:
        parts = [text_of(columns.take(name, "question"), f"the column '{name}'") for name in names.questions()]
        return Read(question="\n".join(parts)), "named columns"
    if format_name == "auto":
        format_name = detect_format(columns)
    return FORMATS[format_name].read(columns), format_name


class RawRow(NamedTuple):
    """A row as it was read."""

    values: dict[str, str | None]
    """question, response, answer, system, source and category, None where the source has none."""
    format: str
    """A key of FORMATS, or "named columns"."""
    notes: list[str]
    """Choices that were made, in words."""


def to_raw(columns: Columns, format_name: str = "auto", names: ColumnNames | None = None) -> RawRow:
    """Return what a row's columns hold; afterwards they say which of them were taken.

    Raises Malformed when the row does not hold what `format_name` (a key of FORMATS) promises, when two columns could
    be the same thing, and when the row holds what would be lost.
    """
    names = names or ColumnNames()
    read, format_name = _read(columns, names, format_name)
    if names.reasoning:
        columns.key(plain(names.reasoning))  # raises where it is empty: the short solution alone would be trained on
    answer = complete(columns, read, names)
    if read.response is None:
        raise Malformed("there is no response: no column holds one that is known; name it by dataset.columns.response")
    _refuse_context(columns)
    refuse_overlooked(columns, read.response)
    values = {"question": read.question, "response": read.response, "answer": _gold(answer), "system": read.system}
    system = names.system if names.system and plain(names.system) in columns else None
    for name in [system] if system else [] if read.system else columns.first(SYSTEMS)[:1]:
        values["system"] = text_of(columns.take(name, "system"), f"the column '{name}'")
    nested = columns.see("extra_info") if "extra_info" in columns else None  # AceReason: {category, source, index}
    for key in ("source", "category"):
        value = None
        if key in columns:
            value = columns.take(key, key)
        elif isinstance(nested, Mapping) and not is_empty(nested.get(key)):
            columns.take("extra_info", key)
            value = nested[key]
        values[key] = None if value is None else str(value)
    _refuse_surrogates(values)
    if others := columns.first(RESPONSES):
        taken = [key for key, role in columns.taken.items() if role.startswith(("response", "conversation"))]
        read.notes.append(
            f"the response is from {', '.join(taken) or 'the reasoning'}, and not from {', '.join(others)}"
        )
    return RawRow(values, format_name, read.notes)


def _gold(value: Any) -> str | None:
    try:
        return clean_answer(value)
    except ValueError as error:
        raise Malformed(f"the column of the answer: {error}", "answer_not_parseable") from error


def _refuse_context(columns: Columns) -> None:
    for name in columns.names():
        if name not in CONTEXTS:
            continue
        value = columns.see(name)
        if isinstance(value, str) and value.strip().lower() in (*NOTHING, ""):
            continue
        raise Malformed(
            f"the column '{columns.key(name)}' may hold what the question cannot be answered without, and is not "
            "carried: list it in dataset.columns.question to carry its text, or in dataset.columns.ignore to train "
            "without it",
            "context",
        )


def _refuse_surrogates(raw: Mapping[str, str | None]) -> None:
    for name, text in raw.items():
        try:
            (text or "").encode("utf-8")
        except UnicodeEncodeError as error:
            raise Malformed(f"not UTF-8: half a surrogate pair in the {name}", "not_utf8") from error
