r"""What stands in rows: matrices, piecewise functions and systems of equations, vectors of units i, j, k."""

import sympy as sp

from scripts.common.judging.expression import read_expression
from scripts.common.judging.functions import Unreadable
from scripts.common.judging.sets import Read
from scripts.common.judging.tokens import Token, Tokens, closing, split
from scripts.common.judging.values import Cases, Equation, Matrix, Named, Number, Row, Several, Value

_IF = {"if", "for", "when", "where", "若", "当", "如果"}
_ELSE = {"otherwise", "else", "elsewhere", "其他", "其它", "其余"}
_ACCENTS = (r"\hat", r"\vec", r"\overrightarrow", r"\mathbf")


def matrix(tokens: Tokens, read: Read) -> Value:
    """Return a matrix, a row or column as a tuple; a factor before it is multiplied in."""
    at = next(i for i, token in enumerate(tokens) if token.text == r"\begin")
    end = next(i for i in range(len(tokens) - 1, -1, -1) if tokens[i].text == r"\end")
    before, after = tokens[:at], tokens[end + 4 :]
    if before and before[-1].text in ("(", "[") and after and after[0].text in (")", "]"):
        before, after = before[:-1], after[1:]
    kind = tokens[at + 2].text
    turned = [token.text for token in after if token.text not in "{}"] in (["^", "T"], ["^", r"\top"])
    if (after and not turned) or not kind.endswith(("matrix", "array", "cases")) or kind in ("vmatrix", "Vmatrix"):
        raise Unreadable("no matrix")
    inner = tokens[at + 4 : end]
    if kind == "cases":
        return _cases(inner, read)
    if kind == "array" and inner and inner[0].text == "{":
        inner = inner[closing(inner, 0) + 1 :]
    factor = read_expression(before) if before else sp.Integer(1)
    rows = tuple(
        tuple(_scaled(read(cell), factor) for cell in split(row, lambda token: token.text == "&"))
        for row in split(inner, lambda token: token.text == r"\\")
    )
    if len(rows) == 1 or all(len(row) == 1 for row in rows):
        return Row(tuple(value for row in rows for value in row), vector=True)
    return Matrix(tuple(zip(*rows, strict=True)) if turned else rows)


def _scaled(value: Value, factor: sp.Expr) -> Value:
    if factor == 1:
        return value
    if not isinstance(value, Number):
        raise Unreadable("a factor of no number")
    return Number(value.expression * factor)


def _cases(inner: Tokens, read: Read) -> Value:
    """Return a function by its cases; rows that only state something are a system, a list of statements."""
    rows = [
        split(row, lambda token: token.text in ("&", ",")) for row in split(inner, lambda token: token.text == r"\\")
    ]
    if all(len(row) == 1 for row in rows):
        statements = tuple(read(row[0]) for row in rows)
        if not all(isinstance(each, Named | Equation) for each in statements):
            raise Unreadable("rows that are neither cases nor statements")
        return Several(statements)
    if not all(len(row) == 2 for row in rows):
        raise Unreadable("rows that are neither cases nor statements")
    return Cases(tuple((read(value), _condition(condition, read)) for value, condition in rows))


def _condition(tokens: Tokens, read: Read) -> Value | None:
    """Return when a case holds; None: else."""
    words = [token.text.lower().strip(" ,") for token in tokens]
    if len(words) == 1 and words[0] in _ELSE:
        return None
    return read(tokens[1:] if words[0] in _IF else tokens)


def vector(tokens: Tokens) -> Row | None:
    """Return 2i + 3j - k as (2, 3, -1), None for what is no vector; i alone is a number."""
    marked: list[Token] = []
    units: set[str] = set()
    accent = False
    for token in tokens:
        if token.text in _ACCENTS:
            accent = True
        elif token.kind == "letters" and token.text in "ijk":
            units.add(token.text)
            marked.append(Token("letters", f"unit{token.text}"))
        else:
            marked.append(token)
    if not ({"i", "j"} <= units or (accent and units)):
        return None
    names = [sp.Symbol(f"unit{name}") for name in ("ijk" if "k" in units else "ij")]
    expression = sp.expand(read_expression(marked))
    parts = [expression.coeff(name) for name in names]
    rest = expression - sum(part * name for part, name in zip(parts, names, strict=True))
    if sp.expand(rest) != 0 or any(set(names) & part.free_symbols for part in parts):
        return None
    return Row(tuple(Number(part) for part in parts), vector=True)
