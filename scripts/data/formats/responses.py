"""Which column is the response and which the reasoning, where a row holds several: the chain is the reasoning."""

from typing import Any

from scripts.common.answers import answer_in, bare
from scripts.common.chain import ChainError, has_thinking, split_response, with_thinking
from scripts.common.config.dataset import ColumnNames
from scripts.data.formats.base import Columns, Malformed, Read, text_of
from scripts.data.names import ANSWERS, FLAGS, QUESTIONS, RESPONSES, SYSTEMS, plain, reasoning_prefix

SHORT = 100
"""Characters of an answer column that may be a bare answer, where it is the response too."""


def _is_text(value: Any) -> bool:
    return isinstance(value, str) or (
        isinstance(value, list) and bool(value) and all(isinstance(v, str) for v in value)
    )


def _one_text(columns: Columns, name: str, value: Any, notes: list[str]) -> str:
    """Return a column's text; of a list of generations the first that the lists beside it say is right."""
    if not isinstance(value, list):
        return text_of(value, f"the column '{name}'")
    if not _is_text(value):
        raise Malformed(f"the column '{name}' is a list of other things than texts")
    if len(value) == 1:
        return str(value[0])
    marks = [
        (other, verdicts)
        for other in columns.names()
        if isinstance(verdicts := columns.see(other), list)
        and len(verdicts) == len(value)
        and all(verdict is None or isinstance(verdict, bool) for verdict in verdicts)
    ]
    right = [n for n in range(len(value)) if marks and all(verdicts[n] for _, verdicts in marks)]
    for other, _ in marks:
        columns.take(other, f"mark of {name}")
    how = "the first that is marked right" if right else "the first, as none is marked right" if marks else "the first"
    notes.append(f"of several texts in '{name}' {how} is taken")
    return str(value[right[0] if right else 0])


def _is_chain(value: Any) -> bool:
    texts = value if isinstance(value, list) else [value]
    return all(isinstance(text, str) for text in texts) and any(has_thinking(text) for text in texts)


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
    if prefix:
        own = [name for name in columns.names() if name.startswith(prefix) and name.removeprefix(prefix) in RESPONSES]
        if own := own or [name for name in columns.names() if name == f"{prefix}answer"]:
            return own[0]
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
        if name not in (*QUESTIONS, *SYSTEMS) and _is_text(columns.see(name)) and _is_chain(columns.see(name))
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
    elif read.reasoning is None:
        reasoning = _reasoning_column(columns)
    if reasoning:
        value = columns.take(reasoning[0], "reasoning")
        read.reasoning = _one_text(columns, reasoning[0], value, read.notes)
    own_answer = None
    if names.response:
        own_answer = _take_response(columns, read, plain(names.response))
    elif read.response is None:
        name = _choose(columns, reasoning[1] if reasoning else None)
        if name is None and read.reasoning is None:
            name = _elsewhere(columns)
        if name is not None:
            own_answer = _take_response(columns, read, name)
    thinks = read.reasoning is not None or (read.response is not None and has_thinking(read.response))
    if not thinks and not names.response and (name := _elsewhere(columns)):
        read.notes.append(f"the response is '{name}', which holds thinking, and no shorter solution")
        own_answer = None
        for key in [key for key, role in columns.taken.items() if role.startswith("response")]:
            del columns.taken[key]
        _take_response(columns, read, name)
    _join(read)
    return _gold(columns, names.answer, own_answer)


def _take_response(columns: Columns, read: Read, name: str) -> str | None:
    """Take a column as the response; return the answer that it holds where it is the answer's column too."""
    read.response = _one_text(columns, name, columns.take(name, "response"), read.notes)
    if name not in ANSWERS and not name.endswith("_answer"):
        return None
    read.notes.append(f"the column '{name}' is the response: no other column holds one")
    try:
        if found := answer_in(read.response):
            return found
    except ValueError:
        return None  # said where the response is read
    short = len(read.response) <= SHORT and "\n" not in read.response.strip()
    return bare(read.response) if short else None


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


def _gold(columns: Columns, name: str | None, own_answer: str | None) -> Any:
    """Return the value of the answer's column."""
    if name:
        return columns.take(name, "answer") if plain(name) in columns else None
    if own_answer is not None:
        return own_answer
    for name in columns.first(ANSWERS):
        return columns.take(name, "answer")
    for holder, key in (("reward_model", "ground_truth"), ("extra_info", "answer")):
        if holder in columns and isinstance(value := columns.see(holder), dict) and value.get(key) not in (None, ""):
            columns.take(holder, "answer")
            return value[key]
    return None
