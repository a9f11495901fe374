r"""Changes to a gold answer: one that makes it wrong, and dresses that leave it right.

Nothing here knows how answers are read: changes are made to the text alone.
"""

import random
import re
from collections.abc import Callable

NUMBER = re.compile(r"(?<![\d.])\d+(?:\.\d+)?")
EXPONENT = re.compile(r"(?<=\^)(?:\{-?(\d+)\}|(\d))|(?<=[\de.]e)-?(\d+)")
SIGN = re.compile(r"(?<![\\A-Za-z])[+-](?=\s*[\w\\(.])")
NAME = re.compile(r"(?<![A-Za-z\\])(?<!\\begin\{)(?<!\\end\{)(?<!d)([A-Za-z])(?![A-Za-z])")
WORD = re.compile(r"(?<=\\text\{)\s*\(?([A-Za-z]+)\)?(?=\})")
INTERVAL = re.compile(r"^\$?(?:\w+\s*\\in\s*)?(\\left)?[\[(][^,()]+,[^,()]+[\])]\$?$")


def _instead(text: str, start: int, end: int, by: str) -> str:
    return text[:start] + by + text[end:]


def numbers(gold: str) -> list[str]:
    """Return the gold answer with one of its numbers changed in one digit, for each number."""
    found = []
    for match in NUMBER.finditer(gold):
        last = match[0][-1]
        found.append(_instead(gold, match.end() - 1, match.end(), str((int(last) + 1) % 10 or 1)))
    return found


def signs(gold: str) -> list[str]:
    """Return the gold answer with one of its signs the other way; one before it all where there is none."""
    found = [
        _instead(gold, match.start(), match.end(), "-" if match[0] == "+" else "+") for match in SIGN.finditer(gold)
    ]
    inner = gold.strip("$ ")
    if not found and re.fullmatch(r"[\d.]+|\\[dt]?frac.*|\\sqrt.*", inner) and not re.search(r"[=,]", inner):
        found.append("-" + inner)
    return found


def exponents(gold: str) -> list[str]:
    """Return the gold answer with one exponent larger by one."""
    found = []
    for match in EXPONENT.finditer(gold):
        group = next(number for number in (1, 2, 3) if match[number] is not None)
        start, end = match.span(group)
        found.append(_instead(gold, start, end, str(int(gold[start:end]) + 1)))
    return found


def bounds(gold: str) -> list[str]:
    """Return an interval with one end open for closed, or closed for open."""
    if not INTERVAL.match(gold) or "=" in gold or not re.search(r"[\[\]]|infty|\\in", gold):
        return []
    pairs = {"(": "[", "[": "(", ")": "]", "]": ")"}
    return [
        _instead(gold, match.start(), match.end(), pairs[match[0]])
        for match in re.finditer(r"[\[\]()]", gold)
        if gold[: match.start()].rstrip().rstrip("$").endswith(("", "\\left")) and match.start() in _ends(gold)
    ]


def _ends(gold: str) -> tuple[int, int]:
    return (
        min(i for i, c in enumerate(gold) if c in "(["),
        max(i for i, c in enumerate(gold) if c in ")]"),
    )


def names(gold: str) -> list[str]:
    """Return the gold answer with one letter (or a word) another one."""
    found = []
    for match in NAME.finditer(gold):
        if match[1] in "ei":  # constants
            continue
        letters = [each for each in "abcknpqrtuvwyz" if each not in gold.lower()]
        other = letters[ord(match[1]) % len(letters)]
        found.append(_instead(gold, match.start(1), match.end(1), other if match[1].islower() else other.upper()))
    for match in WORD.finditer(gold):
        if len(match[1]) > 1 and match[1] not in ("and", "or") and gold.startswith("\\text"):
            found.append(_instead(gold, match.start(1), match.end(1), match[1][:-1] + "q"))
    return found


CHANGES: dict[str, Callable[[str], list[str]]] = {
    "number": numbers,
    "sign": signs,
    "exponent": exponents,
    "bound": bounds,
    "name": names,
}


def changed(gold: str) -> list[tuple[str, str]]:
    """Return the kind of change and the changed answer: one of each kind that the gold answer allows."""
    draw, found = random.Random(gold), []
    for kind, change in CHANGES.items():
        if options := [each for each in change(gold) if each != gold]:
            found.append((kind, draw.choice(options)))
    return found


def _is_number(gold: str) -> bool:
    return bool(re.fullmatch(r"\$?-?[\d.]+\$?", gold))


def _thousands(gold: str) -> str | None:
    match = re.fullmatch(r"(\$?-?)(\d{4,})(\.?\d*\$?)", gold)
    return f"{match[1]}{int(match[2]):,}{match[3]}" if match and match[2][0] != "0" else None


def _spaces(gold: str) -> str:
    return (
        re.sub(r"(?<=[^\\\s\w.,])(?=[^\s\w.,])|(?<=[+=,])|(?=[+=])", " ", gold) if "\\text" not in gold else f" {gold} "
    )


DRESSES: dict[str, Callable[[str], str | None]] = {
    "dfrac": lambda gold: gold.replace(r"\frac", r"\dfrac") if r"\frac" in gold else None,
    "spaces": _spaces,
    "full stop": lambda gold: f"{gold}.",
    "text units": lambda gold: rf"{gold}\text{{ units}}" if _is_number(gold) else None,
    "x=": lambda gold: (
        None if re.search(r"[=<>:]|\\in|\\[lg]e|\\text|[\u4e00-\u9fff]|[A-D]\W*$", gold) else _named(gold)
    ),
    "bold": lambda gold: rf"\mathbf{{{gold.strip('$ ')}}}" if "$" not in gold.strip("$ ") else f"**{gold}**",
    "dollars": lambda gold: gold if "$" in gold else f"${gold}$",
    "thousands": _thousands,
}


def _named(gold: str) -> str:
    return f"$x={gold.strip('$ ')}$" if "$" not in gold.strip("$ ") else f"x={gold}"


def dressed(gold: str) -> list[tuple[str, str]]:
    """Return the dress and the gold answer in it, for each that fits."""
    return [(name, worn) for name, dress in DRESSES.items() if (worn := dress(gold)) is not None]
