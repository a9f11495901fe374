r"""The boxes of a text. One that is a part of an expression, -\boxed{7} or \boxed{7}^2, says all of it or nothing."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from scripts.common.chain import box_end

BOX = re.compile(r"\\(?:boxed|fbox|framebox)\s*(?=\{)|\\boxed\s*(?=\d)")
_LOOK = 200
"""Characters around a box that may belong to its expression."""
_OPERATOR = r"\\(?:cdot|times|div|pm|mp|cup|cap|setminus)(?![A-Za-z])"
_LAST, _FIRST = r"[ \t]*(?:\\[,;:! ]|~|[ \t])*$", r"(?:\\[,;:! ]|~|[ \t])*"
# Where an expression begins and ends: at a relation, a formula's edge, a comma or a word.
_EDGE = r"[=<>≤≥≈→\n&;]|\$|(?<!\\)\\[\[\]()]|\\\\|\\(?:approx|le|leq|ge|geq|ne|neq"
_EDGE += r"|to|in|equiv|implies|therefore|[Rr]ightarrow|text\w*|quad|qquad)(?![A-Za-z])"
_BEGINS = re.compile(rf"{_EDGE}|[,:，：。](?!\d)|(?<!\d)\.|\.\s|\*\*|(?<![\\A-Za-z])[A-Za-z]{{2,}}|[\u3400-\u9fff]")
_ENDS = re.compile(rf"{_EDGE}|[,.:，：。](?!\d)|\*\*|(?<![\\A-Za-z])[A-Za-z]{{2,}}|[\u3400-\u9fff]")
_SIGN = re.compile(r"(?:^|(?<=[\s=$(:：]))[-−]\$?$|(?:[=$(]|\\\[)\s*[-−]\s*$|\$[-−]\$\s*$")
_MINUS = re.compile(rf"[\w}})!]\s*[-−]{_LAST}")
"""In a formula an operator; behind words a dash."""
_BRACES = r"\{(?:[^{}]|\{[^{}]*\})*\}"
_MEETS = re.compile(
    rf"(?:[\d}})][-−*]$|(?:[\w}})][ \t]+\*[ \t]+|[\w}})!$\s]\s*[+/]|{_OPERATOR}|(?<!\\)\^"
    rf"|\\(?:sin|cos|tan|cot|ln|log|lg|exp)(?:\s*_\s*\{{?\w+\}}?)?){_LAST}"
    rf"|(?:\\[dtc]?frac\s*(?:{_BRACES}\s*)?|\\sqrt\s*(?:\[[^\]]*\]\s*)?|\^)\{{[^{{}}$]*$)"
)
_IS_MET = re.compile(
    rf"{_FIRST}(?:\^\s*\{{?\s*-?\s*(?:\d|[a-zA-Z](?![a-zA-Z]))|[+/]\s?(?=[\w\\({{])|-(?=[\d\\(])|{_OPERATOR}"
    r"|\\(?:pi|sqrt|[dtc]?frac)(?![A-Za-z]))|\*(?=\d)|[ \t]\*[ \t](?=[\d\\(])|(?:[a-zA-Z]\s*|!)(?:\$|\\[\])])"
)
_MET_IN_FORMULA = re.compile(rf"{_FIRST}[-−]\s*[\w\\(]")
_DIGIT_BEFORE, _DIGIT_BEHIND = re.compile(r"\d$|(?<!\w)0\.$"), re.compile(r"[.,]?\d")


class Box(NamedTuple):
    """A box with something in it, or one of which nobody can tell what it says."""

    start: int
    end: int
    inside: str


def boxes(text: str) -> Iterator[Box]:
    r"""Yield the boxes of a text; one that is never closed, or that digits touch, says nothing. Empty ones do not
    count, nor those within another."""
    past = 0
    for match in BOX.finditer(text):
        if match.start() < past:
            continue
        if text[match.end()] != "{":
            digits = re.match(r"\d+", text[match.end() :])
            past = match.end() + (len(digits[0]) if digits else 0)
            yield Box(match.start(), past, text[match.end() : past])
            continue
        try:
            end = box_end(text, match.end() + 1)
        except ValueError:
            yield Box(match.start(), len(text), "")
            return
        past = end + 1
        if inside := text[match.end() + 1 : end].strip():
            around = text[max(0, match.start() - _LOOK) : match.start()], text[past : past + _LOOK]
            yield Box(match.start(), past, _whole(inside, *around))


def _whole(inside: str, before: str, behind: str) -> str:
    """Return what a box says with what stands closely around it: nothing where 2 and a box may be 2 times it or 27."""
    if _DIGIT_BEFORE.search(before) or _DIGIT_BEHIND.match(behind):
        return ""
    *_, edge = [None, *_BEGINS.finditer(before)]
    formula = edge is not None and edge[0][0] in "=<>≤≥≈&$\\"
    sign = "-" if _SIGN.search(before) else ""
    met = _MEETS.search(before) or _IS_MET.match(behind)
    if not met and not (formula and not sign and (_MINUS.search(before) or _MET_IN_FORMULA.match(behind))):
        return f"{sign}({inside})" if sign and re.search(r"[-+±]|\\[pm][pm]", inside) else sign + inside
    ends = _ENDS.search(behind)
    return f"{before[edge.end() if edge else 0 :]}({inside}){behind[: ends.start() if ends else None]}".strip()
