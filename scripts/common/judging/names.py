"""What a side of a relation may call a value: x, f(x), (a, b), angle ABC."""

import re

from scripts.common.judging.expression import GREEK
from scripts.common.judging.tokens import Tokens, text_of

SYMBOL = (
    r"(?:[A-Za-z]+|\\(?:" + "|".join(GREEK) + r"))(?: _ (?:\{[^{}]*\}|\S+))?(?: '| \\prime| \^ \{? ?(?:\\prime ?)+\}?)*"
)
NAME = re.compile(
    rf"(?:\\angle (?:[A-Z](?: _ \S+)? ?)+|{SYMBOL}(?: \^ \{{ - 1 \}})?"
    rf"(?: \( (?:{SYMBOL}(?: , {SYMBOL})*|(?:\\frac|[\d{{}}., -])+) \))?|[A-Z] [A-Z])"
)
_SAID = re.compile(r"(?i)\b(?:yes|no|not)\b")
"""Words that are an answer themselves: Yes, x = 2."""
NAMES = re.compile(rf"\( {SYMBOL}(?: , {SYMBOL})+ \)")


def name_of(tokens: Tokens) -> str:
    """Return what a side of a relation calls a value: x, f(x), (a, b), angle ABC; or nothing."""
    if any(token.kind == "text" and _SAID.search(token.text) for token in tokens):
        return ""
    text = text_of([token for token in tokens if token.kind != "text"])
    return text if NAME.fullmatch(text) or NAMES.fullmatch(text) else ""
