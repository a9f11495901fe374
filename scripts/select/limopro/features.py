"""The features of a chain's units, by which the sequence model labels them: names that hold for a unit.

All are of a kind: `name` or `name:value`, so that the model is one weight per feature and label. What they look at:
wording (opening words and phrase classes of the unit and its neighbours), layout (paragraphs, lists, place in the
chain), novelty (how much of its words and formulas stood before: a check repeats), the answer (was it stated already:
what comes after is seldom derivation), and the phrases that stand further off. Reading is linear in the text.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import accumulate

from scripts.select.limopro.reading import Task, Unit, read_task, read_unit

NEAR = 2  # units before and after whose wording counts
WINDOW = 6  # units before and after over which novelty and phrases are counted
_COUNTED = ("verdict", "check", "other", "error", "wait", "doubt", "final")
NOT_STATED = "stated:0"  # the feature of a unit before which no answer was stated
PARAGRAPH = "paragraph"  # that of a unit which begins one
STATES = frozenset(("states", "ends"))  # those of a unit that states the answer, or ends on it

Features = list[set[str]]


def features_of(units: Sequence[str], question: str = "", answer: str = "") -> Features:
    """Return the names of the features that hold for each unit of a chain.

    `question` and `answer` are those of the chain's row; without them less is known, and more stays progressive.
    """
    read = [read_unit(unit) for unit in units]
    rows: Features = [set() for _ in units]
    task = read_task(units, question, answer)
    paragraphs = _layout(rows, units, read)
    stated = _answer(rows, read, task, paragraphs)
    _wording(rows, read, stated, paragraphs)
    _novelty(rows, read, stated, task.numbers)
    _counted_phrases(rows, read)
    _last_marker(rows, read, stated, paragraphs)
    _next_marker(rows, read)
    return rows


def _bin(value: float, edges: Sequence[float]) -> int:
    """Return in which of the bins that end at `edges` a value lies."""
    return bisect_left(edges, value)


def _answer(rows: Features, units: Sequence[Unit], task: Task, paragraphs: Sequence[int]) -> list[int]:
    """Add what a unit says of the answer; return how often it had been stated before each unit (at most 3)."""
    before, count, first = [], 0, 0
    for place, (row, unit) in enumerate(zip(rows, units, strict=True)):
        before.append(min(count, 3))
        stands = task.states(unit)
        ends = stands and (unit.key.endswith(task.answer) or unit.result == task.answer)
        said = stands and "final" in unit.cues
        share = len(task.asked.intersection(unit.words)) / max(1, len(task.asked))
        concludes = bool(unit.starts & {"so", "conclusion", "final"})
        answers = stands and share >= 0.34 and (concludes or "conclusion" in unit.cues) and not unit.asks
        alone = sum(number != task.answer for number in unit.numbers) <= 1
        begins = place == 0 or paragraphs[place] != paragraphs[place - 1]
        states = said or answers or (ends and (task.telling or ((concludes or begins) and alone)))
        flags = {"asked": share >= 0.34, "stands": stands and task.telling, "ends": ends, "said": said}
        row.update(name for name, holds in flags.items() if holds)
        row.add(f"stated:{min(count, 3)}")
        row.add(f"telling{task.telling}|{min(count, 1)}")
        if not task.answer:
            row.add("no answer")
        if states:
            row.update(("states", f"states:{min(count, 3)}"))
        elif ends:
            row.add(f"ends:{min(count, 1)}")
        if count:
            row.add(f"since:{_bin(place - first, (1, 3, 6, 12, 25, 50))}")
        if states:
            first = first if count else place
            count += 1
    return before


def _layout(rows: Features, texts: Sequence[str], units: Sequence[Unit]) -> list[int]:
    """Add where a unit stands; return the number of each unit's paragraph."""
    numbers, paragraph, first, total = [], 0, 0, len(texts)
    for place, (row, unit) in enumerate(zip(rows, units, strict=True)):
        gap = texts[place - 1][len(texts[place - 1].rstrip()) :] if place else "\n\n"
        if gap.count("\n") > 1:  # of "\r\n" too, and with spaces in the empty line
            paragraph, first = paragraph + 1, place
            row.add(PARAGRAPH)
        elif "\n" in gap:
            row.add("line")
        numbers.append(paragraph)
        row.add(f"inside:{min(place - first, 4)}")
        row.add(f"length:{_bin(len(unit.words), (0, 2, 5, 10, 20, 35))}")
        row.add(f"tenth:{10 * place // total}")
        row.add(f"place:{_bin(place, (0, 2, 5, 10, 20, 40, 80, 160))}")
        row.add(f"left:{_bin(total - place, (1, 2, 3, 5, 10, 20))}")
        row.add(f"total:{_bin(total, (15, 30, 60, 120, 240))}")
        if unit.formula:
            row.add("formula")
    return numbers


def _wording(rows: Features, units: Sequence[Unit], stated: Sequence[int], paragraphs: Sequence[int]) -> None:
    """Add the opening words and the phrase classes of each unit and its neighbours."""
    longest = {0: 3, 1: 2, 2: 1}
    for place, row in enumerate(rows):
        for offset in range(-NEAR, NEAR + 1):
            if not 0 <= place + offset < len(units):
                row.add(f"edge{offset}")
                continue
            unit = units[place + offset]
            words = unit.opening[: longest[abs(offset)]]
            row.update(f"opens{offset}:{' '.join(words[: count + 1])}" for count in range(len(words)))
            row.update([f"says{offset}:{cue}" for cue in unit.cues])
            if abs(offset) < NEAR:
                row.update([f"starts{offset}:{cue}" for cue in unit.starts])
                if unit.asks:
                    row.add(f"asks{offset}")
                if unit.introduces and offset <= 0:
                    row.add(f"colon{offset}")
        unit, known = units[place], min(stated[place], 1)
        begins = place == 0 or paragraphs[place] != paragraphs[place - 1]
        row.update([f"starts:{cue}|paragraph{begins}" for cue in unit.starts])
        row.update([f"starts:{cue}|stated{known}" for cue in unit.starts])
        row.update([f"says:{cue}|stated{known}" for cue in unit.cues])
        for name in ("paragraph", "asks0", "colon0", "formula"):
            if name in row:
                row.add(f"{name}|stated{known}")


def _novelty(rows: Features, units: Sequence[Unit], stated: Sequence[int], given: Iterable[str]) -> None:
    """Add how much of a unit, of those around it, and whether its result, stood in the chain before."""
    numbers, symbols, pairs = set(given), set[tuple[str, ...]](), set[tuple[str, ...]]()
    results: Counter[str] = Counter()
    new: dict[str, list[tuple[int, int]]] = {"symbols": [], "pairs": []}
    for row, unit, count in zip(rows, units, stated, strict=True):
        known = min(count, 1)
        own = {
            "numbers": (sum(number not in numbers for number in unit.numbers), len(unit.numbers)),
            "symbols": (len(unit.symbols - symbols), len(unit.symbols)),
            "pairs": (len(unit.pairs - pairs), len(unit.pairs)),
        }
        for name, (fresh, total) in own.items():
            value = str(_bin(fresh / total, (0, 0.25, 0.4, 0.6, 0.8, 0.99))) if total else "-"
            row.update((f"new {name}:{value}", f"new {name}:{value}|stated{known}"))
        new["symbols"].append(own["symbols"])
        new["pairs"].append(own["pairs"])
        if unit.result:
            seen = min(results[unit.result], 2)
            row.update((f"result:{min(seen, 1)}", f"result:{min(seen, 1)}|stated{known}"))
            if any(character.isdigit() for character in unit.result):
                row.add(f"number:{seen}")
                if unit.starts & {"so", "conclusion", "final"}:
                    row.add(f"concludes:{seen}")
            results[unit.result] += 1
        numbers.update(unit.numbers)
        symbols |= unit.symbols
        pairs |= unit.pairs
    for name, shares in new.items():
        for place, row in enumerate(rows):
            row.add(f"new {name} ahead:{_share(shares[place : place + WINDOW])}")
            row.add(f"new {name} behind:{_share(shares[max(0, place - WINDOW) : place])}")


def _share(counts: Sequence[tuple[int, int]]) -> str:
    """Return the bin of the share of new things among all of some units, '-' where there are too few."""
    fresh, total = sum(one for one, _ in counts), sum(one for _, one in counts)
    return str(_bin(fresh / total, (0.2, 0.35, 0.5, 0.65, 0.8))) if total > 3 else "-"


def _counted_phrases(rows: Features, units: Sequence[Unit]) -> None:
    """Add how many of the units around have the phrase classes that make a check."""
    last = len(units)
    for cue in _COUNTED:
        until = [0, *accumulate(cue in unit.cues for unit in units)]
        for place, row in enumerate(rows):
            ahead = until[min(last, place + 1 + WINDOW)] - until[place + 1]
            behind = until[place] - until[max(0, place - WINDOW)]
            row.add(f"ahead {cue}:{min(3, ahead)}")
            row.add(f"behind {cue}:{min(3, behind)}")


def _marker(unit: Unit) -> str | None:
    """Return what a unit opens, by its phrases: the strongest marker."""
    for name, classes in (("check", {"check", "again"}), ("other", {"other"}), ("wait", {"wait"})):
        if unit.starts & classes:
            return name
    if "error" in unit.cues:
        return "error"
    return "first" if "first" in unit.starts else None


def _last_marker(rows: Features, units: Sequence[Unit], stated: Sequence[int], paragraphs: Sequence[int]) -> None:
    """Add the last marker before each unit and how far off it is."""
    last, at, within = None, -99, 0
    for place, (row, unit) in enumerate(zip(rows, units, strict=True)):
        row.add(f"last {last}|stated{min(stated[place], 1)}")
        row.add(f"last {last}:{_bin(place - at, (1, 2, 4, 8, 16))}")
        row.add(f"last {last}|paragraphs{min(3, paragraphs[place] - within)}")
        if marker := _marker(unit):
            last, at, within = marker, place, paragraphs[place]


def _next_marker(rows: Features, units: Sequence[Unit]) -> None:
    """Add the next marker or verdict after each unit and how far off it is."""
    following, at = None, len(units)
    for place in range(len(units) - 1, -1, -1):
        rows[place].add(f"next {following}")
        if following:
            rows[place].add(f"next {following}:{_bin(at - place, (1, 2, 4, 8))}")
        marker = _marker(units[place])
        if marker in (None, "error"):
            marker = "verdict" if "verdict" in units[place].cues else None
        if marker:
            following, at = marker, place
