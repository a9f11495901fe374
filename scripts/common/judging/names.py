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
NAMES = re.compile(rf"\( {SYMBOL}(?: , {SYMBOL})+ \)")


def name_of(tokens: Tokens) -> str:
    """Return what a side of a relation calls a value: x, f(x), (a, b), angle ABC; or nothing."""
    text = text_of([token for token in tokens if token.kind != "text"])
    return text if NAME.fullmatch(text) or NAMES.fullmatch(text) else ""
