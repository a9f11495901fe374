"""Characters that the report's own font lacks: set from another font of this machine, or shown as codes and said to be.

Never silent boxes. The same rules hold for the PDF (typst) and for the letters of figures (scripts.report.figures.
lettering).
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

OWN = "Libertinus Serif"
"""The report's font, which comes with typst."""
PREFERRED = (
    "Noto Serif CJK SC",
    "Source Han Serif SC",
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Source Han Sans SC",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Droid Sans Fallback",
    "Noto Sans Devanagari",
    "Noto Sans",
)
"""Fonts that are taken first for what the own one lacks, best first; after them, any font that has a character."""
EMOJI = "\\u{1F000}-\\u{1FAFF}"
"""What is always shown as codes in the PDF: fonts have them as pictures, if at all."""


class Script(NamedTuple):
    """Writing that needs a font of its own."""

    name: str
    letters: str
    """A few of its characters."""
    package: str
    """Debian's package with a font for it."""


SCRIPTS = (
    Script("Chinese, Japanese, Korean", "中あ한", "fonts-noto-cjk"),
    Script("other scripts", "বთกაማ", "fonts-noto-core"),
)
_EAST_ASIAN = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "IDEOGRAPHIC", "FULLWIDTH", "HALFWIDTH")
_MISSING = re.compile(r'the text `"(.+?)"` could not be displayed')
_SHOWN = 12  # characters that the log and the page name


def candidates(texts: Iterable[str], emoji: bool = False) -> list[str]:
    """Return the characters of some texts that a font may lack: not ASCII, spaces, controls or selectors."""
    found = {letter for text in texts for letter in text if letter > "\x7f"}
    return sorted(letter for letter in found if _is_seen(letter) and (emoji or not _is_emoji(letter)))


def _is_emoji(letter: str) -> bool:
    return "\U0001f000" <= letter <= "\U0001faff"


def _is_seen(letter: str) -> bool:
    if "\ufe00" <= letter <= "\ufe0f" or letter >= "\U000e0000":
        return False
    category = unicodedata.category(letter)
    return category[0] in "LMNPS" or category in ("Co", "Cn")


def without_glyph(letters: Iterable[str]) -> list[str]:
    """Return those of some characters for which typst finds no font: PDF/A refuses them, and says which."""
    asked = list(letters)
    if not asked:
        return []
    import typst

    codes = " ".join(f"#str.from-unicode({ord(letter)})" for letter in asked)
    try:
        typst.compile(f'#set text(font: "{OWN}")\n{codes}'.encode(), format="pdf", pdf_standards="a-2u")
    except typst.TypstError as error:
        missing = set("".join(_MISSING.findall(error.diagnostic)))
        return [letter for letter in asked if letter in missing]
    return []


@cache
def fonts() -> tuple[str, ...]:
    """Return the fonts that typst sets text with, in order: the own one, then those preferred ones that are here."""
    import typst

    here = set(typst.Fonts().families())
    return (OWN, *(name for name in PREFERRED if name in here))


def prepare(folder: Path, texts: Iterable[str]) -> list[str]:
    """Tell the PDF's template in `folder` which fonts to use and what to show as codes for these texts; return the
    characters without a glyph."""
    missing = without_glyph(candidates(texts))
    codes = EMOJI + "".join(f"\\u{{{ord(letter):X}}}" for letter in missing)
    families = ", ".join(f'"{name}"' for name in fonts())
    template = folder / "typst-template.typ"
    head = f'#let fonts = ({families},)\n#let no-glyph = regex("[{codes}]")\n'
    template.write_text(head + template.read_text(encoding="utf-8"), encoding="utf-8")
    return missing


def code(letter: str) -> str:
    """Return a character's code, as Unicode writes it."""
    return f"U+{ord(letter):04X}"


def packages(letters: Iterable[str]) -> list[str]:
    """Return Debian's packages of fonts that have some characters."""
    wanted = set()
    for letter in letters:
        eastern = re.split("[ -]", unicodedata.name(letter, ""))[0] in _EAST_ASIAN
        wanted.add("fonts-symbola" if _is_emoji(letter) else SCRIPTS[0 if eastern else 1].package)
    return sorted(wanted)


def sentence(missing: list[str], where: str = "the PDF shows") -> str:
    """Return what is said of missing characters, by their codes: what shows them, and what would mend it."""
    codes = ", ".join(map(code, missing[:_SHOWN]))
    more = f" and {len(missing) - _SHOWN:,} more" if len(missing) > _SHOWN else ""
    of, its, them = ("character", "its code", "it") if len(missing) == 1 else ("characters", "their codes", "them")
    return (
        f"No font of this machine has {len(missing):,} {of} of this report ({codes}{more}): {where} {its}. "
        f"To have {them}, install Debian's {' and '.join(packages(missing))}, or put a font into ~/.local/share/fonts."
    )
