"""What may be a row's chain and was not taken for it: such a row is refused, as it would be trained on without."""

import json
import re
from typing import Any

from scripts.common.chain import has_thinking
from scripts.data.formats.base import Columns, Malformed

LONG = 100
"""Characters from which a value may be a chain: flags (on, low) and names are shorter."""
_NAME = re.compile(r"think|thought|reason|rationale|monologue|scratchpad|trajector|chain|(?:^|_)cot(?:_|$)")
_OPENING = re.compile(r"\s*(?P<whole><\|?(?P<angle>[a-z][\w:-]*)\|?>|\[(?P<bracket>[a-z][\w:-]*)\])", re.IGNORECASE)
# Marks of text, and of what a response may hold between tags of its own.
_MARKS = frozenset({
    "a", "answer", "asy", "b", "blockquote", "br", "cite", "code", "details", "div", "em", "final_answer", "font",
    "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "input", "li", "math", "ol", "output", "p", "pre",
    "question", "response", "result", "s", "solution", "span", "step", "strong", "sub", "summary", "sup", "table",
    "tbody", "td", "th", "thead", "tr", "tt", "u", "ul",
})  # fmt: skip


def may_be_reasoning(name: str, value: Any) -> bool:
    """Whether a column or field that no form knows may hold a chain, by its plain name and its length."""
    if not _NAME.search(name) or isinstance(value, bool | int | float):
        return False
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return len(text) > LONG


def refuse_overlooked(columns: Columns, response: str) -> None:
    """Raise Malformed where the response has no thinking and a column left out, or tags nobody knows, may hold it."""
    if any("reasoning" in role for role in columns.taken.values()):
        return
    maybe = [name for name in columns.names() if may_be_reasoning(name, columns.see(name))]
    tag = _OPENING.match(response)
    # A chain is long: it is looked through only where something could be one beside it.
    if not (maybe or tag) or has_thinking(response):
        return
    if maybe:
        raise Malformed(
            f"the column {maybe[0]} may hold the reasoning, and the response holds none: name it by "
            "dataset.columns.reasoning, or in dataset.columns.ignore",
            "ambiguous_columns",
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
