"""When two values are equal, by what they are. The gold answer is first: it may say less than the answer, or more."""

import re
from collections.abc import Callable
from math import gcd
from typing import Any

import sympy as sp

from scripts.common.judging import units
from scripts.common.judging.equality import is_rounded, proportional, same_but_constants, same_expression
from scripts.common.judging.values import (
    Cases,
    Equation,
    InBase,
    Inequality,
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

STATEMENTS = {"true", "false", "yes", "no", "even", "odd", "t", "f", "y", "n"}
"""What answers the parts of a question, in their order."""


def same(gold: Value, answer: Value) -> bool:
    """Return whether an answer's value is the gold one."""
    gold, answer = _alone(gold), _alone(answer)
    for one, other in ((gold, answer), (answer, gold)):
        if isinstance(one, Named) and isinstance(other, Equation):
            return one.equation is not None and _same_equation(one.equation, other)
    if isinstance(gold, Named) or isinstance(answer, Named):
        return _same_named(gold, answer)
    compare = RULES.get((type(gold), type(answer)))
    return compare is not None and compare(gold, answer)


def _alone(value: Value) -> Value:
    """Return the only value of a set or list, any other value as it is."""
    if not isinstance(value, Several) or not value.items:
        return value
    first, *others = value.items
    if first == Text(r"\emptyset"):
        return value
    if all(
        isinstance(first, Equation) and isinstance(other, Equation) and _same_equation(first, other) for other in others
    ):
        return first  # one curve, written twice
    return value


def _same_named(gold: Value, answer: Value) -> bool:
    """A name may be left out, or added; two names must be the same, unless both are the same equation."""
    if isinstance(gold, Named) and isinstance(answer, Named):
        if gold.name == answer.name:
            one_of_a_class = isinstance(gold.value, Residue) != isinstance(answer.value, Residue)
            return not one_of_a_class and same(gold.value, answer.value)
        if isinstance(answer.value, Named) != isinstance(gold.value, Named):  # the tangent is y = 2x
            return same(gold, answer.value) if isinstance(answer.value, Named) else same(gold.value, answer)
        return (
            gold.equation is not None and answer.equation is not None and _same_equation(gold.equation, answer.equation)
        )
    if isinstance(gold, Named):
        return _may_be_bare(gold, answer) and same(gold.value, answer)
    if isinstance(answer, Named):
        return _may_be_bare(answer, gold) and same(gold, answer.value)
    return False


def _may_be_bare(named: Named, bare: Value) -> bool:
    """Return whether a name may be left out: not in a statement (MR = SRMC), nor where others are named."""
    if isinstance(bare, Equation):
        return False
    if isinstance(bare, Several) and any(isinstance(item, Named) for item in bare.items):
        return False
    statement = named.name[:1].isupper() and named.name[1:2] == " " and named.name[2:3].isupper()
    number = isinstance(named.value, Number) and not named.value.expression.free_symbols
    return number or not statement


def _are_anagrams(gold: str, answer: str) -> bool:
    """Return whether three letters are two words, art and rat, or two orders, ABC and BCA: but abc and cba, small ones
    of which one way is that of the alphabet, and that no vowel but a before b makes a word, are one product."""
    product = "".join(sorted(set(gold)))
    is_product = product in (gold, answer) and gold.islower() and not re.search("[aeiou]", product.removeprefix("ab"))
    return bool(gold and answer) and gold != answer and not is_product


def _same_number(gold: Number, answer: Number) -> bool:
    if _are_anagrams(gold.word, answer.word):
        return False
    ours, theirs = gold.expression, answer.expression
    if {gold.unit, answer.unit} in ({"deg", ""}, {"deg", "rad"}):
        in_degrees, other = (ours, theirs) if gold.unit == "deg" else (theirs, ours)
        if other.has(sp.pi):
            return same_expression(in_degrees * sp.pi / 180, other)
    if (
        gold.unit
        and answer.unit
        and gold.unit != answer.unit
        and units.is_known(gold.unit)
        and units.is_known(answer.unit)
    ):
        return False
    ways = units.way(gold.unit), units.way(answer.unit)
    if all(ways) and ways[0] != ways[1]:
        return False
    if gold.percent != answer.percent:
        if units.is_known(gold.unit) or units.is_known(answer.unit):
            return False
        # Percent may be left out where it is asked for; but 0.5 is not 0.5%.
        bare, percent = (answer, gold) if gold.percent else (gold, answer)
        whole = bare.expression.is_number and (gold.percent or bool(abs(bare.expression) > 1))
        if whole and same_expression(bare.expression, percent.expression * 100):
            return True
    if same_expression(ours, theirs) or same_but_constants(ours, theirs):
        return True
    if gold.step is not None and (answer.step is None or answer.step < gold.step):
        return not theirs.is_Integer and is_rounded(ours, gold.step, gold.digits, theirs)
    if answer.step is not None and (gold.step is None or gold.step < answer.step):
        return is_rounded(theirs, answer.step, answer.digits, ours)
    return False


def _same_text(gold: Text, answer: Text) -> bool:
    return gold.words == answer.words != ""


def _same_items(gold: tuple[Value, ...], answer: tuple[Value, ...]) -> bool:
    return len(gold) == len(answer) and all(same(one, other) for one, other in zip(gold, answer, strict=True))


def _same_several(gold: Several, answer: Several) -> bool:
    """Each of one is one of the other, whatever their order."""
    if len(gold.items) != len(answer.items) or (_is_either(gold) != _is_either(answer)):
        return False
    if all(_said(item) in STATEMENTS for several in (gold, answer) for item in several.items):
        return _same_items(gold.items, answer.items)  # True, False: to one part after the other
    if {_names(gold), _names(answer)} == {"all", "none"}:
        return _same_in_order(gold, answer)  # x = 3, y = 4 is 3, 4 but neither 4, 3 nor {3, 4}
    left = list(answer.items)
    for item in gold.items:
        match = next((other for other in left if _is_set(item) == _is_set(other) and same(item, other)), None)
        if match is None:
            return False
        left.remove(match)
    return True


def _names(several: Several) -> str:
    """Return whether all of several values have names of their own, none has one, or some."""
    names = [item.name for item in several.items if isinstance(item, Named)]
    return "none" if not names else "all" if len(several.items) == len(set(names)) > 1 else "some"


def _is_set(value: Value) -> bool:
    return isinstance(value, Several) and value.braces


def _said(item: Value) -> str:
    """Return the word or letter that an item is."""
    if isinstance(item, Number):
        return (item.word or str(item.expression)).lower() if item.word or item.expression.is_Symbol else ""
    return item.words if isinstance(item, Text) else ""


def _is_either(several: Several) -> bool:
    """Return whether "or" says more than a comma would, as it does not between numbers: x > 2 or y < 3, A or B."""
    names = {item.name for item in several.items if isinstance(item, Named)}
    return several.either and (len(names) > 1 or all(map(_said, several.items)))


def _same_in_order(gold: Several | Row, answer: Several | Row) -> bool:
    """A list without brackets against one with them: in its order, that of their names where all have one. A set in
    braces is no tuple."""
    if any(isinstance(each, Several) and each.braces for each in (gold, answer)):
        return False
    ours, theirs = _ordered(gold), _ordered(answer)
    return ours is not None and theirs is not None and _same_items(ours, theirs)


def _ordered(listed: Several | Row) -> tuple[Value, ...] | None:
    """Return items in their order; those that are named by letters in that of the alphabet. None where x, y, z miss one
    between them: which tuple x = 1, z = 2 are is not known."""
    named = {item.name: item for item in listed.items if isinstance(item, Named)}
    letters = all(re.match(r"[A-Za-z](?: _|$)", name) for name in named)
    if isinstance(listed, Row) or len(named) < len(listed.items) or not letters:
        return listed.items
    names = sorted(named, key=lambda name: (name[0], len(name), name))
    joined = "".join(names)
    return None if set(joined) <= set("xyz") and joined not in "xyz" else tuple(named[name] for name in names)


def _row_or_pieces(gold: Row | Pieces, answer: Row | Pieces) -> bool:
    """(a, b) may be a tuple or an interval; [a, b] a column too."""
    row, other = (gold, answer) if isinstance(gold, Row) else (answer, gold)
    if (
        isinstance(row, Row)
        and row.vector
        and isinstance(other, Pieces)
        and len(other.items) == len(row.items) - 1 == 1
    ):
        piece = other.items[0]
        ends = (Number(piece.low), Number(piece.high))
        return piece.low_closed and piece.high_closed and _same_items(row.items, ends)
    return _interval_or_pair(gold, answer)


def _same_cases(gold: Cases, answer: Cases) -> bool:
    """Each case is one of the other; the last one left may be "else" in one of them."""
    if len(gold.items) != len(answer.items):
        return False
    left, other = list(answer.items), []
    for value, condition in gold.items:
        match = next((each for each in left if _same_case((value, condition), each)), None)
        if match is None:
            other.append((value, condition))
        else:
            left.remove(match)
    if len(other) == 1 and None in (other[0][1], left[0][1]):
        return same(other[0][0], left[0][0])
    return not other


def _same_case(gold: tuple[Value, Value | None], answer: tuple[Value, Value | None]) -> bool:
    ours, theirs = gold[1], answer[1]
    if ours is None or theirs is None:
        return ours is theirs and same(gold[0], answer[0])
    return same(ours, theirs) and same(gold[0], answer[0])


def _same_piece(gold: Piece, answer: Piece) -> bool:
    return (
        (gold.low_closed, gold.high_closed) == (answer.low_closed, answer.high_closed)
        and same_expression(gold.low, answer.low)
        and same_expression(gold.high, answer.high)
    )


def _same_pieces(gold: Pieces, answer: Pieces) -> bool:
    return len(gold.items) == len(answer.items) and all(
        _same_piece(one, other) for one, other in zip(gold.items, answer.items, strict=True)
    )


def _pieces_of(row: Row) -> Pieces | None:
    """Return (a, b) as an interval."""
    ends = [item.expression for item in row.items if isinstance(item, Number)]
    return Pieces((Piece(ends[0], False, ends[1], False),)) if len(ends) == len(row.items) == 2 else None


def _interval_or_pair(gold: Pieces | Row, answer: Pieces | Row) -> bool:
    ours = _pieces_of(gold) if isinstance(gold, Row) else gold
    theirs = _pieces_of(answer) if isinstance(answer, Row) else answer
    return ours is not None and theirs is not None and _same_pieces(ours, theirs)


def _pieces_or_several(gold: Pieces | Several, answer: Pieces | Several) -> bool:
    """(a, b), (c, d) as a list of intervals against their union."""
    if isinstance(gold, Pieces) and isinstance(answer, Several):
        listed, whole = answer, gold
    elif isinstance(gold, Several) and isinstance(answer, Pieces):
        listed, whole = gold, answer
    else:
        return False
    parts = [_pieces_of(item) if isinstance(item, Row) else item for item in listed.items]
    pieces = [piece for part in parts if isinstance(part, Pieces) for piece in part.items]
    return len(pieces) == len(parts) == len(whole.items) and all(
        _same_piece(one, other) for one, other in zip(whole.items, pieces, strict=True)
    )


def _same_matrix(gold: Matrix, answer: Matrix) -> bool:
    return len(gold.rows) == len(answer.rows) and all(
        _same_items(one, other) for one, other in zip(gold.rows, answer.rows, strict=True)
    )


def _same_equation(gold: Equation, answer: Equation) -> bool:
    ours, theirs = gold.left - gold.right, answer.left - answer.right
    if ours.free_symbols or theirs.free_symbols:
        return proportional(ours, theirs)
    pairs = ((answer.left, answer.right), (answer.right, answer.left))
    return any(same_expression(gold.left, left) and same_expression(gold.right, right) for left, right in pairs)


def _same_inequality(gold: Inequality, answer: Inequality) -> bool:
    if gold.relation != answer.relation:
        return False
    if same_expression(gold.left, answer.left) and same_expression(gold.right, answer.right):
        return True
    return proportional(gold.left - gold.right, answer.left - answer.right, positive=gold.relation != "!=")


def _same_ratio(gold: Ratio, answer: Ratio) -> bool:
    first = [ratio.parts[0].replace(" ", "").lstrip("0") for ratio in (gold, answer)]  # 07:30
    if all(each.isdigit() for each in first) and bool(gold.half) != bool(answer.half) and max(map(int, first)) > 12:
        later = 12 * (gold.half + answer.half == "PM")  # 3:30 PM, 15:30
        given = zip((gold, answer), map(int, first), strict=True)
        first = [str(hour % 12 + later if ratio.half else hour) for ratio, hour in given]
    halves = {gold.half, answer.half} - {""}
    return first[0] == first[1] and gold.parts[1:] == answer.parts[1:] and len(halves) < 2


def _ratio_or_number(gold: Ratio | Number, answer: Ratio | Number) -> bool:
    """2:3 as a fraction; 12:00 is none."""
    ratio, number = (gold, answer) if isinstance(gold, Ratio) else (answer, gold)
    parts = [part.replace(" ", "") for part in ratio.parts] if isinstance(ratio, Ratio) else []
    if (
        len(parts) != 2
        or not isinstance(number, Number)
        or not all(part.isdigit() and part[0] != "0" for part in parts)
    ):
        return False
    above, below = map(int, parts)
    return gcd(above, below) == 1 and bool(number.expression * below == above)


def _same_base(gold: InBase, answer: InBase) -> bool:
    return gold == answer


def _base_or_number(gold: InBase, answer: Number) -> bool:
    """The question names the base, so that the digits alone will do."""
    return answer.step is None and str(answer.expression) == gold.digits


def _same_residue(gold: Residue, answer: Residue) -> bool:
    if not same_expression(gold.modulus, answer.modulus):
        return False
    difference = (gold.value - answer.value) / gold.modulus
    return bool(difference.is_integer) if difference.is_number else same_expression(gold.value, answer.value)


def _residue_or_number(gold: Residue | Number, answer: Residue | Number) -> bool:
    ours = gold.value if isinstance(gold, Residue) else gold.expression
    theirs = answer.value if isinstance(answer, Residue) else answer.expression
    return same_expression(ours, theirs)


def _same_mixed(gold: Mixed, answer: Mixed) -> bool:
    return _same_items(gold.parts, answer.parts)


RULES: dict[tuple[type, type], Callable[[Any, Any], bool]] = {
    (Number, Number): _same_number,
    (Text, Text): _same_text,
    (Several, Several): _same_several,
    (Row, Row): lambda gold, answer: _same_items(gold.items, answer.items),
    (Row, Several): _same_in_order,
    (Several, Row): _same_in_order,
    (Pieces, Pieces): _same_pieces,
    (Pieces, Row): _row_or_pieces,
    (Row, Pieces): _row_or_pieces,
    (Pieces, Several): _pieces_or_several,
    (Several, Pieces): _pieces_or_several,
    (Matrix, Matrix): _same_matrix,
    (Cases, Cases): _same_cases,
    (Equation, Equation): _same_equation,
    (Inequality, Inequality): _same_inequality,
    (Ratio, Ratio): _same_ratio,
    (Ratio, Number): _ratio_or_number,
    (Number, Ratio): _ratio_or_number,
    (InBase, InBase): _same_base,
    (InBase, Number): _base_or_number,
    (Residue, Residue): _same_residue,
    (Residue, Number): _residue_or_number,
    (Number, Residue): _residue_or_number,
    (Mixed, Mixed): _same_mixed,
}
