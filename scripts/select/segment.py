r"""Segmentation: a chain cut into steps whose texts, joined, are the chain, byte for byte.

A line break ends a step (R1 writes a thought a paragraph). Inside a paragraph a marker at the start of a sentence
begins a new step, so that a functional step takes no derivation with it, and a run of more than four sentences is
split. Separators stay with the step before. Display LaTeX, code blocks and lists are never torn, and stay with the line
that introduces them. The paper (2505.19187, section 3) asks a model for groups of "typically 3-4" sentences; these are
our rules for it. The time grows linearly with the text, whatever is in it.
"""

import re
from bisect import bisect_left
from itertools import pairwise
from typing import NamedTuple

from scripts.select.patterns import begins_step, is_verdict

SENTENCES = 4  # the longest run of sentences without a marker in one step
REMARK, VERDICT = (
    2,
    5,
)  # a sentence of so many words is a remark ("Fine.") or, with its phrase, a verdict ("So it fits.")


class Span(NamedTuple):
    """Text that is not torn: "display" (mathematics and code), "list" or "inline" mathematics."""

    start: int
    end: int
    kind: str


_OPENING = re.compile(
    r"```|(?<!\\)\\\[|(?<!\\)\$\$|\\begin\{(?P<environment>[a-zA-Z]+\*?)\}|\[asy\]"
    r"|(?P<inline>\\\(|(?<!\\)\$(?=[^\s$]))"
)
_CLOSING = {"```": "```", "\\[": "\\]", "$$": "$$", "[asy]": "[/asy]", "\\(": "\\)", "$": "$"}
_MARK = r"(?:\d{1,3}[.)]|[-*+•]|\(\d{1,3}\))[ \t]++"
_ITEM = rf"{_MARK}[^\n]*+(?:\n[ \t]{{2,}}+\S[^\n]*+)*+"  # with the indented lines that go on with it
_LIST = re.compile(rf"^[ \t]*+(?P<list>{_ITEM}(?:\n\s*+{_ITEM})++)", re.MULTILINE)
_LINE_BREAK = re.compile(r"[\n\r\x85\u2028\u2029]\s*+")
# A sentence ends with its mark, closing quotes and the space after it; in Chinese no space follows.
_SENTENCE_END = re.compile(
    r"(?<![.!?…])[.!?…]++[\"'”’)\]*$\\]*+\s++(?=[\"'“‘(\[*$\\]*[A-Z0-9\u0370-\u03ff\u0400-\u04ff\u4e00-\u9fff$\\])"
    r"|[。！？]++[”’」』）]*+\s*+"
)
_ABBREVIATION = re.compile(r"\b(?:e\.g|i\.e|cf|vs|etc|resp|eq|eqs|fig|approx|dr|mr|mrs|prof|st)\.\s+$", re.IGNORECASE)
_NUMBERING = re.compile(r"\s*\d{1,3}\.\s+")
_WORD = re.compile(r"[^\W\d_]+")


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


def _mathematics_and_code(text: str) -> list[Span]:
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
            spans.append(Span(match.start(), end, "inline" if match["inline"] else "display"))
        position = end if closed else match.end()
    return spans


def _merged(spans: list[Span]) -> list[Span]:
    """Return spans that do not overlap, in order; one that overlaps another takes the kind of the first."""
    merged: list[Span] = []
    for span in sorted(spans):
        if merged and span.start < merged[-1].end:
            merged[-1] = merged[-1]._replace(end=max(span.end, merged[-1].end))
        else:
            merged.append(span)
    return merged


def _span_at(position: int, spans: list[Span]) -> Span | None:
    """Return the span that begins at `position` or has it inside."""
    place = bisect_left(spans, (position + 1,)) - 1
    return spans[place] if place >= 0 and position < spans[place].end else None


def _line_starts(text: str, blocks: list[Span]) -> list[int]:
    """Return where the lines begin that begin a step; a display goes on with the line before, a list after a colon."""
    starts = []
    for match in _LINE_BREAK.finditer(text):
        block = _span_at(match.end(), blocks)
        introduced = text[max(0, match.start() - 8) : match.start()].rstrip().endswith((":", "："))
        if block and (block.start < match.end() or block.kind == "display" or introduced):
            continue
        if match.end() < len(text):
            starts.append(match.end())
    return starts


def _sentence_starts(text: str, start: int, end: int, spans: list[Span]) -> list[int]:
    """Return where the sentences of the paragraph text[start:end] begin, its own start left out."""
    starts = []
    for match in _SENTENCE_END.finditer(text, start, end):
        span = _span_at(match.end(), spans)
        if (
            match.end() < end
            and not (span and span.start < match.end())
            and not _ABBREVIATION.search(text[max(start, match.end() - 12) : match.end()])
            and not _NUMBERING.fullmatch(text, start, match.end())
        ):
            starts.append(match.end())
    return starts


def _is_remark(text: str, start: int, end: int) -> bool:
    """Tell whether a sentence is a remark on the one before."""
    if end - start > 40:
        return False
    sentence = text[start:end]
    words = len(_WORD.findall(sentence))
    plain = sentence.isascii() and not any(map(str.isdigit, sentence))
    return plain and (words <= REMARK or (words <= VERDICT and is_verdict(text, start, end)))


def step_bounds(text: str) -> list[tuple[int, int]]:
    """Return (start, end) of every step of `text`, in characters; together they cover it without a gap."""
    spans = _mathematics_and_code(text)
    lists = [Span(*match.span("list"), "list") for match in _LIST.finditer(text)]
    blocks = _merged([span for span in spans if span.kind != "inline"] + lists)
    untorn = _merged(spans + lists)
    lines = [0, *_line_starts(text, blocks), len(text)]
    cuts = set(lines)
    for start, end in pairwise(lines):
        sentences, step, remarked = 1, start, False
        for position, following in pairwise([*_sentence_starts(text, start, end, untorn), end]):
            remark = _is_remark(text, position, following)
            full = sentences == SENTENCES and (remarked or not remark)
            if full or begins_step(text, step, position, remark):
                cuts.add(position)
                sentences, step = 1, position
            elif remarked or not remark:  # of two remarks in a row the second counts: a step has an end
                sentences += 1
            remarked = remark and not remarked
    return [(start, end) for start, end in pairwise(sorted(cuts)) if start < end]
