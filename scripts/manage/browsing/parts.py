"""Data as script files, in parts: a page that was opened from disk may load scripts, but may not fetch a file."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

CHARACTERS = 1_000_000
"""Text from which on a part is full: a click loads a few of them."""
SNIPPET = 200
"""Characters of a question that the table of all questions holds."""


def script(name: str, value: Any) -> str:
    """Return a part as JavaScript. Whatever its texts hold, they stay texts.

    The two line ends that older JavaScript takes for such inside a string are escaped, and `<`, so that the file could
    stand inside a page.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for sign in "\u2028\u2029<":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return f"browse.part({json.dumps(name)},{text});\n"


def write_part(folder: Path, name: str, value: Any) -> None:
    """Write one part as data/{name}.js."""
    (folder / "data").mkdir(exist_ok=True)
    # A half of a surrogate pair cannot be written as UTF-8.
    (folder / "data" / f"{name}.js").write_text(script(name, value), encoding="utf-8", errors="replace")


def write_parts(folder: Path, name: str, entries: Iterable[tuple[Any, int]]) -> list[int]:
    """Write `entries` (each with its length in characters), in order, to parts {name}-0, {name}-1 ...

    Returns the place of the entry that each part begins with. An entry is never cut, so that one is always in one part.
    """
    starts: list[int] = []
    held: list[Any] = []
    characters, place = 0, 0
    for entry, length in entries:
        if held and characters + length > CHARACTERS:
            write_part(folder, f"{name}-{len(starts)}", held)
            starts.append(place - len(held))
            held, characters = [], 0
        held.append(entry)
        characters, place = characters + length, place + 1
    if held:
        write_part(folder, f"{name}-{len(starts)}", held)
        starts.append(place - len(held))
    return starts


def snippet(text: str) -> str:
    """Return the beginning of a text, on one line."""
    line = " ".join(text[: 2 * SNIPPET].split())
    return line if len(line) <= SNIPPET and len(text) <= 2 * SNIPPET else f"{line[:SNIPPET].rstrip()} …"
