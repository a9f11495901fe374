"""Sets of numbers: by what their elements have in common, and on the real line by their pieces."""

import re
from collections.abc import Callable
from itertools import pairwise

import sympy as sp

from scripts.common.judging.functions import Unreadable
from scripts.common.judging.names import name_of
from scripts.common.judging.pieces import place, union
from scripts.common.judging.tokens import Tokens, split, text_of
from scripts.common.judging.values import Named, Number, Piece, Pieces, Row, Several, Value

Read = Callable[[Tokens], Value]
"""What reads the value of a part."""
REALS = {
    r"\mathbbR": Piece(-sp.oo, False, sp.oo, False),
    r"\mathbbR^+": Piece(sp.Integer(0), False, sp.oo, False),
    r"\mathbbR^-": Piece(-sp.oo, False, sp.Integer(0), False),
}


def by_property(inside: Tokens, read: Read) -> Value:
    """Return { x | x > 2 } as an interval of x."""
    at = next(i for i, token in enumerate(inside) if token.text in ("|", ":"))
    element, *domain = split(inside[:at], lambda token: token.text == r"\in")
    if domain and re.sub(r"[ {}]", "", text_of(domain[0])) not in (r"\mathbbR", "R"):
        raise Unreadable("whole numbers, which are no interval")
    value = read(inside[at + 1 :])
    if not isinstance(value, Named) or not isinstance(value.value, Pieces) or value.name != name_of(element):
        raise Unreadable("a set by its property")
    return value


def on_the_line(tokens: Tokens, operator: str, read: Read) -> Value:
    """Return a union, or a difference, of intervals and points."""
    parts = [_pieces(part, read) for part in split(tokens, lambda token: token.text == operator)]
    if operator == r"\cup" or len(parts) == 1:
        return union([piece for part in parts for piece in part])
    ((whole,), points) = parts  # raises ValueError for anything else
    if whole.low != -sp.oo or whole.high != sp.oo or any(piece.low != piece.high for piece in points):
        raise Unreadable("a difference of sets")
    cuts = sorted((piece.low for piece in points), key=place)
    return Pieces(tuple(Piece(low, False, high, False) for low, high in pairwise([-sp.oo, *cuts, sp.oo])))


def _pieces(tokens: Tokens, read: Read) -> list[Piece]:
    name = re.sub(r"[ {}]", "", text_of(tokens))
    if name in REALS:
        return [REALS[name]]
    value = read(tokens)
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
