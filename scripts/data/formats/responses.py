"""Which column is the response and which the reasoning, where a row holds several: the chain is the reasoning."""

import re
from collections.abc import Iterator
from typing import Any

from scripts.common.answers import answer_in, bare, listed
from scripts.common.chain import ChainError, has_thinking, split_response, with_thinking
from scripts.common.config.dataset import ColumnNames
from scripts.data.formats.base import Columns, Malformed, Read, is_empty, text_of
from scripts.data.formats.overlooked import longer_texts
from scripts.data.names import ANSWERS, FLAGS, QUESTIONS, RESPONSES, SYSTEMS, UNWANTED, plain, reasoning_prefix

_MARK = re.compile(r"correct|right|verif|valid|pass|score|reward")
# A word on the row's only response. What a count or a share of several says is another thing.
_ROW_MARK = re.compile(r"(?:[a-z]+_)?(?:is_|was_)?(?P<not>in)?(?:correct(?:ness(?:_[a-z_]+)?)?|right|verified|valid)")
_FOLLOWS = re.compile(
    r"(?:.*_)?(?:final|distill(?:ed)?|reply|conclusion|output|solution|response)(?:_(?:text|content|answer|response))?"
)
_SAID = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}
SHORT = 100
"""Characters of an answer column that may be a bare answer, where it is the response too."""


def _is_text(value: Any) -> bool:
    if not isinstance(value, list):
        return isinstance(value, str)
    return any(value) and all(text is None or isinstance(text, str) for text in value)


def _one_text(columns: Columns, name: str, value: Any, notes: list[str], parts: bool = False) -> str:
    """Return a column's text; of a list of generations the first that most of the lists beside it call right.

    Raises Malformed where a list may as well be the parts of one text, as `parts` says of any.
    """
    several = plain(name).endswith("s")
    value = held if several and _is_text(held := listed(value)) else value
    if several and isinstance(value, str) and value.startswith(("['", '["')) and value.endswith(("']", '"]')):
        raise Malformed(f"the column '{name}' is a list as text, of which the parts cannot be told: write it as JSON")
    if not isinstance(value, list):
        return text_of(value, f"the column '{name}'")
    if not _is_text(value):
        raise Malformed(f"the column '{name}' is a list of other things than texts")
    there = [n for n, text in enumerate(value) if text and text.strip()] or [0]
    if len(there) == 1:
        return str(value[there[0]])
    marks = {
        other: listed(columns.see(other))
        for other in columns.names()
        if _are_marks(other, columns.see(other), len(value))
    }
    if (parts or not several) and not marks and not all(has_thinking(value[n]) for n in there):
        raise Malformed(
            f"the column '{name}' is a list of {len(there)} texts: whether they are the parts of one or several to "
            f"choose from cannot be told; name one ('{name}.0') by dataset.columns",
            "ambiguous_columns",
        )
    for other in marks:
        columns.take(other, f"mark of {name}")
    right = {n: sum(_said(verdicts[n]) is True for verdicts in marks.values()) for n in there}
    best = max(there, key=lambda n: right[n])
    how = "the first"
    if marks:
        how += (
            " that is marked right"
            if right[best] == len(marks)
            else ", as none is marked right"
            if not right[best]
            else " of those with the most marks of being right"
        )
    notes.append(f"of several texts in '{name}' {how} is taken")
    return str(value[best])


def _are_marks(name: str, value: Any, size: int) -> bool:
    """Whether a column says of each of `size` texts if it is right: by true and false, or by 0 and 1, or words, under
    such a name."""
    value = listed(value)
    if not isinstance(value, list) or len(value) != size or all(one is None for one in value):
        return False
    if all(one is None or isinstance(one, bool) for one in value):
        return True
    return bool(_MARK.search(name)) and all(one is None or _said(one) is not None for one in value)


def _said(value: Any) -> bool | None:
    """Return a verdict that stands as true or false, 0 or 1, or as a word; None for any other value."""
    return _SAID.get(str(int(value) if value in (0.0, 1.0) else value).strip().lower())


def _note_wrong(columns: Columns, notes: list[str]) -> None:
    """Note that a row's own mark calls its only response wrong: it stays, as a chain of a wrong answer does."""
    for name in list(columns.names()):
        value = listed(columns.see(name))
        one = value[0] if isinstance(value, list) and len(value) == 1 else value
        if (found := _ROW_MARK.fullmatch(name)) and _said(one) is bool(found["not"]):
            notes.append(f"the column '{name}' calls the response wrong; such rows stay")


def _is_chain(value: Any) -> bool:
    return any(has_thinking(text) for text in (value if isinstance(value, list) else [value]) if text)


def _reasoning_column(columns: Columns) -> tuple[str, str] | None:
    """Return the one column that holds the reasoning, and its prefix. Raises Malformed where two could."""
    found: dict[str, str] = {}
    for name in columns.names():
        prefix = reasoning_prefix(name)
        value = columns.see(name) if prefix is not None else None
        if prefix is None or not _is_text(value) or (isinstance(value, str) and value.strip().lower() in FLAGS):
            continue
        found[name] = prefix
    if len(found) > 1 and len({str(columns.see(name)).strip() for name in found}) > 1:
        raise Malformed(
            f"the columns {', '.join(found)} could each be the reasoning: name one by dataset.columns.reasoning, and "
            "its response by dataset.columns.response",
            "ambiguous_columns",
        )
    return next(iter(found.items()), None)


def _choose(columns: Columns, prefix: str | None) -> str | None:
    """Return the column that the response is from, None where there is none; `prefix` is the reasoning's."""
    there = [name for name in columns.first(RESPONSES) if _is_text(columns.see(name))]
    if prefix == "" and "content" in columns.names() and not there:
        return "content"
    if prefix:
        own = [name for name in columns.names() if name.startswith(prefix) and name.removeprefix(prefix) in RESPONSES]
        if own := own or [name for name in columns.names() if name == f"{prefix}answer"]:
            return own[0]
        if f"{prefix}content" in columns.names():  # reasoning_content, content
            return f"{prefix}content"
    if prefix is None:
        tagged = [name for name in there if _is_chain(columns.see(name))]
        if len(tagged) > 1 and len({str(columns.see(name)) for name in tagged}) > 1:
            raise Malformed(
                f"the columns {', '.join(tagged)} hold thinking and could each be the response: name one by "
                "dataset.columns.response",
                "ambiguous_columns",
            )
        there = tagged or there
    return next(iter(there or columns.first(ANSWERS[:2])), None)


def chains_elsewhere(columns: Columns) -> list[str]:
    """Return the columns of any name, but those of questions, that hold thinking between tags and were not taken."""
    return [
        name
        for name in columns.names()
        if name not in (*QUESTIONS, *SYSTEMS)
        and not UNWANTED.search(name)
        and _is_text(columns.see(name))
        and _is_chain(columns.see(name))
    ]


def _elsewhere(columns: Columns) -> str | None:
    """Return the one column of any other name that holds thinking between tags. Raises Malformed where several do."""
    found = chains_elsewhere(columns)
    if len(found) > 1:
        raise Malformed(
            f"the columns {', '.join(found)} hold thinking and could each be the response: name one by "
            "dataset.columns.response",
            "ambiguous_columns",
        )
    return found[0] if found else None


def complete(columns: Columns, read: Read, names: ColumnNames) -> Any:
    """Fill in the response with its reasoning, and return the value of the gold answer's column (None without one).

    `names` has the columns that the experiment file names. Raises Malformed where two columns could be one thing.
    """
    reasoning = None
    if names.reasoning:
        reasoning = (plain(names.reasoning), reasoning_prefix(plain(names.reasoning)) or "")
    else:
        reasoning = _reasoning_column(columns)
    if reasoning and read.reasoning is not None and not names.reasoning:
        if str(columns.see(reasoning[0])).strip() != read.reasoning.strip():
            raise Malformed(
                f"the column '{reasoning[0]}' and the assistant's turn could each be the reasoning: name one by "
                "dataset.columns.reasoning, or put the column into dataset.columns.ignore",
                "ambiguous_columns",
            )
    elif reasoning:
        value = columns.take(reasoning[0], "reasoning")
        read.reasoning = _one_text(columns, reasoning[0], value, read.notes, parts=True)
    own_answer = None
    if names.response:
        own_answer = _take_response(columns, read, plain(names.response))
    elif read.response is None:
        name = _choose(columns, reasoning[1] if reasoning else None)
        if name is None and read.reasoning is None:
            name = _elsewhere(columns)
        if name is not None:
            own_answer = _take_response(columns, read, name)
    if (
        read.reasoning is not None
        and read.response is None
        and any(text == "" and plain(key) in (*RESPONSES, "content") for key, text in columns.row.items())
    ):
        raise Malformed("there is reasoning and an empty response behind it: cut off", "think_not_closed")
    if read.reasoning is not None and read.response is None and (others := list(_may_follow(columns))):
        raise Malformed(
            f"the column {others[0]} may be what follows the reasoning: name it by dataset.columns.response, or in "
            "dataset.columns.ignore",
            "ambiguous_columns",
        )
    thinks = read.reasoning is not None or (read.response is not None and has_thinking(read.response))
    if not thinks and not names.response and (name := _elsewhere(columns)):
        read.notes.append(f"the response is '{name}', which holds thinking, and no shorter solution")
        own_answer = None
        for key in [key for key, role in columns.taken.items() if role.startswith("response")]:
            del columns.taken[key]
        _take_response(columns, read, name)
    if own_answer is not None and not thinks and not names.response and len(read.response or "") <= SHORT:
        _refuse_longer(columns, read.response or "")
    _join(read)
    _note_wrong(columns, read.notes)
    return _gold(columns, names.answer, own_answer, read.notes)


def _may_follow(columns: Columns) -> Iterator[str]:
    """Yield the columns left out that may be what follows the reasoning: long ones, and a short one that says so."""
    yield from longer_texts(columns, 0)
    for name in columns.names():
        text = columns.see(name)
        if not isinstance(text, str) or name in (*QUESTIONS, *SYSTEMS, *ANSWERS) or UNWANTED.search(name):
            continue
        if "\\boxed" in text or _FOLLOWS.fullmatch(name):
            yield name


def _refuse_longer(columns: Columns, answer: str) -> None:
    """Raise Malformed where a row's bare answer would be its response, and a column left out holds more text."""
    if others := list(longer_texts(columns, len(answer))):
        raise Malformed(
            f"the answer alone would be the response, and {', '.join(others[:5])} hold more text: name the response by "
            "dataset.columns.response, or the others in dataset.columns.ignore",
            "ambiguous_columns",
        )


def _take_response(columns: Columns, read: Read, name: str) -> str | None:
    """Take a column as the response; return the answer that it holds where it is the answer's column too."""
    read.response = _one_text(columns, name, columns.take(name, "response"), read.notes)
    if name not in ANSWERS and not name.endswith("_answer"):
        return None
    read.notes.append(f"the column '{name}' is the response: no other column holds one")
    try:
        if found := answer_in(read.response):
            return found
        short = len(read.response) <= SHORT and "\n" not in read.response.strip()
        return bare(read.response) if short else None
    except ValueError:
        return None  # said where the response is read


def _join(read: Read) -> None:
    """Make one response of reasoning and response, unless the response holds the reasoning already."""
    if read.reasoning is not None and not read.reasoning.strip():
        read.reasoning = None
    if read.reasoning is None:
        return
    if read.response is None:
        read.response = read.reasoning
        read.notes.append("the reasoning is the whole response: no column holds another part of it")
        return
    if has_thinking(read.reasoning):
        try:
            read.reasoning = split_response(read.reasoning).reasoning
        except ChainError as error:
            raise Malformed(f"the reasoning: {error}", error.reason) from error
    if not has_thinking(read.response):
        if read.response.strip() != read.reasoning.strip():
            read.response = with_thinking(read.reasoning, read.response)
        return
    try:
        inside = split_response(read.response).reasoning
    except ChainError as error:
        raise Malformed(str(error), error.reason) from error
    if inside.strip() != read.reasoning.strip() and inside.strip():
        raise Malformed(
            "the reasoning stands in a column or field of its own and, another one, between the tags of the response: "
            "name one by dataset.columns, and the other in dataset.columns.ignore",
            "ambiguous_columns",
        )
    if not inside.strip():
        raise Malformed("the response has empty tags of thinking beside a reasoning of its own", "ambiguous_columns")


def _gold(columns: Columns, name: str | None, own_answer: str | None, notes: list[str]) -> Any:
    """Return the value of the answer's column."""
    if name:
        if plain(name) in columns:
            return columns.take(name, "answer")
        notes.append(f"there is nothing in the column '{name}', which is named for the answer")
        return None
    there = [one for one in columns.first(ANSWERS) if not is_empty(columns.see(one))]
    if own_answer is not None and not there:
        return own_answer
    if len({str(columns.see(one)).strip() for one in there}) > 1:
        notes.append(f"of the columns {', '.join(there)} the answer is '{there[0]}'")
    for name in there:
        return columns.take(name, "answer")
    for holder, key in (("reward_model", "ground_truth"), ("extra_info", "answer")):
        if holder in columns and isinstance(value := columns.see(holder), dict) and value.get(key) not in (None, ""):
            columns.take(holder, "answer")
            return value[key]
    return None
