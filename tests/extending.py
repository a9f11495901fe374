"""The examples of docs/extending.md, taken out of the page and put into a copy of the project."""

import re
from pathlib import Path
from typing import NamedTuple

PAGE = Path(__file__).resolve().parents[1] / "docs" / "extending.md"
BLOCK = re.compile(r'^```(\w+) title="([^"]+)"\n(.*?)^```$', flags=re.MULTILINE | re.DOTALL)


class Example(NamedTuple):
    """One fenced block that has a path."""

    language: str
    path: str
    text: str


def examples(section: str) -> list[Example]:
    """Return the blocks under the heading `section`."""
    page = PAGE.read_text(encoding="utf-8")
    (part,) = (part for part in re.split(r"^## ", page, flags=re.MULTILINE) if part.startswith(f"{section}\n"))
    return [Example(*block.groups()) for block in BLOCK.finditer(part)]


def put_in(folder: Path, section: str) -> list[str]:
    """Write the examples of a section into the project in `folder`; return the paths that they touch."""
    found = examples(section)
    for language, path, text in found:
        file = folder / path
        if language == "diff":
            text = with_lines(file.read_text(encoding="utf-8"), text)
        file.write_text(text, encoding="utf-8")
    return [example.path for example in found]


def with_lines(text: str, diff: str) -> str:
    """Return `text` with the lines of `diff` that begin with + behind the line above them, which must be there once."""
    lines = text.splitlines()
    place = 0
    for line in diff.splitlines():
        if line.startswith("+"):
            place += 1
            lines.insert(place, line[1:])
        else:
            (place,) = (number for number, known in enumerate(lines) if known == line[1:])
    return "\n".join(lines) + "\n"
