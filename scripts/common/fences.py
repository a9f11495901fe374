"""Fenced blocks of code in a text: which is the last, and where they stand.

As CommonMark has them, but for the indentation: in a list a fence may stand anywhere on its line.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

MARK = ("```", "~~~")
"""What a fence begins with."""
_FENCE = re.compile(r"^[ \t]*(?P<fence>`{3,}|~{3,})[ \t]*(?P<info>[^\n`]*?)[ \t]*\r?$", re.MULTILINE)


class Block(NamedTuple):
    """A fenced block."""

    start: int
    """Where its first fence begins, in characters."""
    end: int
    """Where its last fence ends; of a block that is never closed, the end of its first fence."""
    info: str
    """What stands behind the first fence: a language, or nothing."""
    code: str | None
    """What stands between the fences, without the last line break; None where the block is never closed."""


def blocks(text: str) -> Iterator[Block]:
    """Yield the fenced blocks of a text, in order."""
    opened: re.Match[str] | None = None
    for line in _FENCE.finditer(text):
        if opened is None:
            opened = line
        elif line["fence"].startswith(opened["fence"]) and not line["info"]:
            code = text[opened.end() + 1 : line.start()]
            yield Block(opened.start(), line.end(), opened["info"], code.removesuffix("\n").removesuffix("\r"))
            opened = None
    if opened is not None:
        yield Block(opened.start(), opened.end(), opened["info"], None)


def last_block(text: str) -> Block | None:
    """Return the last fenced block of a text that holds more than blanks, or None; none either where it was cut off."""
    found = list(blocks(text))
    if not found or found[-1].code is None:
        return None
    return next((block for block in reversed(found) if block.code and block.code.strip()), None)
