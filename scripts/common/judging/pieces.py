"""Intervals and points of the real line put together, and points taken out."""

import sympy as sp

from scripts.common.judging.functions import Unreadable
from scripts.common.judging.values import Number, Piece, Pieces, Several, Value


def joined(values: list[Value], both: bool) -> Value:
    """Return statements about one name as one: all are meant (`both`: joined by "and"), or one of them is.

    Raises Unreadable for intervals that overlap.
    """
    if not both and any(isinstance(value, Pieces) for value in values):
        values = [_point(value) for value in values]
    pieces = [value for value in values if isinstance(value, Pieces)]
    if len(pieces) < len(values):
        return Several(tuple(values))
    holes = [piece for piece in pieces if len(piece.items) == 2 and piece.items[0].high == piece.items[1].low]
    if holes and len(pieces) == len(holes) + 1:  # x > 1, x != 2
        whole = next(piece for piece in pieces if piece not in holes)
        return without(whole.items, [hole.items[0].high for hole in holes])
    if both and len(pieces) == 2 and all(len(piece.items) == 1 for piece in pieces):
        low, high = sorted((piece.items[0] for piece in pieces), key=lambda piece: piece.low != -sp.oo, reverse=True)
        if low.high == sp.oo and high.low == -sp.oo:
            return Pieces((Piece(low.low, low.low_closed, high.high, high.high_closed),))
        raise Unreadable("intervals that overlap")
    return union([piece for value in pieces for piece in value.items])


def _point(value: Value) -> Value:
    """Return a number as a piece of the line: x < 1 or x = 2."""
    if isinstance(value, Number) and not value.expression.free_symbols:
        return Pieces((Piece(value.expression, True, value.expression, True),))
    return value


def without(pieces: tuple[Piece, ...], points: list[sp.Expr]) -> Pieces:
    """Return pieces with points taken out."""
    for point in points:
        cut: list[Piece] = []
        for piece in pieces:
            if place(piece.low) < place(point) < place(piece.high):
                cut.append(Piece(piece.low, piece.low_closed, point, False))
                cut.append(Piece(point, False, piece.high, piece.high_closed))
            else:
                low = piece.low_closed and piece.low != point
                cut.append(Piece(piece.low, low, piece.high, piece.high_closed and piece.high != point))
        pieces = tuple(cut)
    return Pieces(pieces)


def union(pieces: list[Piece]) -> Pieces:
    """Return pieces from left to right, those that touch as one. Raises Unreadable where their order is not known."""
    ordered = sorted(pieces, key=lambda piece: place(piece.low))
    found: list[Piece] = []
    for piece in ordered:
        last = found[-1] if found else None
        if last and last.high == piece.low and (last.high_closed or piece.low_closed):
            found[-1] = Piece(last.low, last.low_closed, piece.high, piece.high_closed)
        else:
            found.append(piece)
    return Pieces(tuple(found))


def place(value: sp.Expr) -> float:
    """Return where an end of an interval lies. Raises Unreadable where it is no number."""
    if value.free_symbols:
        raise Unreadable("an end of an interval that is no number")
    return float(value)
