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


_OPERATORS = {
    r"\lim", r"\int", r"\iint", r"\iiint", r"\oint", r"\sum", r"\prod", r"\det", r"\max", r"\min", r"\sup",
    r"\inf", r"\Pr",
}  # fmt: skip
"""What they are taken of cannot be solved for: the side is a name as it is."""
_TAKEN = re.compile(r"(?:\\mathbb \{? ?[EP] ?\}?|[EPD]|V a r|Var|C o v|Cov) [(\[] .* [)\]]")
_SIZE = re.compile(r"\| (?:[A-Z]|\\vec|\\overrightarrow|\\overline).* \|")
_SEGMENT = re.compile(r"\\over(?:line|rightarrow) (?:\{ )?[A-Z] ?[A-Z](?: \})?")
_DERIVATIVE = re.compile(r"\\frac \{ (?:d|\\partial)[^{}]* \} \{ (?:d|\\partial)[^{}]* \}")
_VECTOR = re.compile(r"\\(?:vec|overrightarrow) (?:\{ )?[A-Za-z](?: \})?")
_TOTAL = re.compile(rf"{SYMBOL}(?: [+-] {SYMBOL})+|\\frac \{{? ?{SYMBOL} ?\}}? \{{? ?{SYMBOL} ?\}}?")


def total_of(tokens: Tokens) -> str:
    """Return a sum or ratio of different names, which is asked for as a number: m + n = 7; or nothing."""
    text = text_of(tokens)
    names = [token.text for token in tokens if token.kind == "letters"]
    return text if _TOTAL.fullmatch(text) and len(set(names)) == len(names) > 1 else ""


def name_of(tokens: Tokens) -> str:
    """Return what a side of a relation calls a value: x, f(x), (a, b), angle ABC, P(A | B), lim f; or nothing."""
    if any(token.kind == "text" and _SAID.search(token.text) for token in tokens):
        return ""
    text = text_of([token for token in tokens if token.kind != "text"])
    known = any(pattern.fullmatch(text) for pattern in (NAME, NAMES, _TAKEN, _SIZE, _SEGMENT, _DERIVATIVE, _VECTOR))
    return text if known or (tokens and tokens[0].text in _OPERATORS and len(tokens) > 1) else ""
