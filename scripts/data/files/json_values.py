"""The values of a JSON text one after the other, in bounded memory: each is cut out by its brackets and read by itself.

A reader of events (ijson) joins escapes across a half surrogate pair and keeps the path of every value, which for a
text of nested brackets grows with the square of its length. Here a value that is broken is one broken row.
"""

import json
import math
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import IO, Any

from scripts.common.answers import EXACT
from scripts.data.files.base import ROW_LIMIT, Defect, too_long

_STRUCTURE = re.compile(rb'"|[\[{]+|[\]}]+')
_SCALAR_END = re.compile(rb"[,:\[\]{}\s]")
_SPACE = re.compile(rb"[ \t\r\n]*")
CHUNK = 2**18
LONGEST_NUMBER = 4300
"""Digits of a whole number."""
DEEPEST = 200
"""Lists and objects within each other."""
TOO_DEEP = Defect("malformed", f"lists and objects nested over {DEEPEST} deep")


class NotJson(ValueError):
    """What follows is no JSON; of what comes behind nothing can be told."""


def _float(text: str) -> float | Decimal:
    # A float this long is another number: 9007199254740993.0 would be ...992.
    return Decimal(text) if EXACT <= abs(value := float(text)) < math.inf else value


class _KeyTwice(ValueError):
    pass


class _TooManyDigits(ValueError):
    pass


def _whole(digits: str) -> int:
    # Python's own limit, held here: its time grows with the square of the digits, and lighteval lifts the limit.
    if len(digits) > LONGEST_NUMBER:
        raise _TooManyDigits
    return int(digits)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _KeyTwice(next(name for name in names if names.count(name) > 1))
    return found


def _too_deep(value: Any) -> bool:
    # Held here, since how deep Python's own reader goes hangs on its version.
    level = [value]
    for _ in range(DEEPEST):
        within = [one.values() if isinstance(one, dict) else one for one in level if isinstance(one, dict | list)]
        if not (level := [inner for every in within for inner in every if isinstance(inner, dict | list)]):
            return False
    return True


def parse(data: bytes) -> Any:
    """Return a JSON value, or a Defect that says why it cannot be read."""
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_int=_whole, parse_float=_float)
        return TOO_DEEP if _too_deep(value) else value
    except UnicodeDecodeError as error:
        return Defect("not_utf8", f"not UTF-8: {error.reason} at byte {error.start}")
    except json.JSONDecodeError as error:
        return Defect("malformed", f"this is not JSON: {error.msg} at column {error.colno}")
    except _KeyTwice as error:
        return Defect("malformed", f"the key '{str(error)[:100]}' stands twice")
    except RecursionError:
        return TOO_DEEP
    except _TooManyDigits:
        return Defect("malformed", f"a whole number of more than {LONGEST_NUMBER:,} digits")


def no_object(value: Any) -> Defect:
    """Return the defect of a row that is some other value."""
    return Defect("malformed", f"a row must be a JSON object, not a {type(value).__name__}")


def parse_row(data: bytes | None) -> dict[str, Any] | Defect:
    """Return the row that a JSON text holds, or why it holds none; None is a text that is too long."""
    value = too_long() if data is None else parse(data)
    if isinstance(value, dict | Defect):
        return value
    return no_object(value)


class Values:
    """Cuts a JSON text into values."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._buffer = stream, bytearray()

    def _fill(self) -> bool:
        chunk = self._stream.read(CHUNK)
        self._buffer += chunk
        return bool(chunk)

    def peek(self) -> bytes:
        """Return the next byte that is no blank, without taking it; nothing at the end."""
        while True:
            del self._buffer[: _SPACE.match(self._buffer).end()]  # type: ignore[union-attr]  # it matches nothing too
            if self._buffer:
                return bytes(self._buffer[:1])
            if not self._fill():
                return b""

    def peek_inside(self) -> bytes:
        """Return the first sign inside the list that comes next, taking nothing; nothing at the end."""
        self.peek()
        while True:
            if (place := _SPACE.match(self._buffer, 1).end()) < len(self._buffer):  # type: ignore[union-attr]
                return bytes(self._buffer[place : place + 1])
            if not self._fill():
                return b""

    def take(self, expected: bytes) -> None:
        """Take a sign. Raises NotJson when another one stands there."""
        if (found := self.peek()) != expected:
            raise NotJson(
                f"'{found.decode(errors='replace')}' stands where '{expected.decode()}' should" if found else ""
            )
        del self._buffer[:1]

    def value(self) -> bytes | None:
        """Take the next value and return its text, or None for one that is longer than a row may be.

        Raises NotJson where there is none, or the text ends inside it.
        """
        first = self.peek()
        if not first or first in b",:]}":
            raise NotJson(f"'{first.decode()}' stands where a value should" if first else "")
        end, over = self._scalar() if first not in b'"[{' else self._bracketed()
        text = None if over or end > ROW_LIMIT else bytes(self._buffer[:end])
        del self._buffer[:end]
        return text

    def _scalar(self) -> tuple[int, bool]:
        while not (end := _SCALAR_END.search(self._buffer)) and len(self._buffer) <= ROW_LIMIT:
            if not self._fill():
                return len(self._buffer), False
        return (end.start() if end else len(self._buffer)), False

    def _bracketed(self) -> tuple[int, bool]:
        depth, position, inside, over = 0, 0, False, False
        while True:
            if inside:
                quote = self._buffer.find(b'"', position)
                position = quote + 1 if quote >= 0 else len(self._buffer)
                if quote >= 0 and not self._escaped(quote):
                    inside = False
                    if depth == 0:
                        return position, over
                if quote >= 0:
                    continue
            elif found := _STRUCTURE.search(self._buffer, position):
                position, sign = found.end(), found[0][:1]
                if sign == b'"':
                    inside = True
                elif sign in b"[{":
                    depth += position - found.start()
                elif depth <= position - found.start():
                    return found.start() + depth, over
                else:
                    depth -= position - found.start()
                continue
            else:
                position = len(self._buffer)
            if len(self._buffer) > ROW_LIMIT:
                # Only whether the last sign is escaped must be known of what was.
                keep = b"\\" if self._escaped(len(self._buffer)) else b""
                self._buffer[:] = keep
                position, over = len(keep), True
            if not self._fill():
                raise NotJson("")

    def _escaped(self, position: int) -> bool:
        """Whether the sign at a position has an odd number of backslashes before it."""
        start = position
        while start and self._buffer[start - 1] == 0x5C:
            start -= 1
        return bool((position - start) % 2)

    def items(self) -> Iterator[bytes | None]:
        """Take a list and yield its values. Raises NotJson where it is broken."""
        self.take(b"[")
        while self.peek() != b"]":
            yield self.value()
            if self.peek() != b"]":
                self.take(b",")
        self.take(b"]")

    def members(self) -> Iterator[str]:
        """Take an object and yield its keys; the caller takes each one's value. Raises NotJson where it is broken."""
        self.take(b"{")
        while self.peek() != b"}":
            key = parse(self.value() or b"")
            if not isinstance(key, str):
                raise NotJson("a key is no text")
            self.take(b":")
            yield key
            if self.peek() != b"}":
                self.take(b",")
        self.take(b"}")
