"""A row of a source while it is read: its columns by their plain names, and what was taken from where."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from scripts.common.config.dataset import ColumnNames
from scripts.data.names import plain


class Malformed(ValueError):
    """A row does not hold what its format promises, or holds what cannot be trained on."""

    def __init__(self, message: str, reason: str = "malformed") -> None:
        super().__init__(message)
        self.reason = reason


def text_of(value: Any, what: str) -> str:
    """Return a value that is text. Raises Malformed for any other."""
    if not isinstance(value, str):
        raise Malformed(f"{what} is {type(value).__name__}, not text")
    return value


def is_empty(value: Any) -> bool:
    """Whether a value says nothing: none, no text, an empty list, a number that is none."""
    if isinstance(value, float):
        return math.isnan(value)
    return value is None or (isinstance(value, str | list | tuple | Mapping) and len(value) == 0)


def from_json(text: str) -> Any:
    """Return what a text in JSON holds, None where it holds nothing."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


class Columns:
    """The columns of a row that hold something, by their plain names, and which of them were taken for what."""

    def __init__(self, row: Mapping[str, Any], names: ColumnNames | None = None) -> None:
        """Take the row apart; `names` may name keys inside a column (a.b), and columns that are not looked at."""
        self.row: Mapping[str, Any] = row
        self.taken: dict[str, str] = {}
        """What each column, by its name in the source, was taken for."""
        self.fields_left: list[str] = []
        """Fields of turns that were left out, as messages[].name."""
        self._keys: dict[str, str] = {}
        self._twins: dict[str, str] = {}
        for key, value in row.items():
            if not is_empty(value) and (first := self._keys.setdefault(plain(key), key)) != key and row[first] != value:
                self._twins[first] = key
        if names is None:
            return
        for name in names.ignore:
            if plain(name) in self._keys:
                self.fields_left.append(self._keys.pop(plain(name)))
        for name in names.named():
            if plain(name) not in self._keys and "." in name:
                self._add(name)

    def _add(self, name: str) -> None:
        """Add what stands inside a column under a path of keys as a column of its own."""
        head, *rest = name.split(".")
        value = self.row.get(self._keys.get(plain(head), head))
        for key in rest:
            if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):  # a table holds objects as text
                value = from_json(value)
            if isinstance(value, list) and key.isdecimal() and int(key) < len(value):
                value = value[int(key)]
            else:
                value = value.get(key) if isinstance(value, Mapping) else None
        if not is_empty(value):
            self.row = {**self.row, name: value}
            self._keys[plain(name)] = name
            self.taken[self._keys[plain(head)]] = f"'{name}'"

    def __contains__(self, name: str) -> bool:
        return name in self._keys

    def names(self) -> Iterator[str]:
        """Yield the plain names of the columns that hold something and were not taken yet."""
        return (name for name, key in self._keys.items() if key not in self.taken)

    def first(self, names: tuple[str, ...]) -> list[str]:
        """Return those of `names` that are there and not taken yet, in the order of `names`."""
        return [name for name in names if name in self._keys and self._keys[name] not in self.taken]

    def key(self, name: str) -> str:
        """Return a column's name in the source. Raises Malformed where there is none."""
        if name not in self._keys:
            raise Malformed(f"the column '{name}' is missing or empty")
        return self._keys[name]

    def see(self, name: str) -> Any:
        """Return a column's value, without taking it."""
        return self.row[self.key(name)]

    def take(self, name: str, role: str) -> Any:
        """Return a column's value, which is taken for `role`. Raises Malformed where there is none."""
        key = self.key(plain(name))
        if key in self._twins:
            raise Malformed(
                f"the columns '{key}' and '{self._twins[key]}' hold different values under one name: rename one",
                "ambiguous_columns",
            )
        self.taken[key] = f"{self.taken[key]} and {role}" if key in self.taken and self.taken[key] != role else role
        return self.row[key]

    def left_out(self) -> list[str]:
        """Return the columns that hold something and were not taken, by their names in the source."""
        return [str(key) for key in self._keys.values() if key not in self.taken] + self.fields_left


@dataclass
class Read:
    """What was read of a row so far."""

    question: str
    response: str | None = None
    reasoning: str | None = None
    system: str | None = None
    notes: list[str] = field(default_factory=list)
    """Choices that were made, in words."""
