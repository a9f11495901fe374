"""The numbers, powers and functions that an expression is made of, none so large that it would fill the memory."""

from collections.abc import Callable, Sequence

import sympy as sp

MOST_DIGITS = 4000
"""Of a number that is computed with."""
FUNCTIONS: dict[str, Callable[..., sp.Expr]] = {
    "sin": sp.sin, "cos": sp.cos, "tan": sp.tan, "cot": sp.cot, "sec": sp.sec, "csc": sp.csc, "arcsin": sp.asin,
    "arccos": sp.acos, "arctan": sp.atan, "arccot": sp.acot, "sinh": sp.sinh, "cosh": sp.cosh, "tanh": sp.tanh,
    "ln": sp.log, "log": sp.log, "exp": sp.exp, "lg": lambda x: sp.log(x) / sp.log(10),
    "asin": sp.asin, "acos": sp.acos, "atan": sp.atan, "cis": lambda x: sp.exp(sp.I * x),
    "max": sp.Max, "min": sp.Min, "gcd": lambda *each: _of_whole("gcd", sp.igcd, each),
    "lcm": lambda *each: _of_whole("lcm", sp.ilcm, each),
}  # fmt: skip
INVERSE = {"sin": sp.asin, "cos": sp.acos, "tan": sp.atan, "cot": sp.acot}
IN_DEGREES = {"sin", "cos", "tan", "cot", "sec", "csc", "cis"}


def _of_whole(name: str, function: Callable[..., int], values: Sequence[sp.Expr]) -> sp.Expr:
    """Return a function of whole numbers; with names in it as it stands."""
    if len(values) > 1 and all(value.is_Integer for value in values):
        return sp.Integer(function(*map(int, values)))
    return sp.Function(name)(*values)


class Unreadable(ValueError):
    """Notation that is not understood in full."""


def number(text: str) -> sp.Rational:
    """Return a decimal or scientific number, exactly."""
    mantissa, _, exponent = text.lower().partition("e")
    whole, _, decimals = mantissa.partition(".")
    if len(whole) + len(decimals) > MOST_DIGITS or (exponent and abs(int(exponent)) > MOST_DIGITS):
        raise Unreadable("a number too long")
    return sp.Rational(int(whole + decimals or "0"), 10 ** len(decimals)) * sp.Integer(10) ** int(exponent or 0)


def power(base: sp.Expr, exponent: sp.Expr) -> sp.Expr:
    """Return a power, unless it is a number that would fill the memory."""
    if base.is_Rational and exponent.is_Rational and base not in (0, 1, -1):
        size = max(abs(base.p), base.q).bit_length() * abs(exponent)
        if size > 3.3 * MOST_DIGITS:
            raise Unreadable("a power too large")
    if base.is_number and not exponent.is_Rational and exponent.is_number and abs(sp.N(exponent, 5)) > MOST_DIGITS:
        raise Unreadable("a power too large")
    return finite(sp.Pow(base, exponent))


def finite(value: sp.Expr) -> sp.Expr:
    if value.has(sp.zoo, sp.nan):
        raise Unreadable("no number")
    return value


def log_to(base: sp.Expr) -> Callable[[sp.Expr], sp.Expr]:
    return lambda x: sp.log(x) / sp.log(base)
