"""What a unit says, read once: its words and phrases, its numbers and formulas, what it states as a result."""

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from scripts.common.chain import BOXED, last_boxed
from scripts.select.limopro.patterns import CUES, english

OPENING = 40  # characters of a unit in which a phrase counts as its opening

_OPENING_WORD = re.compile(r"[a-z']+|\d+|[^\s\w]")
_WORD = re.compile(r"[a-z']+|[\u4e00-\u9fff]")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_SYMBOL = re.compile(r"\d+(?:\.\d+)?|[a-zA-Z](?![a-zA-Z])|[=+\-*/^<>≤≥√π≈()]")
_RESULT = re.compile(r"(?:=|≈|\bis\b|是|为)\s*([^=≈.,;，。；]{1,25}?)\s*(?:[.,;，。；]|$)")
_NO_KEY = re.compile(r"[\s{}$\\.*。]")
_ASKS = re.compile(r"[?？]|^\s*(?:find|compute|what|determine|express|convert|evaluate|simplify|求)", re.IGNORECASE)
_SENTENCE = re.compile(r"(?<=[.?!。？！])\s*|\n+")
_FIGURE = re.compile(r"\[asy\].*?\[/asy\]", re.DOTALL)
# One letter as an answer is an option, or a name: "a" in a sentence, or "B says", states nothing.
_OPTION = r"(?:\b(?:option|choice|answer(?: is)?|choose|pick|select)|选项?|答案[是为选]?)[\s:：*]*\(?{0}\b|\({0}\)"
_COMMON = frozenset(
    re.findall(
        r"\w+",
        "the a an of is are in to and or that this it be can we i so what find which how many with from by for on as"
        " has have",
    )
)
_LATEX = [
    (re.compile(pattern), by)
    for pattern, by in (
        (r"\\(?:left|right|displaystyle|[,;! ()\[\]])", ""),
        (r"\\[dt]?frac\{([^{}]*)\}\{([^{}]*)\}", r"\1/\2"),
        (r"\\(?:text|mathrm|textbf)\{([^{}]*)\}", r"\1"),
        (r"\^?\\circ|°|degrees?", ""),
        (r"\\sqrt", "√"),
        (r"\\?\bpi\b", "π"),
        (r"\\cdot|\\times|×|·", "*"),
        (r"√[{(](\w+)[})]|sqrt\((\w+)\)", r"√\1\2"),
    )
]


class Unit(NamedTuple):
    """A unit as it is read."""

    opening: list[str]
    """Its first words and marks, in small letters; every number is '#'."""
    cues: frozenset[str]
    """Classes of phrases (`patterns.CUES`) in it."""
    starts: frozenset[str]
    """Classes of phrases in its opening."""
    asks: bool
    introduces: bool
    """It ends with a colon."""
    formula: bool
    words: list[str]
    numbers: list[str]
    symbols: frozenset[tuple[str, ...]]
    """Runs of three mathematical symbols."""
    pairs: frozenset[tuple[str, ...]]
    """Pairs of words."""
    key: str
    """The text with its LaTeX plain and without spaces."""
    plain: str
    result: str | None
    """The key of what stands after its last '=' or 'is'."""


def plain_mathematics(text: str) -> str:
    """Return `text` with its LaTeX written plainly, so that one value has one form."""
    for pattern, by in _LATEX:
        text = pattern.sub(by, text)
    return text


def key_of(plain: str) -> str:
    """Return plain mathematics without spaces, braces, dollars and full stops, in small letters."""
    return _NO_KEY.sub("", plain).lower()


def numbers_in(text: str) -> list[str]:
    """Return the numbers of a text, its LaTeX read plainly, in order."""
    return _NUMBER.findall(plain_mathematics(text))


@lru_cache(maxsize=4096)
def _phrases(text: str) -> tuple[frozenset[str], frozenset[str]]:
    opening = text[:OPENING]
    cues = frozenset(name for name, phrases in CUES.items() if phrases.search(text))
    return cues, frozenset(name for name in cues if CUES[name].search(opening))


def read_unit(text: str) -> Unit:
    """Read one unit."""
    low = english(text)
    plain = plain_mathematics(text.strip())
    cues, starts = _phrases(low)
    words = _WORD.findall(low)
    symbols = _SYMBOL.findall(plain)
    results = _RESULT.findall(plain)
    return Unit(
        opening=["#" if word.isdigit() else word for word in _OPENING_WORD.findall(low[:60])[:4]],
        cues=cues,
        starts=starts,
        asks=low.endswith("?"),
        introduces=low.endswith(":"),
        formula=text.lstrip()[:2] in ("\\[", "$$") or (text.lstrip()[:1] or " ") in "0123456789(√=-",
        words=words,
        numbers=_NUMBER.findall(plain),
        symbols=frozenset(zip(symbols, symbols[1:], symbols[2:], strict=False)),
        pairs=frozenset(pairwise(words)),
        key=key_of(plain),
        plain=plain.lower(),
        result=key_of(results[-1]) if results else None,
    )


class Task(NamedTuple):
    """What the chain is to find: from the question and the answer, where they are known."""

    numbers: frozenset[str]
    """Numbers that the question gives."""
    asked: frozenset[str]
    """Words of the sentence that asks."""
    answer: str
    """Key of the answer that the chain comes to; '' where nothing is known."""
    telling: bool
    """The answer is unlike what stands in the question, so that its mere sight says something."""
    sight: re.Pattern[str]

    def states(self, unit: Unit) -> bool:
        """Tell whether the answer stands in a unit."""
        if not self.answer:
            return False
        return bool(self.sight.search(unit.plain)) if len(self.answer) <= 2 else self.answer in unit.key


def _stated_answer(units: Sequence[str]) -> str:
    """Return the key of what a chain comes to: its last box, or '' without one."""
    for unit in reversed(units):
        if BOXED in unit:
            try:
                return key_of(plain_mathematics(last_boxed(unit) or ""))
            except ValueError:  # a box that is never closed
                break
    return ""


def _last_result(units: Sequence[str]) -> str:
    """Return the key of the result, or else the number, that a chain ends on; '' if it ends on words."""
    last = read_unit(units[-1]) if units else None
    if last is None:
        return ""
    if last.result and any(character.isdigit() for character in last.result):
        return last.result
    return last.numbers[-1] if last.numbers else ""


def read_task(units: Sequence[str], question: str, answer: str) -> Task:
    """Read what is asked.

    A box in the chain says better than `answer` what this chain comes to; where neither is known, its end does.
    """
    key = _stated_answer(units) or key_of(plain_mathematics(answer)) or _last_result(units)
    sentences = [part for part in _SENTENCE.split(_FIGURE.sub("", question)) if part.strip()]
    asking = [part for part in sentences if _ASKS.search(part)] or sentences[-1:]
    numbers, one_letter = numbers_in(question), re.fullmatch("[a-z]", key)
    return Task(
        numbers=frozenset(numbers),
        asked=frozenset(
            word
            for part in asking
            for word in _WORD.findall(part.lower())
            if word not in _COMMON and (len(word) > 2 or word > "z")
        ),
        answer=key,
        telling=len(key) > 1 and key not in numbers and not re.fullmatch(r"[a-z\u4e00-\u9fff]+", key),
        sight=re.compile(_OPTION.format(key) if one_letter else rf"(?<![\w.]){re.escape(key)}(?!\w)"),
    )
