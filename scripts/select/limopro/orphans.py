"""Orphans: what a cut would leave behind that speaks of what was cut, found and mended before the cut is made.

A kept step that comes right after a cut one is an orphan when it opens with a reference ("So that works", "But we
already argued ...") or draws a conclusion from a number that stood only in what was cut. Then the cut is extended to
the orphan, if that is a functional step which says nothing new, or else the step before it is kept after all. A
correction whose number the derivation goes on with, however far below, is kept too.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

import polars as pl

from scripts.common.chain import BOXED
from scripts.common.fences import MARK
from scripts.common.tables import iterate_table
from scripts.select.limopro.patterns import ERROR_CORRECTION, PROGRESSIVE, english
from scripts.select.limopro.reading import numbers_in
from scripts.select.limopro.units import unit_bounds
from scripts.select.tables import STEPS

BATCH = 10_000
SHORT = 200  # characters of a functional step that a cut may be extended to

_TURN = r"(?:but|although|though|however|otherwise|except)\b[,.…]*\s*"
_LEAD = rf"(?:(?:so|and|okay|ok|hmm+|well|then|therefore|thus|hence|now|yes|ah|oh|great|good)\b[,.!…]*\s*|{_TURN})*"
# It points back at what was said just before.
_REFERENCE = re.compile(
    rf"{_LEAD}(?:(?:that|this|these|those|it|they|both|neither|either)(?:'s|'re)?\b|(?:the )?same\b|which\b|such\b"
    r"|(?:all|every|each|(?:the )?(?:two|three|four))(?: (?:of|the|these|my|two|three|four|other))*"
    r" (?:methods?|ways?|approach(?:es)?|checks?|results?)\b"
    r"|in (?:either|both|that|this) (?:case|way)s?\b|either way"
    r"|(?:correct|right|exactly|perfect|indeed|likewise|similarly|no|yes|yep)\b"
    r"|(?:as|like) (?:before|above|i (?:said|thought))|(?:we|i) (?:already|just)\b|这|那|它|[两三几]种|同样)"
    rf"|{_TURN}then\b"
)
# It turns against what was said just before. A check that begins so ("But wait, is it?") doubts the derivation instead.
_CONTRADICTION = re.compile(_TURN)
_CONCLUSION = re.compile(r"(?:so|then|therefore|thus|hence|consequently|which means)\b")


class Piece(NamedTuple):
    """A step as it is read for orphans."""

    text: str
    pattern: str


class Account(NamedTuple):
    """What became of the steps that were to be cut."""

    cut: int
    """Steps that are cut."""
    extended: int
    """Of these, orphans that a cut was extended to."""
    kept: int
    """Steps kept because their cut would have left an orphan, or derivation without the number that it goes on with."""

    def __add__(self, other: "Account") -> "Account":  # type: ignore[override]
        return Account(*(one + more for one, more in zip(self, other, strict=True)))


class Opening(NamedTuple):
    """What the first unit of a step hangs on."""

    refers: bool
    """It speaks of what was said just before."""
    drawn_on: set[str]
    """The numbers from which it concludes."""


def _read_opening(step: Piece) -> Opening:
    start, end = unit_bounds(step.text)[0]
    unit = step.text[start:end]
    opening = english(unit)
    turns = step.pattern == PROGRESSIVE and bool(_CONTRADICTION.match(opening))
    drawn_on = set(numbers_in(unit)) if _CONCLUSION.match(opening) else set()
    return Opening(turns or bool(_REFERENCE.match(opening)), drawn_on)


def _numbers_of(steps: Sequence[Piece]) -> list[set[str]]:
    """Return the numbers of each step."""
    return [set(numbers_in(step.text)) for step in steps]


def needed_corrections(steps: Sequence[Piece], numbers: Sequence[set[str]]) -> set[int]:
    """Return the corrections whose numbers (`numbers` of each step) derivation after them has, and none before them.

    They hang on no choice of what is cut, so that every way of choosing leaves out the same.
    """
    known: set[str] = set()
    brought: dict[str, int] = {}  # where a correction has a number, the last one
    needed = set()
    for place, step in enumerate(steps):
        if step.pattern == ERROR_CORRECTION:
            brought |= dict.fromkeys(numbers[place], place)
        elif step.pattern == PROGRESSIVE:
            needed |= {brought[number] for number in numbers[place] - known if number in brought}
            known |= numbers[place]
    return needed


def mend(steps: Sequence[Piece], removed: Iterable[int]) -> tuple[list[int], Account]:
    """Return which steps may go of those that are to be removed, by number, and the account.

    The time is linear in the steps: each is cut once at most and taken back once at most.
    """
    numbers = _numbers_of(steps)
    needed = needed_corrections(steps, numbers)
    due, gone, extensions = set(removed) - needed, set[int](), set[int]()
    kept = len(needed.intersection(removed))
    known: set[str] = set()  # numbers of what is kept so far
    run: list[int] = []  # the cut steps just before the one that is looked at
    lost: Counter[str] = Counter()  # their numbers
    for place, step in enumerate(steps):
        taken, looked_at = place in due, place
        restored: list[int] = []
        opening = _read_opening(step) if run and not taken else Opening(False, set())
        wanted = {number for number in opening.drawn_on - known if lost[number] > 0}
        while run and (opening.refers or wanted):
            idle = place not in needed and _says_nothing_new(step, numbers[place], known)
            if looked_at == place and place < len(steps) - 1 and idle:
                extensions.add(place)
                taken = True
                break
            looked_at = run.pop()
            restored.append(looked_at)
            lost.subtract(numbers[looked_at])
            opening = _read_opening(steps[looked_at])
            wanted = wanted - numbers[looked_at] | opening.drawn_on - known
            wanted = {number for number in wanted if lost[number] > 0}
        if taken:
            run.append(place)
            lost.update(numbers[place])
            continue
        kept += len(set(restored) - extensions)
        extensions -= set(restored)
        gone.update(run)
        known.update(numbers[place], *(numbers[number] for number in restored))
        run, lost = [], Counter()
    gone.update(run)
    return sorted(gone), Account(len(gone), len(extensions), kept)


def _says_nothing_new(step: Piece, numbers: set[str], known: set[str]) -> bool:
    """Tell whether a cut may be extended to a step: a short functional one, all of whose numbers are known."""
    stays = any(mark in step.text for mark in (BOXED, *MARK))  # what may state the answer is never cut
    return step.pattern != PROGRESSIVE and len(step.text) <= SHORT and not stays and numbers <= known


def _chains(steps: Path, ids: Sequence[str]) -> Iterator[tuple[str, list[Piece]]]:
    """Yield the steps of each of the chains `ids`, which stand together in the table `steps`."""
    batches = iterate_table(STEPS, steps, BATCH, ["id", "step", "text", "pattern"], ids=ids)
    rows = (row for batch in batches for row in batch.to_pylist())
    for identity, chain in groupby(rows, key=itemgetter("id")):
        yield identity, [Piece(row["text"], row["pattern"]) for row in chain]


def needed_pairs(ids: Sequence[str], steps: Path) -> pl.DataFrame:
    """Return the corrections of chains `ids` that are never cut, as (id, step)."""
    found = [
        (identity, number)
        for identity, pieces in _chains(steps, ids)
        for number in sorted(needed_corrections(pieces, _numbers_of(pieces)))
    ]
    return pl.DataFrame(found, schema={"id": pl.String, "step": pl.Int64}, orient="row")


def mend_pairs(pairs: pl.DataFrame, steps: Path) -> tuple[pl.DataFrame, Account]:
    """Return the steps to remove, as (id, step), of those in `pairs`, so that no orphan is left, and the account."""
    wanted = dict(pairs.group_by("id").agg("step").iter_rows())
    total, mended = Account(0, 0, 0), []
    for identity, pieces in _chains(steps, list(wanted)):
        removed, account = mend(pieces, wanted[identity])
        mended += [(identity, number) for number in removed]
        total += account
    return pl.DataFrame(mended, schema=pairs.select("id", "step").schema, orient="row").sort("id", "step"), total
