"""The commands that README and the pages show: in blocks of code, and within a sentence."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted(set((ROOT / "docs").glob("*.md")) - {ROOT / "docs/programs.md"})]
_OURS = re.compile(r"(?:[A-Z_]+=\S+ )*(?:make|(?:\.venv/bin/)?snakemake|(?:\.venv/bin/)?python -m) ")


class Command(NamedTuple):
    """A command of a page."""

    page: str
    text: str
    """As it stands there, lines joined, without a comment behind it."""
    in_block: bool
    """Whether it can be copied as a whole; within a sentence it may be a part of one."""

    @property
    def words(self) -> list[str]:
        """Its words as a shell takes them."""
        return shlex.split(self.text, comments=True)


def commands_of(page: str, text: str) -> Iterator[Command]:
    """Yield the commands of a page that call this project."""
    text = re.sub(r"\\\n\s*", "", text)
    fence: str | None = None
    for line in text.splitlines():
        if line.lstrip().startswith("```"):
            fence = None if fence is not None else line.strip()[3:]
        elif fence in ("", "sh", "bash") or (fence is None and line.startswith("    ")):
            for part in re.split(r"\s&&\s", line.partition("  #")[0].strip()):
                if _OURS.match(f"{part} "):
                    yield Command(page, part, True)
        elif fence is None:
            for part in re.findall(r"`([^`]+)`", line):
                if _OURS.match(f"{part} "):
                    yield Command(page, part, False)


def all_commands() -> list[Command]:
    """Return the commands of all pages, each once a page."""
    found = [command for page in PAGES for command in commands_of(page.name, page.read_text(encoding="utf-8"))]
    return list(dict.fromkeys(found))
