r"""Segmentation: a chain cut into steps whose texts, joined, are the chain, byte for byte.

A line break ends a step (R1 writes a thought a paragraph). Inside a paragraph a marker at the start of a sentence
begins a new step, so that a functional step takes no derivation with it, and a run of more than four sentences is
split. Separators stay with the step before. Display LaTeX, code blocks and numbered lists are never torn.
The paper (2505.19187, section 3) asks a model for groups of "typically 3-4" sentences; these are our rules for it.
"""

import re
from itertools import pairwise

from scripts.select.patterns import MARKER_AT_START

SENTENCES = 4  # the longest run of sentences without a marker in one step

_DISPLAY = re.compile(
    r"```.*?(?:```|\Z)"  # a code block, also one that is never closed
    r"|\\\[.*?\\\]"
    r"|\$\$.*?\$\$"
    r"|\\begin\{(?P<environment>[a-zA-Z]+\*?)\}.*?\\end\{(?P=environment)\}"
    r"|\[asy\].*?\[/asy\]",
    re.DOTALL,
)
_ITEM = r"[ \t]*(?:\d+[.)]|[-*+•]|\(\d+\))[ \t]+[^\n]*"
_LIST = re.compile(rf"^{_ITEM}(?:\n+{_ITEM})+", re.MULTILINE)
_INLINE = re.compile(r"(?<!\\)\$[^$\n]+\$|\\\(.*?\\\)")
_LINE_BREAK = re.compile(r"[ \t]*\n\s*")
# A sentence ends with its mark, closing quotes and the space after it; in Chinese no space follows.
_SENTENCE_END = re.compile(
    r"(?:[.!?…]+[\"'”’)\]*]*\s+(?=[\"'“‘(\[*$\\]*[A-Z0-9\u0370-\u03ff\u0400-\u04ff\u4e00-\u9fff$\\])|[。！？][”’」』）]*\s*)"
)
_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|cf|vs|etc|resp|eq|eqs|fig|approx|dr|mr|mrs|prof|st)|^\s*\d+)\.\s+$", re.IGNORECASE
)


def _protected(text: str, *patterns: re.Pattern[str]) -> list[tuple[int, int]]:
    return sorted(match.span() for pattern in patterns for match in pattern.finditer(text))


def _inside(position: int, spans: list[tuple[int, int]]) -> bool:
    return any(start < position < end for start, end in spans)


def _sentence_starts(text: str, start: int, end: int, spans: list[tuple[int, int]]) -> list[int]:
    """Return where the sentences of the paragraph text[start:end] begin, its own start left out."""
    starts = []
    for match in _SENTENCE_END.finditer(text, start, end):
        if (
            match.end() < end
            and not _inside(match.end(), spans)
            and not _ABBREVIATION.search(text[start : match.end()])
        ):
            starts.append(match.end())
    return starts


def step_bounds(text: str) -> list[tuple[int, int]]:
    """Return (start, end) of every step of `text`, in characters; together they cover it without a gap."""
    blocks = _protected(text, _DISPLAY, _LIST)
    breaks = [match.end() for match in _LINE_BREAK.finditer(text)]
    lines = [0, *(cut for cut in breaks if 0 < cut < len(text) and not _inside(cut, blocks)), len(text)]
    spans = sorted(blocks + _protected(text, _INLINE))
    cuts = set(lines)
    for start, end in pairwise(lines):
        sentences = 1
        for position in _sentence_starts(text, start, end, spans):
            if MARKER_AT_START.match(text, position) or sentences == SENTENCES:
                cuts.add(position)
                sentences = 1
            else:
                sentences += 1
    edges = sorted(cuts)
    return [(start, end) for start, end in pairwise(edges) if start < end]
