"""What an answer says: a number, several, a tuple, an interval, a relation, ... or just words."""

from __future__ import annotations

from dataclasses import dataclass, field

import sympy as sp


@dataclass(frozen=True)
class Number:
    """A number or an expression."""

    expression: sp.Expr
    percent: bool = False
    unit: str = ""
    step: sp.Rational | None = None
    """One unit in the last place of a bare decimal (1.25: 1/100), else None."""
    digits: int = 0
    """Significant digits of a bare decimal."""
    word: str = ""
    """Three bare letters, which may be a word: rat is no tar, HHT no THH."""


@dataclass(frozen=True)
class Text:
    """Words, or notation that is not understood, in one way of writing."""

    words: str


@dataclass(frozen=True)
class Several:
    """Values whose order does not matter."""

    items: tuple[Value, ...]
    braces: bool = False
    either: bool = False
    """Whether they were joined by "or"."""


@dataclass(frozen=True)
class Row:
    """Values in their order: a tuple, a point, a vector, a sequence."""

    items: tuple[Value, ...]
    vector: bool = field(default=False, compare=False)
    """Whether it is written as one: a column, [1, 2], 2i + 3j."""


@dataclass(frozen=True)
class Matrix:
    """Values in rows."""

    rows: tuple[tuple[Value, ...], ...]


@dataclass(frozen=True)
class Cases:
    """A function by its cases: values with the condition of each, None: else."""

    items: tuple[tuple[Value, Value | None], ...]


@dataclass(frozen=True)
class Piece:
    """An interval."""

    low: sp.Expr
    low_closed: bool
    high: sp.Expr
    high_closed: bool


@dataclass(frozen=True)
class Pieces:
    """A union of intervals and points of the real line, from left to right."""

    items: tuple[Piece, ...]


@dataclass(frozen=True)
class Equation:
    """Two expressions that are equal."""

    left: sp.Expr
    right: sp.Expr


@dataclass(frozen=True)
class Inequality:
    """Two expressions in a relation: <, <= or !=, the larger on the right."""

    left: sp.Expr
    relation: str
    right: sp.Expr


@dataclass(frozen=True)
class Named:
    """A value with what it is called: x = 3, f(x) = 2x, t in [0, 1]."""

    name: str
    value: Value
    equation: Equation | None = field(default=None, compare=False)
    """The same, where both sides are expressions."""


@dataclass(frozen=True)
class InBase:
    """Digits in another base: 52_8."""

    digits: str
    base: str


@dataclass(frozen=True)
class Ratio:
    """a : b, or a time of day; the parts as they are written."""

    parts: tuple[str, ...]
    half: str = ""
    """Of the day, where it is said: AM, PM."""


@dataclass(frozen=True)
class Residue:
    """A number modulo another."""

    value: sp.Expr
    modulus: sp.Expr


@dataclass(frozen=True)
class Mixed:
    """A sentence: words and values in their order."""

    parts: tuple[Value, ...]


Value = (
    Number
    | Text
    | Several
    | Row
    | Matrix
    | Cases
    | Pieces
    | Equation
    | Inequality
    | Named
    | InBase
    | Ratio
    | Residue
    | Mixed
)
