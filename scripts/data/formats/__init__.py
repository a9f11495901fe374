"""The forms in which public data sets hold a question and its response, brought to one: the columns of `raw`.

A form is one module: whether a row fits it, and what it reads. Which column the response and the reasoning are from is
the same question in all of them (responses.py).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from scripts.common.answers import clean_answer
from scripts.common.chain import has_thinking
from scripts.common.config.dataset import ColumnNames
from scripts.data.formats import alpaca, conversation, prompt_completion, question_response
from scripts.data.formats.base import Columns, Malformed, Read, is_empty, text_of
from scripts.data.formats.overlooked import LONG, reasoning_inside, refuse_overlooked
from scripts.data.formats.responses import complete
from scripts.data.names import CONVERSATIONS, OPTION, QUESTIONS, RESPONSES, SYSTEMS, is_context, plain

__all__ = ["FORMATS", "Columns", "Malformed", "RawRow", "detect_format", "to_raw"]


class Format(NamedTuple):
    """A form of data set."""

    fits: Callable[[Columns], bool]
    read: Callable[[Columns], Read]


CONVERSATIONAL = ("messages", "sharegpt")
# The first that fits is a row's.
FORMATS: dict[str, Format] = {
    "messages": Format(lambda columns: conversation.column(columns) == "messages", conversation.read),
    "sharegpt": Format(lambda columns: conversation.column(columns) is not None, conversation.read),
    "prompt_completion": Format(prompt_completion.fits, prompt_completion.read),
    "alpaca": Format(alpaca.fits, alpaca.read),
    "question_response": Format(question_response.fits, question_response.read),
}
LABELS = ("label", "kto_tag")  # TRL, LLaMA-Factory: false marks a response that is not wanted
NO_QUESTIONS = ("task", "user", "human")  # beside a question they name a kind or a person


def detect_format(columns: Columns) -> str:
    """Return the format that a row's columns tell. Raises Malformed, with the columns, when they tell none."""
    for name, one in FORMATS.items():
        if one.fits(columns):
            return name
    for names, reason in (((*CONVERSATIONS, *QUESTIONS), "empty_question"), (RESPONSES, "empty_response")):
        empty = [key for key, value in columns.row.items() if plain(key) in names and is_empty(value)]
        if empty and not columns.first(names):
            raise Malformed(f"the column '{empty[0]}' holds nothing", reason)
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
        try:
            format_name = detect_format(columns)
        except Malformed:
            if not (columns.first(QUESTIONS) and (names.response or names.reasoning)):
                raise
            format_name = "question_response"  # what answers it is named
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
    for label in columns.first(LABELS):
        if str(columns.see(label)).strip().lower() == "false":  # a table holds it as text
            raise Malformed(f"the column '{label}' is false: the response is one that is not wanted", "not_wanted")
    if not names.question and not format_name.startswith(CONVERSATIONAL):
        _refuse_second_question(columns, read.question)
    _refuse_context(columns, read.question)
    _look_at_texts(read)
    refuse_overlooked(columns, read.response, bool(names.response))
    values = {"question": read.question, "response": read.response, "answer": _gold(answer), "system": read.system}
    system = names.system if names.system and plain(names.system) in columns else None
    if names.system and not system:
        read.notes.append(f"there is nothing in the column '{names.system}', which is named for the system prompt")
    for name in [system] if system else columns.first(SYSTEMS):
        text = text_of(columns.take(name, "system"), f"the column '{name}'")
        if values["system"] and text.strip() and values["system"].strip() != text.strip() and not system:
            raise Malformed(
                f"the column '{name}' holds another system prompt than the rest of the row: put it into "
                "dataset.columns.ignore, or name the one to take by dataset.columns.system",
                "ambiguous_columns",
            )
        values["system"] = (system and text) or values["system"] or text
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


def _refuse_second_question(columns: Columns, question: str) -> None:
    """Raise Malformed where another column of a question's name holds text that is not in the question."""
    asked = " ".join(question.split())
    for name in columns.first(QUESTIONS):
        value = columns.see(name)
        text = " ".join(value.split()) if isinstance(value, str) and name not in NO_QUESTIONS else ""
        if text and text not in asked and asked not in text:
            raise Malformed(
                f"the column '{columns.key(name)}' holds another text than the question that is taken, and may belong "
                "to it: list all its columns in dataset.columns.question, or put this one into dataset.columns.ignore",
                "ambiguous_columns",
            )


# Where a picture stood that is not in a text. HTML, SVG and XML have elements of these names.
_PLACE = re.compile(
    r"<(?:image|IMAGE|ImageHere)>(?!.*</image>)(?! (?:tag|element)s?\b)"
    r"|(?:^|(?<=>))[ \t]*<(?P<kind>video|audio)>(?=\s*(?:\n|\Z)|\w)(?!.*</(?P=kind)>)"
    r"|<(?:video|audio)>\Z|<(?:image|video|audio)[ _-]?\d+>|<\|(?:image|vision|video|audio)[\w ]*\|>",
    re.DOTALL | re.MULTILINE,
)
_ESCAPED = re.compile(r"\\n(?![a-z])")  # and no \neq
_QUOTED = re.compile(r"""b?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")""")
# What stands before a response in a text of both.
_BEFORE = re.compile(r"(?:[\n>\])]|(?:assistant|response|answer|output|gpt|bot|\b[AR])[\s*]*:?[\s*]*)\Z", re.IGNORECASE)
_LINK = re.compile(r"!\[[^\]\n]*\]\([^)\n]+\)|\\includegraphics\b|<img\s[^>]*src")


def _holds(question: str, text: str, what: str) -> bool:
    """Whether a question holds its response too. What is to be found in a passage, or mended in it, stands there."""
    text = text.strip()
    if len(text) <= LONG or text not in question:
        return False
    before = question.rstrip().removesuffix(text)
    ends = len(before) < len(question.rstrip()) and _BEFORE.search(before.rstrip(" \t")) is not None
    return what == "reasoning" or ends or has_thinking(text) or "\\boxed" in text


def _look_at_texts(read: Read) -> None:
    """Raise Malformed where a question holds its response or the place of a picture, and where a response was written
    twice; note what else may be amiss."""
    for what, text in (("response", read.response), ("reasoning", read.reasoning)):
        if text and _holds(read.question, text, what):
            raise Malformed(
                f"the question holds the {what}: name its own column by dataset.columns.question", "ambiguous_columns"
            )
    if found := _PLACE.search(read.question):
        raise Malformed(f"the question holds {found[0]}, the place of what is not there", "context")
    if _LINK.search(read.question):
        read.notes.append("the question shows a picture by a link, which nobody sees in training")
    if read.response and len(read.question) > 20 and read.response.lstrip().startswith(read.question.strip()):
        read.notes.append("the response begins with the question, which is trained on with it")
    said = read.response or ""
    if "\n" not in said and len(_ESCAPED.findall(said[:10_000])) > 1:
        if _QUOTED.fullmatch(said.strip()):
            raise Malformed("the response is in quotes and has \\n for its line breaks: it was written as text twice")
        read.notes.append("the response has \\n, two signs, for its line breaks, and is trained on so")
    asked = "json" in f"{read.system or ''}{read.question}".lower()
    if not asked and (key := reasoning_inside(said)) and not has_thinking(said):
        raise Malformed(
            f"the response is an object in JSON with the reasoning under '{key}': name its keys by dataset.columns "
            "(reasoning: response.thought)",
            "ambiguous_columns",
        )


def _context(columns: Columns, question: str) -> Iterator[str]:
    """Yield the columns left out that the question may not be answered without, but for what it holds already."""
    options = [name for name in columns.names() if OPTION.fullmatch(name)]
    for name in [*columns.names()]:
        value = columns.see(name)
        texts = value if isinstance(value, list) else [value]
        if all(isinstance(text, str) and text.strip() in question for text in texts):
            continue
        kwargs = value if name == "chat_template_kwargs" and isinstance(value, Mapping) else {}
        inside = any(is_context(plain(key), inner) for key, inner in kwargs.items() if not is_empty(inner))
        if inside or is_context(name, value) or (len(options) > 1 and name in options):
            yield name


def _refuse_context(columns: Columns, question: str) -> None:
    for name in _context(columns, question):
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
