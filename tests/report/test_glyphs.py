"""Other scripts: set where a font has them, else shown by their codes and said to be, in the document and in figures."""

import re
from io import BytesIO
from pathlib import Path

import pytest
import typst
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from pypdf import PdfReader

from scripts.common.digest import ROOT
from scripts.report import glyphs
from scripts.report.figures import lettering, style
from scripts.report.glyphs import candidates, packages, prepare, sentence, without_glyph
from scripts.report.render_report import said_of
from scripts.report.rendering import let_float

NAMES = "中文模型 Модель μοντέλο मॉडल"


def test_what_is_looked_at() -> None:
    """Letters, marks, numbers and signs beyond ASCII, and what Unicode gives no meaning; no spaces, controls, no emoji."""
    assert candidates(["abc é\u200b\u0301 中", "中🙂−\u00a0\ufe0f\ue000"]) == sorted("é中−\u0301\ue000")


def test_missing_is_what_typst_has_no_font_for() -> None:
    """Latin and our own marks come with typst; of a script that no font has each letter is told, and only it."""
    assert without_glyph("éß−▲▼◆○†‡") == []
    assert without_glyph("") == []
    letters = ["é", "\U0001e900", "\U00016f0a"]  # Adlam and Miao: told unless this machine has fonts of all scripts
    alone = [letter for letter in letters if without_glyph([letter])]
    assert without_glyph(letters) == alone and "é" not in alone


def compiled(folder: Path, text: str, words: str) -> str:
    """Return the text of a PDF by the project's template whose title and body are `words`."""
    template = "typst-template.typ"
    (folder / template).write_text((ROOT / "report" / template).read_text())
    said = re.sub(r"^```.*$", "", said_of(prepare(folder, [words]), []), flags=re.MULTILINE)
    let_float(folder)
    source = f'#import "{template}": *\n#show: article.with(title: [{words}])\n{said}\n{text}\n'
    (folder / "document.typ").write_text(source)
    pages = PdfReader(BytesIO(typst.compile(folder / "document.typ", format="pdf"))).pages
    return " ".join(" ".join(page.extract_text() for page in pages).split())


def test_names_stand_or_their_codes(tmp_path: Path) -> None:
    """Of Chinese, Cyrillic, Greek and Devanagari names every character is in the PDF, or its code is and the page says
    so."""
    text = compiled(tmp_path, f"The best is {NAMES}, 7.", NAMES)
    missing = without_glyph(candidates([NAMES]))
    assert "Модель" in text and "μοντέλο" in text
    for letter in set(NAMES) - {" "}:
        assert (f"U+{ord(letter):04X}" if letter in missing else letter) in text
    assert ("of this machine has" in text) == bool(missing)


def test_the_page_shows_codes_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the title too, which is set before all that the document brings."""
    monkeypatch.setattr(glyphs, "without_glyph", lambda letters: ["中", "文"])
    text = compiled(tmp_path, "The answer is 中文 7.", "中文")
    assert text.startswith("U+4E2D U+6587 ")
    assert "The answer is U+4E2D U+6587 7." in text
    assert (
        "No font of this machine has 2 characters of this report (U+4E2D, U+6587): the PDF shows their codes." in text
    )
    assert "To have them, install Debian's fonts-noto-cjk, or put" in text.replace("’", "'")


def test_the_page_tells_what_figures_lack() -> None:
    assert said_of([], []) == ""
    assert said_of([], ["中"]).startswith(
        "\nNo font of this machine has 1 character of this report \\(U\\+4E2D\\)\\: fig"
    )


def test_which_package_brings_what() -> None:
    assert packages("中한ア") == ["fonts-noto-cjk"]
    assert packages("ব") == ["fonts-noto-core"]
    assert packages("🧠") == ["fonts-symbola"] and candidates("🧠", emoji=True) == ["🧠"]
    assert packages("ব中") == ["fonts-noto-cjk", "fonts-noto-core"]


def test_many_are_counted() -> None:
    assert "and 88 more" in sentence([chr(0x4E00 + n) for n in range(100)])


def a_font(file: Path, name: str, letters: str) -> None:
    """Write a font whose characters are all one square."""
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    for point in ((0, 700), (700, 700), (700, 0)):
        pen.lineTo(point)
    pen.closePath()
    font = FontBuilder(1000, isTTF=True)
    font.setupGlyphOrder([".notdef", "square"])
    font.setupCharacterMap({ord(letter): "square" for letter in letters})
    font.setupGlyf({".notdef": pen.glyph(), "square": pen.glyph()})
    font.setupHorizontalMetrics({".notdef": (800, 0), "square": (800, 0)})
    font.setupHorizontalHeader(ascent=800, descent=-200)
    font.setupNameTable({"familyName": name, "styleName": "Regular", "psName": name.replace(" ", "")})
    font.setupOS2(usWeightClass=400)
    font.setupPost()
    font.save(file)


@pytest.fixture
def no_fonts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that matplotlib finds on the machine: none, but what a test adds. Nothing else has the letters."""
    from matplotlib import font_manager

    files: list[str] = []
    own = [entry for entry in font_manager.fontManager.ttflist if entry.name == lettering.OWN]
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: files)
    monkeypatch.setattr(font_manager.fontManager, "ttflist", own)
    return files


def drawn(path: Path) -> tuple[str, list[str]]:
    """Write a figure and return its file, and the names that stand on its axis and over it."""
    figure, grid = style.new_figure(1.0)
    grid[0, 0].set_yticks([0, 1], ["Модель", "中x"])
    grid[0, 0].set_title("文 title")
    style.save(figure, path)
    shown = [*grid[0, 0].get_yticklabels(), grid[0, 0].title]
    return path.read_text(), [text.get_text() for text in shown]


def test_figures_show_codes_and_say_so(
    tmp_path: Path, no_fonts: list[str], caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder
) -> None:
    """Matplotlib, which would warn of a box, warns of none."""
    _, names = drawn(tmp_path / "figure.svg")
    assert names[:2] == ["Модель", "U+4E2D x"]
    assert lettering.missing_in(tmp_path / "figure.svg") == ["中", "文"]
    assert "(U+4E2D, U+6587): figures show their codes" in caplog.text
    assert not [str(warning.message) for warning in recwarn if "Glyph" in str(warning.message)]


def test_figures_take_what_another_font_has(
    tmp_path: Path, no_fonts: list[str], caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder
) -> None:
    """A font that has come since matplotlib listed the machine's is found; of two the preferred one is taken."""
    for name in ("Any", glyphs.PREFERRED[0]):
        a_font(tmp_path / f"{name}.ttf", name, "中文")
        no_fonts.append(str(tmp_path / f"{name}.ttf"))
    svg, names = drawn(tmp_path / "figure.svg")
    assert lettering.covering("中é") == ([lettering.OWN, glyphs.PREFERRED[0]], [])
    assert names[:2] == ["Модель", "中x"] and lettering.missing_in(tmp_path / "figure.svg") == []
    assert "NotoSerifCJKSC" in svg and "figures show" not in caplog.text
    assert not [str(warning.message) for warning in recwarn if "Glyph" in str(warning.message)]
