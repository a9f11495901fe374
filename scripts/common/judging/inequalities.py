"""Inequalities as intervals of what they are about."""

import sympy as sp

from scripts.common.judging.expression import read_expression
from scripts.common.judging.functions import Unreadable
from scripts.common.judging.names import name_of
from scripts.common.judging.tokens import Tokens
from scripts.common.judging.values import Inequality, Named, Piece, Pieces

FLIPPED = {">": "<", r"\ge": "<=", "<": "<", r"\le": "<=", r"\ne": "!="}


def inequality(sides: list[Tokens], signs: list[str]) -> Named | Inequality:
    """Return x > 3 and 1 < x < 2 as intervals of x, other inequalities as they are."""
    if not set(signs) <= set(FLIPPED):
        raise Unreadable("relations of different kinds")
    if len(sides) == 2 and (within := _distance(sides, signs[0])):
        return within
    ends = [read_expression(side) for side in sides]
    if len(sides) == 3 and len({FLIPPED[sign] == sign or sign == r"\le" for sign in signs}) == 1 and name_of(sides[1]):
        if signs[0] in (">", r"\ge"):
            ends, signs = ends[::-1], signs[::-1]
        return Named(
            name_of(sides[1]),
            Pieces((Piece(ends[0], signs[0] in (r"\le", r"\ge"), ends[2], signs[1] in (r"\le", r"\ge")),)),
        )
    if len(sides) != 2:
        raise Unreadable("a chain of inequalities")
    (left, right), sign = ends, signs[0]
    closed, name = sign in (r"\le", r"\ge"), name_of(sides[0])
    if not name and name_of(sides[1]):
        name, left, right = name_of(sides[1]), right, left
        sign = {"<": ">", ">": "<", r"\le": r"\ge", r"\ge": r"\le"}.get(sign, sign)
    if name and not right.free_symbols:
        if sign == r"\ne":
            return Named(name, Pieces((Piece(-sp.oo, False, right, False), Piece(right, False, sp.oo, False))))
        up = sign in (">", r"\ge")
        return Named(name, Pieces((Piece(right, closed, sp.oo, False) if up else Piece(-sp.oo, False, right, closed),)))
    if sign in (">", r"\ge"):
        left, right = right, left
    return Inequality(left, FLIPPED[sign], right)


def _distance(sides: list[Tokens], sign: str) -> Named | None:
    """Return |x| < 3 and |x| > 3 as intervals of x, None for what says something else."""
    (first, last), away = sides, sign in (">", r"\ge")
    if first[0].text == first[-1].text == "|" and len(first) > 2 and sign != r"\ne" and (name := name_of(first[1:-1])):
        end = read_expression(last)
        if end.is_positive:
            closed = sign in (r"\le", r"\ge")
            inner = (Piece(-end, closed, end, closed),)
            outer = (Piece(-sp.oo, False, -end, closed), Piece(end, closed, sp.oo, False))
            return Named(name, Pieces(outer if away else inner))
    return None
