"""The forms in which public data sets hold a question and its response, brought to one: the columns of `raw`."""

from collections.abc import Callable, Mapping
from typing import Any

Row = Mapping[str, Any]


class Malformed(ValueError):
    """A row does not hold what its format promises."""


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise Malformed(f"{what} is {type(value).__name__}, not text")
    return value


def _alpaca(row: Row) -> dict[str, Any]:
    # AceReason has no instruction: the question is the input.
    parts = [row.get("instruction"), row.get("input")]
    question = "\n".join(_text(part, "instruction or input") for part in parts if part not in (None, ""))
    return {"question": question, "response": _text(row["output"], "output")}


def _prompt_completion(row: Row) -> dict[str, Any]:
    if isinstance(row["prompt"], list):
        return _turns([*row["prompt"], *row["completion"]], "role", "content")
    return {"question": _text(row["prompt"], "prompt"), "response": _text(row["completion"], "completion")}


def _turns(turns: Any, role_key: str, text_key: str) -> dict[str, Any]:
    names = {"human": "user", "gpt": "assistant"}
    if not isinstance(turns, list) or not all(isinstance(turn, Mapping) for turn in turns):
        raise Malformed("the conversation is not a list of turns")
    roles = [names.get(str(turn.get(role_key)), str(turn.get(role_key))) for turn in turns]
    texts = [_text(turn.get(text_key), text_key) for turn in turns]
    system = texts.pop(0) if roles[:1] == ["system"] else None
    if roles[-2:] != ["user", "assistant"] or len(texts) != 2:
        raise Malformed(f"the turns {roles} are not one user and one assistant turn (after a system prompt, if any)")
    return {"question": texts[0], "response": texts[1], "system": system}


def _plain(row: Row) -> dict[str, Any]:
    question = next(row[key] for key in ("question", "problem") if key in row)
    response = next(row[key] for key in ("response", "solution") if key in row)
    return {"question": _text(question, "the question"), "response": _text(response, "the response")}


READERS: dict[str, Callable[[Row], dict[str, Any]]] = {
    "messages": lambda row: _turns(row["messages"], "role", "content"),
    "sharegpt": lambda row: _turns(row["conversations"], "from", "value"),
    "prompt_completion": _prompt_completion,
    "alpaca": _alpaca,
    "question_response": _plain,
}


def detect_format(row: Row) -> str:
    """Return the format that a row's keys tell. Raises Malformed, with the keys, when they tell none."""
    if "messages" in row:
        return "messages"
    if "conversations" in row:
        return "sharegpt"
    if {"prompt", "completion"} <= row.keys():
        return "prompt_completion"
    if "output" in row and ("instruction" in row or "input" in row):
        return "alpaca"
    if row.keys() & {"question", "problem"} and row.keys() & {"response", "solution"}:
        return "question_response"
    raise Malformed(f"the columns {', '.join(map(str, row))} tell none of the formats {', '.join(READERS)}")


def to_raw(row: Row, format_name: str) -> dict[str, Any]:
    """Return question, response, answer, system, source and category of a row, None where the source has none.

    Raises Malformed when the row does not hold what `format_name` (a key of READERS) promises.
    """
    try:
        raw = READERS[format_name](row)
    except KeyError as error:
        raise Malformed(f"the column {error} is missing") from error
    except StopIteration as error:
        raise Malformed("a question or a response is missing") from error
    nested = row.get("extra_info")  # AceReason's 100k subset: {category, source, index}
    extra = nested if isinstance(nested, Mapping) else {}
    for key in ("answer", "system", "source", "category"):
        value = row.get(key) if row.get(key) not in (None, "") else extra.get(key)
        if raw.get(key) is None:
            raw[key] = None if value in (None, "") else str(value)
    return raw
