"""Plain notation as values. What is not understood raises Unreadable, and is then compared as text."""

import re
from dataclasses import replace
from itertools import pairwise

import sympy as sp

from scripts.common.judging.expression import read_expression
from scripts.common.judging.functions import Unreadable
from scripts.common.judging.inequalities import inequality
from scripts.common.judging.names import NAMES, name_of, total_of
from scripts.common.judging.number_words import number_in_words
from scripts.common.judging.pieces import joined
from scripts.common.judging.sets import by_property, on_the_line
from scripts.common.judging.tables import matrix, vector
from scripts.common.judging.tokens import Token, Tokens, closing, depths, split, text_of, tokens_of
from scripts.common.judging.values import (
    Equation,
    InBase,
    Matrix,
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
from scripts.common.judging.words import words_of

CONDITIONS = {"for", "for all", "for any", "where", "with"}
"""Words before a condition: x = k pi for k in Z."""
NUMBER_SETS = set("CNQRZ")
RELATIONS = {"=", "<", ">", r"\le", r"\ge", r"\ne", r"\in", r"\equiv", r"\approx"}
BRACKETS = {"(": ")", "[": "]", "{": "}", r"\{": r"\}", r"\langle": r"\rangle"}


def is_separator(token: Token) -> bool:
    """Return whether a token stands between values of a list."""
    if token.kind == "text" and token.text.lower().strip(" ,") in CONDITIONS:
        return True
    return token.text in (",", ";") if token.kind == "other" else token.text == r"\\" or _joins(token)


def _joins(token: Token) -> bool:
    return token.kind == "text" and token.text.lower().strip(" ,") in ("and", "or")


def read_value(tokens: Tokens) -> Value:
    """Return the value that tokens say. Raises Unreadable."""
    tokens = _unwrapped(tokens)
    if not tokens:
        raise Unreadable("nothing")
    if len(tokens) == 1 and not tokens[0].text.isdigit() and (number := number_in_words(tokens[0].text)) is not None:
        return Number(number)
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
    while len(tokens) > 1 and tokens[0].text == "{" and closing(tokens, 0) == len(tokens) - 1:
        tokens = tokens[1:-1]
    return tokens


def _list(parts: list[Tokens], both: bool) -> Value:
    if any(part[0].text == r"\ldots" for part in parts):
        return Row(
            tuple(Text("...") if part[0].text == r"\ldots" and len(part) == 1 else read_value(part) for part in parts)
        )
    if points := _points_of(parts):
        return points
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


def _points_of(parts: list[Tokens]) -> Named | None:
    """Return (x, y) = (1, 2), (2, 1) as points that one name calls; None for what is none."""
    name, *value = split(parts[0], lambda token: token.text == "=")
    if len(value) != 1 or not NAMES.fullmatch(text_of(name)) or any(part[0].text != "(" for part in parts[1:]):
        return None
    points = [read_value(part) for part in (*value, *parts[1:])]
    return Named(text_of(name), Several(tuple(points))) if all(isinstance(point, Row) for point in points) else None


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
    return tokens[at].text in BRACKETS and closing(tokens, at) == len(tokens) - 1


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
        return Named(words_of(" ".join(token.text for token in first)), read_value(last))
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
    if not name and equation and len(sides) == 2 and not equation.right.free_symbols:
        name = total_of(first)
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
    if r"\begin" in texts:
        return matrix(tokens, read_value)
    if transposed := _transposed(tokens):
        return transposed
    if texts[0] in BRACKETS and closing(tokens, 0) == len(tokens) - 1 and texts[0] != "{":
        return _bracketed(tokens)
    if (operators := {r"\cup", r"\setminus"} & set(texts)) or r"\mathbb" in texts:
        return on_the_line(tokens, r"\setminus" if r"\setminus" in operators else r"\cup", read_value)
    if texts[0].isupper() and len(tokens) > 3 and texts[1] == "(" and closing(tokens, 1) == len(tokens) - 1:
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
        return InBase(texts[0], str(number_in_words(base) or base))
    return vector(tokens) or _number(tokens)


def _is_list(value: Value) -> bool:
    return isinstance(value, Several) and not value.braces


def _items(value: Value) -> tuple[Value, ...]:
    return value.items if isinstance(value, Several) else (value,)


def _transposed(tokens: Tokens) -> Row | None:
    """Return (1, 2)^T as (1, 2): whether a vector stands or lies, its question knows."""
    at = next((i for i, token in enumerate(tokens) if token.text == "^"), 0)
    power = [token.text for token in tokens[at + 1 :] if token.text not in ("{", "}")]
    if power in (["T"], [r"\top"]) and at and tokens[0].text in ("(", "[") and closing(tokens, 0) == at - 1:
        value = _bracketed([Token("other", "("), *tokens[1 : at - 1], Token("other", ")")])
        return value if isinstance(value, Row) else None
    return None


def _signed(tokens: Tokens, plus: bool) -> Tokens:
    signs = {r"\pm": "+" if plus else "-", r"\mp": "-" if plus else "+"}
    return [Token("other", signs[token.text]) if token.text in signs else token for token in tokens]


def _bracketed(tokens: Tokens) -> Value:
    opening, shut, inside = tokens[0].text, tokens[-1].text, tokens[1:-1]
    if opening == r"\{" and shut == r"\}" and any(token.text in ("|", ":") for token in inside):
        return by_property(inside, read_value)
    if any(_joins(token) for token in inside):
        raise Unreadable("words within brackets")
    parts = split(inside, is_separator)
    if opening == r"\{":
        if shut != r"\}":
            raise Unreadable("brackets that do not match")
        found = _list(parts, False) if len(parts) > 1 else read_value(inside)
        items = found.items if isinstance(found, Several) and not found.braces else (found,)
        return Several(items, braces=True)
    if (
        opening == "["
        and shut == "]"
        and all(part[0].text == "[" and closing(part, 0) == len(part) - 1 for part in parts)
    ):
        return _matrix_of(parts)
    if len(parts) == 1:
        if shut != BRACKETS[opening]:
            raise Unreadable("brackets that do not match")
        return read_value(inside)
    values = tuple(read_value(part) for part in parts)
    if any(isinstance(value, Named | Equation) for value in values):
        return _list(parts, False)
    if len(values) == 2 and (opening == "[" or shut == "]"):
        ends = [value.expression if isinstance(value, Number) else None for value in values]
        if ends[0] is None or ends[1] is None:
            raise Unreadable("an interval of no numbers")
        return Pieces((Piece(ends[0], opening == "[", ends[1], shut == "]"),))
    return Row(values, vector=opening in ("[", r"\langle"))


def _matrix_of(parts: list[Tokens]) -> Value:
    """Return [[1, 2], [3, 4]] as a matrix, [[1], [2]] as a column."""
    rows = tuple(tuple(read_value(cell) for cell in split(part[1:-1], is_separator)) for part in parts)
    column = all(len(row) == 1 for row in rows)
    return Row(tuple(row[0] for row in rows), vector=True) if column else Matrix(rows)


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
    word = "".join(texts) if len(texts) == 3 and all(text.isalpha() and len(text) == 1 for text in texts) else ""
    return Number(expression, percent, "", step, digits, word)
