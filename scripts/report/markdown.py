r"""Markdown for the report, in which text that comes from data cannot be anything but text.

Every ASCII punctuation mark is escaped with a backslash: pandoc then reads none as markup, mathematics, HTML, raw
typst, a citation or a Quarto shortcode, and its writers escape for HTML and typst. Questions, answers, titles, names
and error messages are such text.
"""

import re
from collections.abc import Sequence

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
# Control characters, and what turns the direction of the writing round for all that follows.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
LONGEST_TITLE = 300  # characters
LONGEST = 24  # characters of a word that must not be broken
BREAK = "\u200b"  # zero-width space: a line may break here
SOFT_HYPHEN = "\u00ad"
_PIECE = re.compile(rf"([^\s{BREAK}]{{{LONGEST}}})(?=[^\s{BREAK}])")


def _breakable_word(word: str) -> str:
    """Return a word that may break after its punctuation and, where it has none for long, anywhere."""
    return _PIECE.sub(rf"\1{BREAK}", re.sub(r"([^\w\s])(?=\w)", rf"\1{BREAK}", word))


def escape(text: object, longest: int = LONGEST) -> str:
    """Return a text as inline Markdown on one line; words of more than `longest` characters may break."""
    words = _CONTROL.sub("", str(text)).split()
    return _PUNCTUATION.sub(r"\\\1", " ".join(_breakable_word(word) if len(word) > longest else word for word in words))


def cut(text: str, longest: int = LONGEST_TITLE) -> str:
    """Return a text as plain text on one line: without control characters, of at most so many characters."""
    whole = " ".join(_CONTROL.sub("", text).split())
    return whole if len(whole) <= longest else f"{whole[: longest - 1]}…"


def introducing(paragraph: str) -> str:
    """Return a paragraph that, in the PDF, stands on the page where what follows it begins."""
    return f"`#block(sticky: true, below: 0.7em)[`{{=typst}}{paragraph}`]`{{=typst}}"


def breakable(name: object) -> str:
    """Return a name (of a file, a run) as inline Markdown that may break after its punctuation."""
    return escape(str(name).replace("_", f"_{BREAK}"), longest=0)


def quote(text: str) -> str:
    """Return a text of several lines as a block quotation that keeps its line breaks and indentation."""
    lines = []
    for line in _CONTROL.sub("", text.replace("\r\n", "\n")).expandtabs(4).split("\n"):
        indent = len(line) - len(line.lstrip(" "))
        lines.append("\u00a0" * min(indent, 16) + escape(line) if line.strip() else "")
    paragraphs = re.split(r"\n{2,}", "\n".join(lines).strip("\n"))
    blocks = [" \\\n".join(paragraph.split("\n")) for paragraph in paragraphs]
    return "\n".join(f"> {line}".rstrip() for line in "\n\n".join(blocks).split("\n"))


# A word of a cell: letters and escaped signs; no number, no reference, and no part of one.
_WORD = re.compile(r"(?<![@\w#{-])[^\W\d](?:\\[!-/:-@\[-`{-~]|\w)+")


def fitted(cell: str, width: float) -> str:
    """Return a cell whose words may break, after their signs or with a hyphen, where a column of `width`% has no room.

    A column of 1% has room for about one letter. Cells with code or links stay as they are.
    """
    most = max(4, round(width) - 1)

    def broken(part: str) -> str:
        letters = re.findall(r"\\?.", part)
        pieces = -(-len(letters) // most)
        size = -(-len(letters) // max(1, pieces))
        return SOFT_HYPHEN.join("".join(letters[at : at + size]) for at in range(0, len(letters), size or 1))

    def words(match: re.Match[str]) -> str:
        return BREAK.join(map(broken, re.split(r"(?<=\\[_-])", match[0])))

    return cell if "`" in cell or "](" in cell else _WORD.sub(words, cell)


def table(
    headers: Sequence[str], rows: Sequence[Sequence[str]], align: str, widths: Sequence[int], caption: str, label: str
) -> str:
    """Return a pipe table with a caption and a label to refer to.

    Cells and headers are Markdown (escape what is data). `align` has l, r or c for each column, `widths` their shares
    of the page. The line of dashes is made long: pandoc wraps cells by relative widths only if a line is.
    """
    scale = 200 / sum(widths)
    headers, *rows = (
        [fitted(cell, width * scale / 2) for cell, width in zip(cells, widths, strict=True)]
        for cells in (headers, *rows)
    )
    dashes = []
    for side, width in zip(align, widths, strict=True):
        line = "-" * max(3, round(width * scale))
        dashes.append({"l": f":{line}", "r": f"{line}:", "c": f":{line}:"}[side])
    lines = [headers, dashes, *rows]
    body = "\n".join("| " + " | ".join(cell or " " for cell in cells) + " |" for cells in lines)
    return f"{body}\n\n: {caption} {{#{label}}}\n"
