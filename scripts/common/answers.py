r"""The final answer: what a text ends in, and what a column holds, as one text.

A source writes its answers in many ways (a list, 14.0, \boxed{2}, $2$, a solution that ends on "#### 2"): all are
brought to the bare answer, as it would stand in one box. Several values are joined by commas.
"""

import ast
import json
import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from scripts.common.chain import ANSWER_LINE, LAST, Response, box_end

_BOX = re.compile(r"\\(?:boxed|fbox)\s*(?:(?P<brace>\{)|(?P<bare>-?\w[\w.]*\b|\S))")
_ANSWER_TAG = re.compile(r"<answer>(.*?)</answer>", re.DOTALL | re.IGNORECASE)
_FORMULA = re.compile(r"(\$+)(?P<dollars>[^$]+)\1|\\\((?P<round>.+)\\\)|\\\[(?P<square>.+)\\\]", re.DOTALL)
# What programs write where there is no value, and NuminaMath for a proof. "none" in lower case may be an answer.
_MISSING = re.compile(
    r"None|null|NULL|Null|<NA>|NA|N/A|n/a|nan|NaN|NAN|[+-]?inf(?:inity)?|[+-]?Infinity|proof|notfound|[-–—?]|\[\]|\{\}|"
)

EXACT = 2**53
"""Up to here a float holds every whole number."""
_WHOLE = re.compile(r"[+-]?\d+\.0")
# "The answer is 7.", a sentence of its own.
_SENTENCE = re.compile(
    r"(?:(?:so|thus|hence|therefore),? )?(?:the )?(?:final |correct )?answer(?: is\b ?:?| ?[:=]) *"
    r"(?P<value>[^\n.]+(?:\.\d+)?)\.?",
    re.IGNORECASE,
)

_WORD = re.compile(r"(?<!\\)\b[^\W\d_]{2,}")

# Between boxes that are one answer stand signs, names ("y =", "and", "the second is") and marks of lists.
_TEXT_COMMAND = re.compile(r"\\(?:text|textbf|textrm|mathrm|mbox)\s*\{([^{}]*)\}")
_SIGNS = re.compile(r"\\(?:q?quad|[,;:! \\()\[\]]|left|right|displaystyle)|[$&{}*,;、，；]")
_LIST_MARK = re.compile(
    r"(?:^|\n|(?<=[\s,;.]))\s*(?:[-•]|(?:part|case|item|question|problem|for)?\s*\(?(?:\d{1,2}|[a-z]|[ivx]{1,4})[.):]+)\s",
    re.IGNORECASE,
)
_NAME = re.compile(r"\b[A-Za-z](?:_\{?\w+\}?|\d)?\s*(?:=|:|≈)")
_SENTENCE_END = re.compile(r"[.!?。！？]")
# A box behind one of these is another answer: the end of a derivation, the same value again, a correction.
_CONCLUDES = frozenset(
    [
        "so",
        "thus",
        "hence",
        "therefore",
        "then",
        "total",
        "giving",
        "gives",
        "finally",
        "final",
        "answer",
        "answers",
        "which",
        "result",
        "because",
        "since",
        "equivalently",
        "equals",
        "equal",
        "approximately",
        "about",
        "simplified",
        "simplifies",
        "meaning",
        "namely",
        "check",
        "verify",
        "now",
        "next",
        "instead",
        "but",
        "not",
        "wait",
        "actually",
        "correct",
        "corrected",
    ]
)


def boxes(text: str) -> list[tuple[int, int, str]]:
    """Return (start, end, inside) of every box that holds something, in order, braces balanced.

    Raises ValueError when the last one is never closed.
    """
    found: list[tuple[int, int, str]] = []
    position = 0
    while match := _BOX.search(text, position):
        if match["brace"]:
            begin = match.end()
            try:
                end = box_end(text, begin)
            except ValueError:
                if _BOX.search(text, begin):  # a later one may be whole
                    position = begin
                    continue
                raise
            inside, position = text[begin:end].strip(), end + 1
        else:
            inside, position = match["bare"].rstrip("."), match.end()
        if inner := _BOX.match(inside) and boxes(inside):
            inside = inner[-1][2]
        if inside:
            found.append((match.start(), position, inside))
    return found


def _one_answer(between: str) -> bool:
    """Whether what stands between two boxes leaves them one answer: "and", "or", another name, a list's next mark."""
    rest = _NAME.sub(" ", _SIGNS.sub(" ", _LIST_MARK.sub(" ", _TEXT_COMMAND.sub(r" \1 ", between))))
    words = [word.lower() for word in re.findall(r"[^\W\d_]{2,}", rest)]
    if re.search(r"[=+/^<>\d\\]", rest) or len(words) > 4 or not _CONCLUDES.isdisjoint(words):
        return False
    return not words or not (_SENTENCE_END.search(rest) or "\n\n" in rest.strip(" \t"))


def answer_in(text: str) -> str | None:
    r"""Return the answer that a text ends in: its last box, or all of several that are one answer; else the last
    <answer>...</answer>; else a last line "#### answer" or "The answer is: answer". None where there is none of these.

    Raises ValueError when the last box is never closed.
    """
    if found := boxes(text):
        group = [found[-1]]
        for earlier in reversed(found[:-1]):
            if not _one_answer(text[earlier[1] : group[0][0]]):
                break
            group.insert(0, earlier)
        values = [inside for _, _, inside in group]
        return values[0] if len(set(values)) == 1 else ", ".join(values)
    if tagged := _ANSWER_TAG.findall(text):
        return tagged[-1].strip() or None
    line = ANSWER_LINE.search(f"\n{text}", max(0, len(text) - LAST))
    value = line["answer"].rstrip("*_. ") if line else ""
    return bare(value) if value and len(_WORD.findall(value)) <= 2 else None  # a sentence is no value


def final_answer(response: Response) -> str | None:
    """Return the answer that a response ends in, None where it has none.

    What stands inside closed thinking was a thought, and may have been taken back: only what follows it counts.
    Raises ValueError when the last box is never closed.
    """
    return answer_in(response.after if response.after.strip() else response.reasoning)


def says_nothing(text: str) -> bool:
    """Whether a text is what programs write where there is no value (nan, None), or empty."""
    return _MISSING.fullmatch(text.strip()) is not None


def listed(value: Any) -> Any:
    """Return a list that a table holds as text, in JSON or as Python writes it; any other value as it is."""
    if not isinstance(value, str) or not (value.startswith("[") and value.endswith("]")):
        return value
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        try:
            found = ast.literal_eval(value)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            return value
        if repr(found) != value:  # numpy leaves the commas out: Python would make one text of several
            return value
    return found if isinstance(found, list) else value


def bare(text: str) -> str | None:
    r"""Return a text that is an answer without what is put around one: a box, dollars, a solution before "####".

    None where the text says that there is no answer (nan, None). Raises ValueError for a box that is never closed.
    """
    text = text.strip()
    if says_nothing(text):
        return None
    if _WHOLE.fullmatch(text):  # pandas writes whole numbers so beside missing ones
        return text.removesuffix(".0")
    if text.startswith(('["', "['")) and isinstance(values := listed(text), list):  # [1, 2] may be an interval
        return clean_answer(values)
    if found := answer_in(text):
        return bare(found) if found != text else found
    if (formula := _FORMULA.fullmatch(text)) and (inside := next(filter(None, formula.groupdict().values())).strip()):
        return inside
    return bare(said["value"]) if (said := _SENTENCE.fullmatch(text)) else text


class Rounded(float):
    """A number that a file holds in so few bits that it may have been another one."""


def number_text(value: float | Decimal) -> str | None:
    """Return a number in plain digits, to the 15 that a float holds: 14.0 as 14; None for what is no number.

    Raises ValueError for a float of more digits, which may have been another number.
    """
    if not math.isfinite(value):
        return None
    exact = Decimal(value)
    if isinstance(value, Rounded):
        raise ValueError(f"{value:.0f} is a float of 32 bits or fewer, which holds 6 digits: write the number as text")
    if isinstance(value, float) and not (value.is_integer() and abs(value) < EXACT):
        exact = Decimal(f"{value:.15g}")
        if abs(value) >= EXACT and float(exact) != value:
            raise ValueError(
                f"{value:.0f} is a float, which holds 15 digits: write the number as text or as a whole number"
            )
    if not exact:
        return "0"
    if not -40 <= exact.adjusted() <= max(40, len(exact.as_tuple().digits)):
        return f"{exact:e}"
    text = f"{exact:f}"  # normalize() would round to 28 digits
    return text.rstrip("0").rstrip(".") if "." in text else text


def clean_answer(value: Any) -> str | None:
    """Return the value of an answer column as one text, or None where it holds no answer.

    Raises ValueError, with what is wrong, for a value that is no answer: an object, a list of other than plain values.
    """
    if value is None:
        return None
    if isinstance(value, str):
        return bare(value)
    if isinstance(value, bool | int):
        return str(value)
    if isinstance(value, float | Decimal):
        return number_text(value)
    if isinstance(value, list | tuple):
        if any(isinstance(part, list | tuple | Mapping) for part in value):
            raise ValueError("it is a list of lists or objects")
        parts = [clean_answer(part) for part in value]
        if not all(parts) and any(parts):
            raise ValueError("it is a list of which some values are missing")
        return ", ".join(part for part in parts if part) or None
    raise ValueError(
        f"it is {'an object' if isinstance(value, Mapping) else type(value).__name__}, not text or a number"
    )
