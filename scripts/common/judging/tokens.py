"""Plain notation as tokens, and how lists of them are cut."""

import re
from collections.abc import Callable
from typing import NamedTuple

TOKEN = re.compile(
    r"(?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+(?![\w.]))?|\.\d+(?:[eE][+-]?\d+(?![\w.]))?)"
    r"|(?P<text>\\text\s*\{[^{}]*\})|(?P<command>\\[A-Za-z]+|\\.)|(?P<letters>[A-Za-z]+)|(?P<other>\S)",
    re.DOTALL,
)
PROSE = re.compile(r"(?<![A-Za-z\\])[A-Za-z]{2,}(?: +[A-Za-z]{2,})+")
# Words that stand for a command without its backslash.
WORDS = {
    "sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "ln", "log", "lg",
    "exp", "sqrt", "pi", "infty", "infinity", "max", "min", "alpha", "beta", "gamma", "theta", "lambda", "omega", "phi",
    "frac", "cdot", "times", "cup", "pm", "in", "cis", "asin", "acos", "atan",
}  # fmt: skip
_FUNCTIONS = "sin cos tan cot sec csc arcsin arccos arctan cis ln log lcm gcd"
CALLED = {word: f"\\{word}" for word in _FUNCTIONS.split()} | {"infinity": r"\infty", "Infinity": r"\infty"}
"""Functions in a font of words."""
OPENERS = {"(", "[", "{", r"\{", r"\langle", r"\lfloor", r"\lceil", r"\begin"}
CLOSERS = {")", "]", "}", r"\}", r"\rangle", r"\rfloor", r"\rceil", r"\end"}


class Token(NamedTuple):
    """A piece of notation."""

    kind: str
    """number, text, command, letters or other."""
    text: str
    """As it is written; the inside of \\text."""


Tokens = list[Token]


def tokens_of(text: str) -> Tokens:
    """Return the tokens of plain notation. A run of letters that is no known word is as many letters, or one name."""
    found: Tokens = []
    prose = {start for match in PROSE.finditer(text) for start in _words(match)}
    for match in TOKEN.finditer(text):
        kind, piece = str(match.lastgroup), match[0]
        if kind == "text":
            words = piece[piece.index("{") + 1 : -1].strip()
            if words in CALLED:
                found.append(Token("command", CALLED[words]))
            elif words:
                found.append(Token("text", words))
        elif kind == "letters" and match.start() in prose:
            found.append(Token("letters", piece))
        elif kind == "letters":
            found += _letters(piece, found)
        elif piece.startswith("\\") and len(piece) == 2 and piece[1].isspace():
            continue
        else:
            found.append(Token(kind, piece))
    return found


def _words(match: re.Match[str]) -> list[int]:
    """Return where the words of a piece of prose begin, nothing where it may be a product: AB BC, sin x, a and b."""
    words = [(match.start() + word.start(), word[0]) for word in re.finditer("[A-Za-z]+", match[0])]
    own = [word for _, word in words if word not in WORDS and word.lower() not in ("and", "or")]
    longest = max((len(word) for word in own), default=0)
    return [start for start, word in words if word in own] if len(own) > 1 and longest > 2 else []


def _letters(run: str, before: Tokens) -> Tokens:
    if run in WORDS:
        return [Token("command", "\\" + ("infty" if run == "infinity" else run))]
    if run.lower() in ("and", "or"):
        return [Token("text", run.lower())]
    if before and before[-1].text in (r"\begin", r"\end"):
        return [Token("letters", run)]
    for word in sorted(WORDS, key=len, reverse=True):  # xsin, lnx, 2pi r as pir is none
        if len(word) > 2 and word != "max" and run.startswith(word) and len(run) == len(word) + 1:
            return [Token("command", "\\" + word), Token("letters", run[len(word) :])]
    if run.startswith("ln") and len(run) == 3:
        return [Token("command", r"\ln"), Token("letters", run[2:])]
    inside = bool(before) and before[-1].text == "{" and len(before) > 1 and before[-2].text == "_"
    if len(run) > 3 or inside or run.lower() in ("no", "on"):
        return [Token("letters", run)]
    if len(run) == 2 and run[0] == "d" and not (before and before[-1].kind == "letters"):
        return [Token("letters", run)]  # dx is no product
    return [Token("letters", letter) for letter in run]


def text_of(tokens: Tokens) -> str:
    """Return tokens as text that is equal where they are: braces around one token and blanks do not matter."""
    pieces: list[str] = []
    for before, token in zip([None, *tokens], tokens, strict=False):
        if before and before.kind == token.kind == "number":
            pieces.append("␣")  # 2 1/3 is no 21/3
        pieces += list(token.text) if token.kind == "number" else [token.text]
        if token.text == "}" and len(pieces) > 2 and pieces[-3] == "{":
            pieces[-3:] = [pieces[-2]]
    return " ".join(pieces)


def depths(tokens: Tokens) -> list[int]:
    """Return the number of brackets open at each token, an opening one outside itself. Raises ValueError where they do
    not match in number."""
    depth, found = 0, []
    for token in tokens:
        depth -= token.text in CLOSERS and token.kind != "text"
        if depth < 0:
            raise ValueError("a bracket is closed that was never opened")
        found.append(depth)
        depth += token.text in OPENERS and token.kind != "text"
    if depth:
        raise ValueError("a bracket is never closed")
    return found


def closing(tokens: Tokens, at: int) -> int:
    """Return where the bracket that opens at `at` closes, whatever bracket closes it."""
    level = depths(tokens)
    return next(i for i in range(at + 1, len(tokens)) if level[i] == level[at])


def split(tokens: Tokens, separates: Callable[[Token], bool]) -> list[Tokens]:
    """Return `tokens` cut at those that separate, outside brackets; empty parts are left out."""
    parts: list[Tokens] = [[]]
    for token, depth in zip(tokens, depths(tokens), strict=True):
        if depth == 0 and separates(token):
            parts.append([])
        else:
            parts[-1].append(token)
    return [part for part in parts if part]
