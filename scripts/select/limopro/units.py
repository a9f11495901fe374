r"""Units: a chain cut into sentences, lines and displays, the pieces that steps are made of.

A unit ends with a line, or with a sentence inside a line. Displays, code and inline mathematics are never torn; a
display that follows its line at once belongs to it. Space stays with the unit before, so the joined units are the
chain, byte for byte. The time grows linearly with the text, whatever is in it.
"""

import re
from bisect import bisect_left
from typing import NamedTuple


class Span(NamedTuple):
    """Text that is not torn, in characters; `inline` mathematics or a display (mathematics or code)."""

    start: int
    end: int
    inline: bool


_OPENING = re.compile(
    r"```|(?<!\\)\\\[|(?<!\\)\$\$|\\begin\{(?P<environment>[a-zA-Z]+\*?)\}|\[asy\]"
    r"|(?P<inline>\\\(|(?<!\\)\$(?=[^\s$]))"
)
_CLOSING = {"```": "```", "\\[": "\\]", "$$": "$$", "[asy]": "[/asy]", "\\(": "\\)", "$": "$"}
_BREAK = r"\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029"
# Empty lines belong to the line before them, the indentation of a line to the line.
_LINE_BREAK = re.compile(rf"[{_BREAK}]++(?:[^\S{_BREAK}]++[{_BREAK}]++)*+")
# A sentence ends with its mark and the space after it, where no small letter follows; in Chinese no space follows.
_SENTENCE_END = re.compile(rf"(?<=[.!?…])[^\S{_BREAK}]++(?=[^\sa-zα-ω≈×=+])|[。！？]++[”’」』）]*+[^\S{_BREAK}]*+")
_ABBREVIATION = re.compile(r"\b(?:e\.g|i\.e|cf|vs|resp|eqs?|fig|approx|dr|mrs?|ms|prof|st)\.\s*$", re.IGNORECASE)
_NUMBERING = re.compile(r"\s*(?:\d{1,3}[.)]|[-*+•]|\(\d{1,3}\))\s*")


class _Finder:
    """`str.find` that never reads the same part of the text twice, for places that only grow."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.found: dict[str, int] = {}

    def __call__(self, closing: str, start: int) -> int:
        """Return where `closing` stands next, the end of the text if it does not."""
        if self.found.get(closing, -1) < start:
            place = self.text.find(closing, start)
            self.found[closing] = place if place >= 0 else len(self.text)
        return self.found[closing]


def untorn_spans(text: str) -> list[Span]:
    """Return the displays, code and inline mathematics of `text`, in order, none inside another."""
    find, spans, position = _Finder(text), [], 0
    while match := _OPENING.search(text, position):
        opening, environment = match.group(), match["environment"]
        closing = f"\\end{{{environment}}}" if environment else _CLOSING[opening]
        place = find(closing, match.end())
        end = min(place + len(closing), len(text))
        closed = place < len(text) or opening == "```"  # a code block may be cut off by the end of the chain
        if match["inline"]:
            closed = closed and place < find("\n", match.end())
            if opening == "$":  # pandoc's rule, which leaves "$5 and $6" alone
                closed = closed and not text[place - 1].isspace() and not text[end : end + 1].isdigit()
        if closed:
            spans.append(Span(match.start(), end, bool(match["inline"])))
        position = end if closed else match.end()
    return spans


def _span_around(position: int, spans: list[Span]) -> Span | None:
    """Return the span that begins at `position` or has it inside."""
    place = bisect_left(spans, (position + 1,)) - 1
    return spans[place] if place >= 0 and position < spans[place].end else None


def _begins_unit(text: str, position: int, gap: str, spans: list[Span]) -> bool:
    """Tell whether a unit may begin at `position`, with the space `gap` before it."""
    span = _span_around(position, spans)
    if span and (span.start < position or (not span.inline and gap.count("\n") == 1)):
        return False
    return position < len(text)


def unit_bounds(text: str) -> list[tuple[int, int]]:
    """Return (start, end) of every unit of `text`, in characters; together they cover it without a gap."""
    spans = untorn_spans(text)
    cuts = [
        match.end() for match in _LINE_BREAK.finditer(text) if _begins_unit(text, match.end(), match.group(), spans)
    ]
    for match in _SENTENCE_END.finditer(text):
        if not _ABBREVIATION.search(text[max(0, match.start() - 12) : match.end()]):
            cuts += [match.end()] if _begins_unit(text, match.end(), " ", spans) else []
    starts = sorted({0, *cuts})
    return [(start, end) for start, end in zip(starts, [*starts[1:], len(text)], strict=True) if start < end]


def is_numbering(unit: str) -> bool:
    """Tell whether a unit is nothing but the number or the bullet of a list."""
    return bool(_NUMBERING.fullmatch(unit))
