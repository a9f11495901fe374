"""What may be a row's chain and was not taken for it: such a row is refused, as it would be trained on without."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from scripts.common.chain import has_thinking
from scripts.data.formats.base import Columns, Malformed, from_json
from scripts.data.names import ANSWERS, QUESTIONS, SYSTEMS, UNWANTED, plain

LONG = 100
"""Characters from which a value may be a chain: flags (on, low) and names are shorter."""
_NAME = re.compile(
    r"think|thought|reason|rationale|monologue|scratchpad|trajector|chain|(?:^|_)cot(?:_|$)|思考|推理|思维|思維|推論|考え方|사고|추론"
)
# Words that may mean something else: such a column counts where it holds more than the response.
_WEAK = re.compile(
    r"explanation|analysis|deliberat|reflection|derivation|working|(?:^|_)(?:trace|work|steps?)(?:_|$)|解析"
)
# What belongs to a row and is no part of its response, however long.
_BESIDE = re.compile(r"test|meta|url|link|info|hint|embedding|log")
_OPENING = re.compile(r"\s*(?P<whole><\|?(?P<angle>[a-z][\w:-]*)\|?>|\[(?P<bracket>[a-z][\w:-]*)\])", re.IGNORECASE)
# Thinking that begins in another way than by tags: what ends it is told by nobody.
_BEGINNING = re.compile(
    r"\s*(?P<whole><details\s[^<>]*(?:reasoning|think)[^<>]*>|```\s*(?:think(?:ing)?|thoughts?|reasoning)\b"
    r"|[<＜【〈]\s*(?:思考|推理|思维|思維|think)[^<>＞】〉\n]{0,20}[>＞】〉]|<unused\d+>\s*thought|<\|channel>)",
    re.IGNORECASE,
)
# Marks of text, and of what a response may hold between tags of its own.
_MARKS = frozenset({
    "a", "answer", "asy", "b", "blockquote", "br", "cite", "code", "details", "div", "em", "final_answer", "font",
    "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "input", "li", "math", "ol", "output", "p", "pre",
    "question", "response", "result", "s", "solution", "span", "step", "strong", "sub", "summary", "sup", "table",
    "tbody", "td", "th", "thead", "tr", "tt", "u", "ul",
})  # fmt: skip


def _length(value: Any) -> int:
    """Return how many characters of text a value holds."""
    if isinstance(value, bool | int | float):
        return 0
    return len(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str))


def may_be_reasoning(name: str, value: Any, response: str = "") -> bool:
    """Whether a column or field that no form knows may hold a chain, by its plain name, its length and the response's.

    A name that may mean something else counts where the value is longer than the response.
    """
    if not _NAME.search(name) and (not response or not _WEAK.search(name) or UNWANTED.search(name)):
        return False
    return _length(value) > (LONG if _NAME.search(name) else max(LONG, len(response)))


def _is_object(value: Any) -> bool:
    return isinstance(value, Mapping) or (isinstance(value, str) and value[:20].lstrip().startswith("{"))


def reasoning_inside(value: Any) -> str | None:
    """Return the key inside an object, or JSON text of one, that may hold a chain; None where none does."""
    if isinstance(value, str) and _is_object(value) and _NAME.search(value):
        value = from_json(value)
    for key, inner in value.items() if isinstance(value, Mapping) else ():
        if isinstance(inner, str) and may_be_reasoning(plain(str(key)), inner):
            return str(key)
        if isinstance(inner, Mapping) and (found := reasoning_inside(inner)):
            return f"{key}.{found}"
    return None


def longer_texts(columns: Columns, length: int) -> Iterator[str]:
    """Yield the columns left out that hold more text than `length` and could be the response of their row."""
    for name in columns.names():
        value = columns.see(name)
        if name in (*QUESTIONS, *SYSTEMS, *ANSWERS) or UNWANTED.search(name) or _BESIDE.search(name):
            continue
        texts = [value] if isinstance(value, str) else value if isinstance(value, list) else []
        if sum(len(text) for text in texts if isinstance(text, str)) > max(LONG, length):
            yield name


def refuse_overlooked(columns: Columns, response: str, named: bool = False) -> None:
    """Raise Malformed where the response has no thinking and a column left out, or tags nobody knows, may hold it.

    Where the experiment file has `named` the response, only a name that says nothing but reasoning counts.
    """
    if any("reasoning" in role for role in columns.taken.values()):
        return
    maybe = [name for name in columns.names() if may_be_reasoning(name, columns.see(name), "" if named else response)]
    objects = [name for name in columns.names() if _is_object(columns.see(name))]
    tag, begun = _OPENING.match(response), _BEGINNING.match(response)
    # A chain is long: it is looked through only where something could be one beside it.
    if not (maybe or objects or tag or begun) or has_thinking(response):
        return
    inside = {name: key for name in objects if (key := reasoning_inside(columns.see(name)))}
    if maybe or inside:
        what = (
            f"column {maybe[0]}" if maybe else "key '{1}' inside the column '{0}'".format(*next(iter(inside.items())))
        )
        raise Malformed(
            f"the {what} may hold the reasoning, and the response holds none: name it by dataset.columns.reasoning "
            "(a key inside a column: meta.trace), or the column in dataset.columns.ignore",
            "ambiguous_columns",
        )
    if begun:
        raise Malformed(
            f"the response begins with {begun['whole'].strip()}, no known tag of thinking: where the chain ends cannot "
            "be told; put it into a column of its own (dataset.columns.reasoning)",
            "think_not_one_block",
        )
    if tag is None or (name := tag["angle"] or tag["bracket"]).lower() in _MARKS:
        return
    stem = re.sub(r"(?i)^(?:begin|start)[_-](?:of[_-])?|[_-](?:begin|start)$", "", name)
    closing = re.compile(
        rf"[<\[]\|?\s*(?:/\s*{re.escape(name)}|/?(?:end[_-](?:of[_-])?){re.escape(stem)}|{re.escape(stem)}[_-]end)\s*\|?[>\]]",
        re.IGNORECASE,
    )
    if (
        (end := closing.search(response, tag.end()))
        and end.start() - tag.end() > LONG
        and response[end.end() :].strip()
    ):
        raise Malformed(
            f"the response begins between {tag['whole']} and {end[0]}, no known tags of thinking: whether that is the "
            "chain cannot be told; put it into a column of its own (dataset.columns.reasoning)",
            "think_not_one_block",
        )
