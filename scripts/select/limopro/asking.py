"""A language model cuts a chain into steps: what it is asked, and what its answer must be.

It sees the chain's units by number and says where steps begin and end, so that no answer can change a letter of the
chain. An answer is used only where every unit stands in one step, in order, with a known pattern.
"""

import json
from collections.abc import Callable, Sequence

from scripts.select.asked_model import Messages, Reply, Unusable, object_in
from scripts.select.limopro.patterns import PATTERNS, PROGRESSIVE
from scripts.select.limopro.steps import Run, Step, steps_of_runs
from scripts.select.limopro.units import unit_bounds

SCHEMA = {
    "type": "object",
    "properties": {
        "steps": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "first": {"type": "integer"},
                    "last": {"type": "integer"},
                    "pattern": {"type": "string", "enum": list(PATTERNS)},
                },
                "required": ["first", "last", "pattern"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["steps"],
    "additionalProperties": False,
}
SEEN_BEFORE = 10
"""Units before those asked about that are shown with them."""
SMALLEST = 10
"""Units of a request below which it is not halved."""


Ask = Callable[[Messages, int], Reply]
"""Asks the model: messages, and which try this is, from 0."""


def numbered(units: Sequence[str], start: int) -> str:
    """Return units as the model reads them, each after its number; `start` is that of the first, from 0."""
    return "\n".join(f"[{number}] {unit.strip() or '(blank)'}" for number, unit in enumerate(units, start + 1))


def first_messages(instructions: str, question: str, units: Sequence[str], start: int, end: int) -> Messages:
    """Return the request about units `start` to `end`, from 0, the last one not included."""
    parts = [f"The problem:\n{question.strip()}"]
    if before := units[max(0, start - SEEN_BEFORE) : start]:
        shown = "\n".join(unit.strip() for unit in before)
        parts.append(f"What comes right before, only to be read:\n{shown}")
    parts.append(f"The units {start + 1} to {end}:\n{numbered(units[start:end], start)}")
    return [{"role": "system", "content": instructions}, {"role": "user", "content": "\n\n".join(parts)}]


def runs_in(text: str, start: int, end: int) -> list[Run]:
    """Return the steps of an answer about units `start` to `end` (from 0, the last not included), by unit.

    Raises Unusable where a unit is missing, out of order or in two steps, where a pattern is not known, or where the
    answer has another form.
    """
    found = object_in(text)
    steps = found.get("steps") if isinstance(found, dict) else None
    if not isinstance(steps, list) or not steps:
        raise Unusable("it has no list of steps")
    runs, due = [], start + 1
    for step in steps:
        if not isinstance(step, dict) or {"first", "last", "pattern"} - step.keys():
            raise Unusable("a step lacks first, last or pattern")
        first, last, pattern = step["first"], step["last"], step["pattern"]
        if type(first) is not int or type(last) is not int:
            raise Unusable(f"first and last must be whole numbers, not {json.dumps([first, last])}")
        if pattern not in PATTERNS:
            raise Unusable(f"there is no pattern {json.dumps(pattern)}, only {', '.join(PATTERNS)}")
        if first != due:
            raise Unusable(f"a step begins at unit {first} where unit {due} must come next")
        if not first <= last <= end:
            raise Unusable(f"a step goes from unit {first} to {last}, the last unit is {end}")
        runs.append(Run(first - 1, last, pattern))
        due = last + 1
    if due != end + 1:
        raise Unusable(f"the units from {due} to {end} are in no step")
    return runs


class Asker:
    """Cuts chains by asking: `ask` sends a request, at most `tries` times about the same units, `window` at a time."""

    def __init__(self, ask: Ask, instructions: str, window: int, tries: int) -> None:
        self._ask, self._instructions, self._window, self._tries = ask, instructions, window, tries

    def segment(self, text: str, question: str) -> list[Step]:
        """Return the steps of a chain, whose texts joined are the chain. Raises Unusable after the last try."""
        bounds = unit_bounds(text)
        units = [text[start:end] for start, end in bounds]
        runs: list[Run] = []
        while (start := runs[-1].end if runs else 0) < len(units):
            found = self._about(question, units, start)
            if found[-1].end < len(units) and len(found) > 1:
                # Its last step may go on: it is asked about again, with what follows, where that brings the work on.
                last = found[-1]
                if last.end - last.start <= (last.end - start) / 2:
                    found.pop()
            runs += found
        return steps_of_runs(joined(runs), units, bounds)

    def _about(self, question: str, units: Sequence[str], start: int) -> list[Run]:
        size, reason = self._window, ""
        refused: Messages = []
        for number in range(self._tries):
            end = min(start + size, len(units))
            messages = first_messages(self._instructions, question, units, start, end)
            reply = self._ask([*messages, *refused], number)
            if reply.finish_reason in ("length", "too long"):
                reason = "it was cut off" if reply.finish_reason == "length" else "the request was too long"
                size, refused = max(SMALLEST, (end - start) // 2), []
                continue
            try:
                return runs_in(reply.text, start, end)
            except Unusable as error:
                reason = str(error)
                again = f"This answer cannot be used: {reason}. Answer again about the units {start + 1} to {end}."
                refused = [
                    {"role": "assistant", "content": reply.text or "(nothing)"},
                    {"role": "user", "content": again},
                ]
        raise Unusable(reason)


def whole(text: str) -> list[Step]:
    """Return a chain without a usable answer: all of it derivation, so that nothing of it is ever left out."""
    bounds = unit_bounds(text)
    runs = [Run(0, len(bounds), PROGRESSIVE)] if bounds else []
    return steps_of_runs(runs, [text[start:end] for start, end in bounds], bounds)


def joined(runs: Sequence[Run]) -> list[Run]:
    """Return runs with derivation that follows derivation in one: where it is cut does not depend on windows."""
    found: list[Run] = []
    for run in runs:
        if found and run.pattern == found[-1].pattern == PROGRESSIVE:
            found[-1] = found[-1]._replace(end=run.end)
        else:
            found.append(run)
    return found
