"""The letters of a figure: what its own font lacks comes from another font of this machine, or is shown as codes."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.report.glyphs import PREFERRED, candidates, code

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontEntry

OWN = "DejaVu Sans"
"""The figures' font, which comes with matplotlib."""
_SAID = re.compile(r"No font: ((?:U\+[0-9A-F]+ ?)+)")


def give_fonts(figure: "Figure") -> list[str]:
    """Give the texts of a figure the fonts that they need; characters that no font has become their codes. Returns
    those."""
    from matplotlib.text import Text

    axes = [axis for pair in figure.axes for axis in (pair.xaxis, pair.yaxis)]
    ticks = [axis.get_ticklabels() for axis in axes]  # their texts are made when they are asked for
    texts = figure.findobj(Text)
    families, missing = covering(candidates((text.get_text() for text in texts), emoji=True))
    coded = {ord(letter): f"{code(letter)} " for letter in missing}
    for axis, labels in zip(axes, ticks, strict=True):
        names = [label.get_text() for label in labels]
        if any(letter in name for letter in missing for name in names):
            axis.set_ticks(axis.get_majorticklocs(), [name.translate(coded).strip() for name in names])
    if len(families) > 1 or missing:
        for text in texts:
            text.set(text=text.get_text().translate(coded), fontfamily=families)
    return missing


def covering(letters: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the fonts, the own one first, that together have some characters, and the characters that none has."""
    families, left = [OWN], set(letters)
    for entry in _entries():
        if not left:
            break
        has = {letter for letter in left if letter in _characters(entry)}
        if has and entry.name not in families:
            families.append(entry.name)
        left -= has
    return families, sorted(left)


def _entries() -> Iterator["FontEntry"]:
    """Yield upright fonts of normal weight: the own, the preferred, all others; new ones since matplotlib's list was
    made are taken in."""
    from matplotlib import font_manager

    manager = font_manager.fontManager
    yield from [entry for entry in manager.ttflist if entry.name == OWN and _plain(entry)][:1]
    known = {entry.fname for entry in manager.ttflist}
    for file in font_manager.findSystemFonts():
        if file not in known:
            try:
                manager.addfont(file)
            except (RuntimeError, OSError):
                continue  # a font that matplotlib cannot read is as good as none
    order = {name: place for place, name in enumerate(PREFERRED)}
    yield from sorted(
        filter(_plain, manager.ttflist), key=lambda entry: (order.get(entry.name, len(order)), entry.name)
    )


def _plain(entry: "FontEntry") -> bool:
    return entry.style == "normal" and entry.weight in (400, "normal", "regular", "book")


def _characters(entry: "FontEntry") -> set[str]:
    from matplotlib.ft2font import FT2Font

    face = FT2Font(entry.fname, face_index=entry.index)
    return set(map(chr, face.get_charmap()))


def said(missing: Iterable[str]) -> str:
    """Return what a figure's file says of the characters that it shows as codes."""
    return f"No font: {' '.join(map(code, missing))}"


def missing_in(file: Path) -> list[str]:
    """Return the characters that a figure shows as codes, as its file says."""
    found = _SAID.search(file.read_text(encoding="utf-8"))
    return [chr(int(word[2:], 16)) for word in found[1].split()] if found else []
