"""Characters without a glyph are shown by their codes, and said to be so."""

import re
from io import BytesIO

import typst
from pypdf import PdfReader

from scripts.report.glyphs import block, candidates, sentence, without_glyph


def test_what_is_looked_at() -> None:
    """Letters, numbers and signs beyond ASCII; no spaces, marks, controls, and no emoji, whose codes are shown anyway."""
    assert candidates(["abc é\u200b\u0301 中", "中🙂−"]) == sorted("é中−")


def test_missing_is_what_typst_has_no_font_for() -> None:
    """Latin and our own marks come with typst; of a script that no font has each letter is told, and only it."""
    assert without_glyph(list("éß−▲▼◆○†‡")) == []
    assert without_glyph([]) == []
    letters = ["é", "\U0001e900", "\U00016f0a"]  # Adlam and Miao: told unless this machine has fonts of all scripts
    alone = [letter for letter in letters if without_glyph([letter])]
    assert without_glyph(letters) == alone and "é" not in alone


def test_the_page_shows_codes_and_says_so() -> None:
    raw = block(["中", "文"])
    source = re.sub(r"^```.*$", "", raw, flags=re.MULTILINE) + "\nThe answer is 中文 7.\n"
    (page,) = PdfReader(BytesIO(typst.compile(source.encode(), format="pdf"))).pages
    text = " ".join(page.extract_text().split())
    assert "The answer is U+4E2D U+6587 7." in text
    assert "No font of this machine has 2 of the characters (U+4E2D, U+6587)" in text
    assert block([]) == ""


def test_many_are_counted() -> None:
    assert "and 88 more" in sentence([chr(0x4E00 + n) for n in range(100)])
