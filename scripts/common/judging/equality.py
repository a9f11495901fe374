"""When two expressions are equal: exactly, or, where a symbol is free, at many points."""

import random
import re
from itertools import permutations

import sympy as sp

PRECISION = 60
"""Decimal digits of a comparison."""
EQUAL = sp.Float("1e-35", 30)
"""Relative difference below which values that were computed to PRECISION digits are equal."""
POINTS = 4
INTEGER_POINTS = 40
FEWEST_DIGITS = 6
"""Significant digits that a rounded decimal must have to stand for an exact value."""
DISCRETE = (sp.floor, sp.ceiling, sp.factorial, sp.binomial, sp.Mod)

VARIABLES = {"x", "y", "z", "t", "u", r"\theta"}
_CONSTANT = re.compile(r"[Cc](?:_\d)?")
STEPS = (sp.floor, sp.ceiling)
COUNTS = set("abcdhijklmnpqrsABCDHIJKLMNPQRS")
"""Names of whole numbers where a floor is taken of them: of n/2, but not of x."""


def value_of(expression: sp.Expr) -> sp.Expr:
    """Return a number to PRECISION digits; exact rationals stay."""
    return expression if expression.is_Rational else sp.N(expression, PRECISION)


def same_value(left: sp.Expr, right: sp.Expr) -> bool:
    """Return whether two numbers are equal."""
    if left == right:
        return True
    if left.is_Rational and right.is_Rational:
        return False
    if left.is_infinite or right.is_infinite:
        return bool(left == right)
    if sp.count_ops(left - right) < 60 and (left - right).is_zero:
        return True
    a, b = value_of(left), value_of(right)
    if not (a.is_number and b.is_number) or a.has(sp.nan, sp.zoo, sp.oo) or b.has(sp.nan, sp.zoo, sp.oo):
        return False
    larger = max(abs(sp.N(a, 20)), abs(sp.N(b, 20)))
    if min(abs(sp.N(a, 20)), abs(sp.N(b, 20))) == 0:
        return bool(larger < EQUAL)
    return bool(abs(sp.N(left - right, PRECISION)) <= EQUAL * larger)


def _points(
    symbols: list[sp.Symbol], whole: bool, count: int, negative: bool = False
) -> list[dict[sp.Symbol, sp.Expr]]:
    """Return points that are the same for the same names: positive ones, or of either sign."""
    draw = random.Random("|".join(symbol.name for symbol in symbols))
    if whole and len(symbols) == 1:
        return [{symbols[0]: sp.Integer(number)} for number in range(2, count + 2)]
    if whole:
        return [{symbol: sp.Integer(draw.randint(2, 14)) for symbol in symbols} for _ in range(count)]
    signs = (-1, 1) if negative else (1,)
    return [
        {symbol: sp.Rational(draw.choice(signs) * draw.randint(1013, 6997), 2503) for symbol in symbols}
        for _ in range(count)
    ]


def _symbols(*expressions: sp.Expr) -> list[sp.Symbol]:
    return sorted(set().union(*(expression.free_symbols for expression in expressions)), key=lambda each: each.name)


def _is_discrete(*expressions: sp.Expr) -> bool:
    """Return whether expressions speak of whole numbers: floors, factorials, (-1)^n."""
    return any(
        expression.has(*DISCRETE)
        or any(
            power.base.is_number and power.base.is_negative and power.exp.free_symbols
            for power in expression.atoms(sp.Pow)
        )
        for expression in expressions
    )


def same_expression(left: sp.Expr, right: sp.Expr) -> bool:
    """Return whether two expressions are equal, whatever their symbols are."""
    if left == right:
        return True
    symbols = _symbols(left, right)
    if not symbols:
        return same_value(left, right)
    if left.free_symbols != right.free_symbols and not _cancels(left, right):
        return False
    names = {symbol.name for symbol in symbols}
    whole = _is_discrete(left, right)
    points = _points(symbols, whole, INTEGER_POINTS if whole else POINTS)
    if any(each.has(sp.Abs) or (each.has(*STEPS) and not names <= COUNTS) for each in (left, right)):
        points += _points(symbols, False, 3 * POINTS, negative=True)
    return all(same_value(left.subs(point), right.subs(point)) for point in points)


def _cancels(left: sp.Expr, right: sp.Expr) -> bool:
    """Return whether symbols that only one of two expressions has may cancel in it."""
    return any(sp.count_ops(each) > 1 for each in (left, right) if each.free_symbols)


def same_but_constants(left: sp.Expr, right: sp.Expr) -> bool:
    """Return whether two expressions of one variable are equal once their constants of integration, C or c_1, c_2, are
    paired: each stands for any number, so their names and order say nothing."""
    constants = [[each for each in _symbols(side) if _CONSTANT.fullmatch(each.name)] for side in (left, right)]
    variables = [side.free_symbols - set(own) for side, own in zip((left, right), constants, strict=True)]
    if not 0 < len(constants[0]) == len(constants[1]) < 4 or variables[0] != variables[1]:
        return False
    if len(variables[0]) != 1 or next(iter(variables[0])).name not in VARIABLES:
        return False
    if constants[0] != constants[1] and any(sp.diff(left, own) != 1 and "_" not in own.name for own in constants[0]):
        return False  # ct is no Ct
    if any(sp.diff(side, own).has(own) for side, each in zip((left, right), constants, strict=True) for own in each):
        return False
    stand_ins = sp.symbols(f"K:{len(constants[0])}")
    one = left.subs(dict(zip(constants[0], stand_ins, strict=True)))
    return any(
        same_expression(one, right.subs(dict(zip(order, stand_ins, strict=True))))
        for order in permutations(constants[1])
    )


def proportional(left: sp.Expr, right: sp.Expr, positive: bool = False) -> bool:
    """Return whether one expression is the other times a number that is not 0."""
    symbols = _symbols(left, right)
    if left.free_symbols != right.free_symbols or not symbols:
        return False
    ratios = []
    for point in _points(symbols, _is_discrete(left, right), POINTS):
        above, below = value_of(left.subs(point)), value_of(right.subs(point))
        if below == 0 or above == 0:
            return False
        ratios.append(above / below)
    if positive and not all(ratio.is_positive for ratio in ratios):
        return False
    return all(abs(sp.N(ratio - ratios[0], PRECISION)) <= EQUAL * abs(ratios[0]) for ratio in ratios[1:])


def is_rounded(decimal: sp.Expr, step: sp.Rational, digits: int, exact: sp.Expr) -> bool:
    """Return whether a decimal of enough digits is an exact value, rounded (or cut) in its last place."""
    if digits < FEWEST_DIGITS or exact.is_Integer or exact.free_symbols or not exact.is_real:
        return False
    return bool(abs(sp.N(decimal - exact, PRECISION)) < step)
