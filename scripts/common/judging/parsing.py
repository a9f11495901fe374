"""Plain notation as values. What is not understood raises Unreadable, and is then compared as text."""

import re
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise

import sympy as sp

from scripts.common.judging import units
from scripts.common.judging.expression import Unreadable, read_expression
from scripts.common.judging.inequalities import inequality
from scripts.common.judging.names import NAMES, name_of
from scripts.common.judging.notation import CJK, joined_thousands, plain
from scripts.common.judging.pieces import joined, place, union
from scripts.common.judging.tokens import Token, Tokens, depths, split, text_of, tokens_of
from scripts.common.judging.values import (
    Equation,
    InBase,
    Matrix,
    Mixed,
    Named,
    Number,
    Piece,
    Pieces,
    Ratio,
    Residue,
    Row,
    Several,
    Text,
    Value,
)

CONDITIONS = {"for", "for all", "for any", "where", "with"}
"""Words before a condition: x = k pi for k in Z."""
NUMBER_SETS = set("CNQRZ")
RELATIONS = {"=", "<", ">", r"\le", r"\ge", r"\ne", r"\in", r"\equiv", r"\approx"}
LEAD = re.compile(
    r"^(?:一共|总共|共有|共|答案[是为]?[:：]?)(?=\s*[\d$\\-])|^(?:\\text\{)?\s*(?:(?:the|our|so|hence|thus)\s+)?(?:final\s+|general\s+)?(?:answers?|solutions?|results?)\b[^:=\d\\$\[({]{0,40}?"
    r"(?:\bis\b|\bare\b|:)\s*:?\s*\}?\s*:?",
    re.IGNORECASE,
)
MODULUS = re.compile(r"\(?\s*(?<![A-Za-z\\])\\?p?mod(?![a-z])\s*\{?\s*([\w^]+)\s*\}?\s*\)?")
CLOCK = re.compile(r"(\d:\d\d)[\s~\\,]*(?:\\(?:text|mathrm)\{)?\s*([ap])\.?\s?m\b\.?\s*\}?", re.IGNORECASE)
"""A time of the day, whose "pm" is no plus or minus."""
BASE = re.compile(
    r"(?<=[\dA-F])\s*(?:\\text\{)?\s*[,(]?\s*(?:in\s+)?(?:\\text\{)?base[\s}-]*(\d+|[a-z]+)\s*\)?\s*\}?\s*\)?$"
)
"""1011 in base 2, 1011 (base two)"""
MATRICES = re.compile(r"(?:[A-Z]\s*(?:\^\s*(?:\{\s*(?:-\s*1|T|\\top)\s*\}|T|\\top)\s*)?){2,}")
"""A product whose order matters: P^{-1}AP."""
BETWEEN = re.compile(r"(\d+(?:\.\d+)?)\s*-\s*(\d+(?:\.\d+)?)")
TO = re.compile(r"(\d+)\s*(?:\\text\{)?\s*to\s*\}?\s*(\d+)")
"""A ratio, or from a number to another."""
LETTERS = re.compile(r"(?:\\text\{)?\s*[A-H](?:\s*(?:,|\band\b|\\text\{\s*and\s*\})\s*[A-H])+\s*\}?")
"""Several options of a question, which golds write as one word."""
NO_SOLUTION = {"no solution", "no solution exist", "empty set", "solution set is empty"}
_NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
NUMBER_WORDS = _NUMBERS.split()
DATE = re.compile(r"(?:\d{4}([-/.])\d{1,2}\1\d{1,2}|\d{1,2}([-/.])\d{1,2}\2\d{4})")
"""A day, which is no difference or quotient."""
BRACKETS = {"(": ")", "[": "]", "{": "}", r"\{": r"\}", r"\langle": r"\rangle"}


@lru_cache(maxsize=256)
def readings(answer: str, gold: bool = False) -> tuple[Value, ...]:
    """Return what a written answer may mean, the likeliest first; the last is its text."""
    half = ""
    if clock := CLOCK.search(answer):
        answer, half = f"{answer[: clock.end(1)]}{answer[clock.end() :]}", f"{clock[2].upper()}M"
    text = MODULUS.sub(r" \\pmod{\1}", plain(answer))
    if DATE.fullmatch(text):
        return (Text("-".join(number.lstrip("0") for number in re.findall(r"\d+", text))),)
    if re.fullmatch(r"0\d{3,}", text):
        return (Text(text),)  # 00101, a code
    if (ends := BETWEEN.fullmatch(text)) and float(ends[1]) < float(ends[2]):
        return (Text(f"{ends[1]} - {ends[2]}"),)  # 5-10, which would be left as no difference
    if MATRICES.fullmatch(text) and "^" in text:
        return (Text(text_of(tokens_of(text))),)
    text = BASE.sub(r"_{\1}", TO.sub(r"\1:\2", text) if TO.fullmatch(text) else text)
    found: list[Value] = [Text(words_of("".join(re.findall("[A-H]", text))))] if LETTERS.fullmatch(text) else []
    for form in dict.fromkeys([joined_thousands(text), text]):
        for value, unit in _with_units(LEAD.sub("", form) or form, gold):
            try:
                read = read_value(tokens_of(value))
            except (Unreadable, ValueError, TypeError, RecursionError, AttributeError, NotImplementedError):
                continue
            found.append(replace(read, half=half) if half and isinstance(read, Ratio) else _in_unit(read, unit))
    return (*found, *_as_sentence(text), Text(words_of(f"{text} {half}".strip())))


def _with_units(text: str, gold: bool) -> list[tuple[str, str]]:
    """Return the text without its unit, if it has one, and as it is."""
    without = units.without_unit(text, gold)
    if without and without[1] == "deg":
        return [without]  # with its sign it would be read as a number without a unit
    return [without, (text, "")] if without else [(text, "")]


def _in_unit(value: Value, unit: str) -> Value:
    if isinstance(value, Number):
        return replace(value, unit=unit)
    return (
        replace(value, value=_in_unit(value.value, unit), equation=None) if isinstance(value, Named) and unit else value
    )


def words_of(text: str) -> str:
    """Return a text as words in one way of writing: capitals and plurals do not matter where there are words."""
    inner = re.sub(r"\\text\{([^{}]*)\}", r" \1 ", text)
    inner = re.sub(r"^\s*there (?:is|are|exists?)\b", " ", inner, flags=re.IGNORECASE)
    if re.search(rf"[A-Za-z]{{3,}}|[{CJK}]|^\W*[Nn][Oo]\W*$", re.sub(r"\\[A-Za-z]+", "", inner)) and not re.search(
        r"[=^_\\]", inner
    ):
        words = re.findall(rf"[a-z]+|\d+(?:\.\d+)?|[{CJK}]|[^\s\w.,;:!?'\"()-]|-(?=\d)", inner.lower())
        words = [word.removesuffix("s") if len(word) > 3 else word for word in words if word not in ("a", "an", "the")]
        return r"\emptyset" if " ".join(words) in NO_SOLUTION else " ".join(words)
    return text_of(tokens_of(inner))


def _as_sentence(text: str) -> list[Value]:
    """Return a Chinese sentence with formulas as its words and values."""
    chunks = [chunk.strip(" ,;.:") for chunk in re.split(rf"([{CJK}]+)", re.sub(r"\\text\{([^{}]*)\}", r"\1", text))]
    chunks = [chunk for chunk in chunks if chunk]
    if len(chunks) < 2 or not any(re.search(f"[{CJK}]", chunk) for chunk in chunks):
        return []
    return [Mixed(tuple(Text(c) if re.search(f"[{CJK}]", c) else readings(c)[0] for c in chunks))]


def is_separator(token: Token) -> bool:
    """Return whether a token stands between values of a list."""
    if token.kind == "text" and token.text.lower().strip(" ,") in CONDITIONS:
        return True
    return token.text in (",", ";") if token.kind == "other" else _joins(token)


def _joins(token: Token) -> bool:
    return token.kind == "text" and token.text.lower().strip(" ,") in ("and", "or")


def read_value(tokens: Tokens) -> Value:
    """Return the value that tokens say. Raises Unreadable."""
    tokens = _unwrapped(tokens)
    if not tokens:
        raise Unreadable("nothing")
    if len(tokens) == 1 and tokens[0].text.lower() in NUMBER_WORDS:
        return Number(sp.Integer(NUMBER_WORDS.index(tokens[0].text.lower())))
    if len(tokens) == 1 and tokens[0].kind == "text":
        return Text(words_of(tokens[0].text))
    cases = split(tokens, lambda token: token.kind == "text" and token.text.lower().strip(" ,") == "or")
    if len(cases) > 1 and (several := _cases([read_value(case) for case in cases])):
        return several
    parts = split(tokens, is_separator)
    if len(parts) > 1:
        joints = {token.text.lower().strip(" ,") for token in tokens if _joins(token)}
        found = _list(parts, "and" in joints)
        return replace(found, braces=True, either=True) if joints == {"or"} and isinstance(found, Several) else found
    if len(parts) == 1 and len(parts[0]) < len(tokens):
        return read_value(parts[0])
    return _single(tokens)


def _cases(values: list[Value]) -> Several | None:
    """Return statements of which one holds, where one alone says more than a value of the same name: None else."""
    names = {value.name for value in values if isinstance(value, Named)}
    listed = [value for value in values if isinstance(value, Several) and not value.braces]
    together = any(sum(isinstance(item, Named | Equation) for item in value.items) > 1 for value in listed)
    return Several(tuple(values), braces=True, either=True) if together or len(names) > 1 else None


def _unwrapped(tokens: Tokens) -> Tokens:
    """Return tokens without braces around them all."""
    while len(tokens) > 1 and tokens[0].text == "{" and _closing(tokens, 0) == len(tokens) - 1:
        tokens = tokens[1:-1]
    return tokens


def _closing(tokens: Tokens, at: int) -> int:
    """Return where the bracket that opens at `at` closes, whatever bracket closes it."""
    level = depths(tokens)
    return next(i for i in range(at + 1, len(tokens)) if level[i] == level[at])


def _list(parts: list[Tokens], both: bool) -> Value:
    if any(part[0].text == r"\ldots" for part in parts):
        return Row(
            tuple(Text("...") if part[0].text == r"\ldots" and len(part) == 1 else read_value(part) for part in parts)
        )
    values: list[Value] = []
    for part in parts:
        value = read_value(part)
        values += _items(value) if _is_list(value) else (value,)
    first = values[0]
    named = [value for value in values if isinstance(value, Named)]
    if isinstance(first, Named) and (len(named) == 1 or len({value.name for value in named}) == 1):
        inner = [value.value if isinstance(value, Named) else value for value in values]
        inner = [item for value in inner for item in (_items(value) if _is_list(value) else (value,))]
        # x = 1, 2 and x = 1 or x = 2; but y = 2x, x > 0 is two statements
        if len(named) == len(values) or all(isinstance(value, Number | Row) for value in inner):
            value = joined(inner, both)
            if len(named) > 1 and isinstance(value, Several):
                value = replace(value, braces=True)  # x = 1, x = 3: no tuple
            return Named(first.name, value)
    return Several(tuple(values))


def _single(tokens: Tokens) -> Value:
    """Return one value: a relation, or what has none."""
    level = depths(tokens)
    at = [i for i, token in enumerate(tokens) if level[i] == 0 and token.text in RELATIONS and token.kind != "text"]
    if tokens[-1].text == ")" and (opening := _opening(tokens)) > 0:
        inside = tokens[opening + 1 : -1]
        if any(token.text in RELATIONS for token in inside):
            return Several((read_value(tokens[:opening]), read_value(inside)))  # a condition in brackets
    if any(token.text == r"\pmod" for token in tokens):
        return _residue(tokens)
    if not at:
        return _plain_value(tokens)
    sides = [tokens[i + 1 : j] for i, j in pairwise([-1, *at, len(tokens)])]
    signs = [tokens[i].text for i in at]
    if not all(sides):
        if signs in (["="], [r"\approx"]) and not sides[0]:
            return read_value(sides[1])
        raise Unreadable("a relation without a side")
    if signs == [r"\approx"] and not name_of(sides[0]):
        return read_value(sides[0])  # sqrt(2), about 1.414
    if set(signs) <= {"=", r"\approx"}:
        return _equation(sides)
    if signs == [r"\in"]:
        within = sides[1]
        if len(within) == 1 and within[0].text in NUMBER_SETS:
            within = tokens_of(rf"\mathbb{{{within[0].text}}}")
        return Named(name_of(sides[0]) or text_of(sides[0]), _as_interval(read_value(within), sides[0]))
    return inequality(sides, signs)


def _as_interval(value: Value, name: Tokens) -> Value:
    """Return the (1, 3) that one name lies in as an interval."""
    if isinstance(value, Row) and len(value.items) == 2 and len(name) == 1:
        low, high = value.items
        if isinstance(low, Number) and isinstance(high, Number):
            return Pieces((Piece(low.expression, False, high.expression, False),))
    return value


def _opening(tokens: Tokens) -> int:
    """Return where the bracket opens that the last token closes."""
    return next(i for i in range(len(tokens) - 1) if depths(tokens)[i] == 0 and _closes_last(tokens, i))


def _closes_last(tokens: Tokens, at: int) -> bool:
    return tokens[at].text in BRACKETS and _closing(tokens, at) == len(tokens) - 1


def _residue(tokens: Tokens) -> Value:
    at = next(i for i, token in enumerate(tokens) if token.text == r"\pmod")
    signs = [i for i in range(at) if tokens[i].text in (r"\equiv", "=")]
    before = tokens[signs[-1] + 1 : at] if signs else tokens[:at]
    value = Residue(read_expression(before), read_expression(tokens[at + 1 :]))
    return Named(text_of(tokens[: signs[0]]), value) if signs else value


def _is_statement(side: Tokens, name: Tokens) -> bool:
    """Return whether a side within a chain ends one statement and begins another: x = 3 oder x = 5."""
    words = any(token.kind == "letters" and len(token.text) > 3 for token in side)
    return words or (len(side) > len(name) and side[-len(name) :] == name)


def _equation(sides: list[Tokens]) -> Value:
    first, last = sides[0], sides[-1]
    if all(token.kind == "text" for token in first):
        return read_value(last)
    if len(sides) == 2 and all(any(token.text == ":" for token in side) for side in sides):
        return Named(text_of(first), read_value(last))  # a : b = 2 : 3
    if len(sides) == 2 and not name_of(first) and name_of(last):
        first, last = last, first
    try:
        equation = Equation(read_expression(first), read_expression(last))
    except Unreadable:
        equation = None
    if any(_is_statement(side, first) for side in sides[1:-1]):
        raise Unreadable("statements that no word known joins")
    name = name_of(first)
    if not name:
        if equation is None or len(sides) > 2:
            raise Unreadable("an equation of more than expressions")
        return equation
    value = read_value(last)
    if NAMES.fullmatch(name) and isinstance(value, Row):
        names = name.removeprefix("( ").removesuffix(" )").split(" , ")
        if len(names) == len(value.items):
            return Several(tuple(Named(*pair) for pair in zip(names, value.items, strict=True)))
    if isinstance(value, Several) and not value.braces and any(isinstance(item, Named) for item in value.items):
        raise Unreadable("names within names")
    return Named(name, value, equation)


def _plain_value(tokens: Tokens) -> Value:
    """Return a value without a relation around it."""
    texts = [token.text for token in tokens]
    if texts == [r"\emptyset"] or texts == [r"\{", r"\}"]:
        return Text(r"\emptyset")
    if texts[0] == r"\mathbb" and "R" not in texts and not {r"\cup", r"\setminus", r"\cap"} & set(texts):
        return Text(text_of(tokens))  # k in Z, a condition
    if (operators := {r"\cup", r"\setminus"} & set(texts)) or r"\mathbb" in texts:
        return _on_the_line(tokens, r"\setminus" if r"\setminus" in operators else r"\cup")
    if r"\begin" in texts:
        return _matrix(tokens)
    if transposed := _transposed(tokens):
        return transposed
    if texts[0] in BRACKETS and _closing(tokens, 0) == len(tokens) - 1 and texts[0] != "{":
        return _bracketed(tokens)
    if texts[0].isupper() and len(tokens) > 3 and texts[1] == "(" and _closing(tokens, 1) == len(tokens) - 1:
        parts = split(tokens[2:-1], lambda token: token.text == ",")
        if len(parts) > 1:
            return Named(texts[0], Row(tuple(read_value(part) for part in parts)))  # P(3, -5)
    if texts.count(r"\pm") == 2 and r"\mp" not in texts:
        at = texts.index(r"\pm")  # each for itself
        both = [[*tokens[:at], Token("other", sign), *tokens[at + 1 :]] for sign in "+-"]
        return Several(tuple(item for one in both for item in _items(read_value(one))))
    if r"\pm" in texts or r"\mp" in texts:
        return Several(tuple(read_value(_signed(tokens, plus)) for plus in (True, False)))
    if ":" in texts:
        return Ratio(tuple(text_of(part) for part in split(tokens, lambda token: token.text == ":")))
    if tokens[0].kind == "number" and len(texts) > 2 and texts[1] == "_":
        base = "".join(texts[2:]).strip("{}").lower()
        return InBase(texts[0], str(NUMBER_WORDS.index(base)) if base in NUMBER_WORDS else base)
    return _number(tokens)


def _is_list(value: Value) -> bool:
    return isinstance(value, Several) and not value.braces


def _items(value: Value) -> tuple[Value, ...]:
    return value.items if isinstance(value, Several) else (value,)


def _transposed(tokens: Tokens) -> Row | None:
    """Return (1, 2)^T as (1, 2): whether a vector stands or lies, its question knows."""
    at = next((i for i, token in enumerate(tokens) if token.text == "^"), 0)
    power = [token.text for token in tokens[at + 1 :] if token.text not in ("{", "}")]
    if power in (["T"], [r"\top"]) and at and tokens[0].text in ("(", "[") and _closing(tokens, 0) == at - 1:
        value = _bracketed([Token("other", "("), *tokens[1 : at - 1], Token("other", ")")])
        return value if isinstance(value, Row) else None
    return None


def _signed(tokens: Tokens, plus: bool) -> Tokens:
    signs = {r"\pm": "+" if plus else "-", r"\mp": "-" if plus else "+"}
    return [Token("other", signs[token.text]) if token.text in signs else token for token in tokens]


def _bracketed(tokens: Tokens) -> Value:
    opening, closing, inside = tokens[0].text, tokens[-1].text, tokens[1:-1]
    if any(_joins(token) for token in inside):
        raise Unreadable("words within brackets")
    parts = split(inside, is_separator)
    if opening == r"\{":
        if closing != r"\}":
            raise Unreadable("brackets that do not match")
        if any(token.text in ("|", ":") for token in inside):
            return _by_property(inside)
        found = _list(parts, False) if len(parts) > 1 else read_value(inside)
        items = found.items if isinstance(found, Several) and not found.braces else (found,)
        return Several(items, braces=True)
    if len(parts) == 1:
        if closing != BRACKETS[opening]:
            raise Unreadable("brackets that do not match")
        return read_value(inside)
    values = tuple(read_value(part) for part in parts)
    if any(isinstance(value, Named | Equation) for value in values):
        return _list(parts, False)
    if len(values) == 2 and (opening == "[" or closing == "]"):
        ends = [value.expression if isinstance(value, Number) else None for value in values]
        if ends[0] is None or ends[1] is None:
            raise Unreadable("an interval of no numbers")
        return Pieces((Piece(ends[0], opening == "[", ends[1], closing == "]"),))
    return Row(values)


def _by_property(inside: Tokens) -> Value:
    """Return { x | x > 2 } as an interval of x."""
    at = next(i for i, token in enumerate(inside) if token.text in ("|", ":"))
    value, name = read_value(inside[at + 1 :]), name_of(inside[:at])
    if not isinstance(value, Named) or not isinstance(value.value, Pieces) or value.name != name:
        raise Unreadable("a set by its property")
    return value


def _on_the_line(tokens: Tokens, operator: str) -> Value:
    """Return a union, or a difference, of intervals and points."""
    parts = [_pieces(part) for part in split(tokens, lambda token: token.text == operator)]
    if operator == r"\cup" or len(parts) == 1:
        return union([piece for part in parts for piece in part])
    ((whole,), points) = parts  # raises ValueError for anything else
    if whole.low != -sp.oo or whole.high != sp.oo or any(piece.low != piece.high for piece in points):
        raise Unreadable("a difference of sets")
    cuts = sorted((piece.low for piece in points), key=place)
    return Pieces(tuple(Piece(low, False, high, False) for low, high in pairwise([-sp.oo, *cuts, sp.oo])))


def _pieces(tokens: Tokens) -> list[Piece]:
    if text_of(tokens).replace(" ", "") in (r"\mathbbR", r"\mathbb{R}"):
        return [Piece(-sp.oo, False, sp.oo, False)]
    value = read_value(tokens)
    if isinstance(value, Pieces):
        return list(value.items)
    if not isinstance(value, Row | Several):
        raise Unreadable("no set of numbers")
    numbers = [item.expression for item in value.items if isinstance(item, Number)]
    if len(numbers) < len(value.items):
        raise Unreadable("no set of numbers")
    if isinstance(value, Several):
        return [Piece(each, True, each, True) for each in numbers]
    low, high = numbers
    return [Piece(low, False, high, False)]


def _matrix(tokens: Tokens) -> Value:
    """Return a matrix, a row or column as a tuple; a factor before it is multiplied in."""
    at = next(i for i, token in enumerate(tokens) if token.text == r"\begin")
    end = next(i for i in range(len(tokens) - 1, -1, -1) if tokens[i].text == r"\end")
    before, after = tokens[:at], tokens[end + 4 :]
    if before and before[-1].text in ("(", "[") and after and after[0].text in (")", "]"):
        before, after = before[:-1], after[1:]
    kind = tokens[at + 2].text
    if after or not kind.endswith(("matrix", "array")) or kind in ("vmatrix", "Vmatrix"):
        raise Unreadable("no matrix")
    inner = tokens[at + 4 : end]
    if kind == "array" and inner and inner[0].text == "{":
        inner = inner[_closing(inner, 0) + 1 :]
    factor = read_expression(before) if before else sp.Integer(1)
    rows = tuple(
        tuple(_scaled(read_value(cell), factor) for cell in split(row, lambda token: token.text == "&"))
        for row in split(inner, lambda token: token.text == r"\\")
    )
    if len(rows) == 1 or all(len(row) == 1 for row in rows):
        return Row(tuple(value for row in rows for value in row))
    return Matrix(rows)


def _scaled(value: Value, factor: sp.Expr) -> Value:
    if factor == 1:
        return value
    if not isinstance(value, Number):
        raise Unreadable("a factor of no number")
    return Number(value.expression * factor)


def _number(tokens: Tokens) -> Number:
    expression = read_expression(tokens)
    texts = [token.text for token in tokens]
    percent = texts[-1] == "%"
    bare = texts[1:] if texts[0] in "+-" else texts
    bare = bare[:-1] if percent else bare
    step, digits = None, 0
    if bare and re.fullmatch(r"\d*\.?\d*(?:[eE][+-]?\d+)?", bare[0]) and bare[0] != ".":
        mantissa, _, exponent = bare[0].lower().partition("e")
        shift = int(exponent or 0)
        scientific = len(bare) > 4 and bare[1] in (r"\times", r"\cdot") and bare[2:4] == ["10", "^"]
        if scientific:
            shift += (
                int("".join(bare[4:]).strip("{}") or 0) if re.fullmatch(r"\{?[-+]?\d+\}?", "".join(bare[4:])) else 0
            )
        if (len(bare) == 1 or scientific) and ("." in mantissa or shift):
            digits = len(mantissa.replace(".", "").lstrip("0"))
            step = sp.Rational(10) ** (shift - len(mantissa.partition(".")[2]) - 2 * percent)
    return Number(expression, percent, "", step, digits)
