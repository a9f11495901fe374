"""Finds benchmark questions of few words among the questions of rows: as sentences of their own.

Few words stand in many problems ("Find x."). So signs count beside words ("12 + 5" is not "12 - 5"), and such a
question must end where a sentence ends, which tells "Evaluate 96/12." from "Evaluate 96/12 + 5."; one that begins with
a number must begin where a sentence begins. One without a number must also stand among words that state no problem, and
one of one or two such words must be all that is asked.
"""

import re
from collections.abc import Iterator, Mapping

import polars as pl

from scripts.data.numbers import in_digits
from scripts.data.words import spelt

SHORTEST = 6
"""Words; questions of fewer are short."""
_SIGNS = "+*/=<>^-"
_TOKEN = re.compile(rf"[\u4e00-\u9fff]|[^\W\d_\u4e00-\u9fff]+|\d+|[{_SIGNS}]")
HAN = re.compile(r"[\u4e00-\u9fff]")
_IDLE = rf"(?:[^\w{_SIGNS}]|_)"
_MARKS = "?!;:,。？！；：，"
# A sentence begins after a line's end, a mark or an opening sign, and ends at one (no decimal point), or before a word
# with a capital.
_START = rf"(?:^|[\n.{_MARKS}\"'(\[])[^\w\n{_SIGNS}]*"
_END = rf"=?[^\w\n.{_MARKS}{_SIGNS}]*(?:$|[\n{_MARKS}]|\.(?!\d)|(?<=[\s(])(?=(?-i:[A-Z][a-z])))"
# What an instruction around a question may hold without stating a problem.
_INSTRUCTION = re.compile(r"\\boxed\s*\{[^{}]*\}|\b(?:question|problem|exercise|task|no|q)\b[.\s#]*\d+", re.IGNORECASE)
_PROBLEM = re.compile(r"[\d$\\=^]")


def _plain(texts: pl.Series) -> Iterator[str]:
    """Yield texts plainly spelt, their numbers in digits."""
    return map(in_digits, spelt(texts))


def tokens(text: str) -> list[str]:
    """Return the words and signs of a text that is spelt plainly; an equals sign at its end asks nothing more."""
    found = _TOKEN.findall(text.lower())
    return found[:-1] if found[-1:] == ["="] else found


class ShortQuestions:
    """Benchmark questions of fewer than six words."""

    def __init__(self, questions: Mapping[int, str]) -> None:
        """Take `questions` by their places in the benchmarks."""
        self._whole: dict[tuple[str, ...], list[int]] = {}
        self._by_first: dict[str, list[int]] = {}
        self._patterns: dict[int, re.Pattern[str]] = {}
        self._numbered: set[int] = set()
        for place, text in zip(questions, _plain(pl.Series(list(questions.values()), dtype=pl.String)), strict=True):
            words = tokens(text)
            self._whole.setdefault(tuple(words), []).append(place)
            numbered = any(word.isdigit() for word in words)
            if numbered or sum(word not in _SIGNS for word in words) > 2:
                self._by_first.setdefault(words[0], []).append(place)
                self._patterns[place] = _pattern(words)
                self._numbered |= {place} if numbered else set()

    def find(self, texts: pl.Series) -> Iterator[tuple[int, int]]:
        """Yield (text, question) for each text that holds a question, in the order of texts."""
        for number, text in enumerate(_plain(texts) if self._whole else ()):
            words = tokens(text)
            whole = self._whole.get(tuple(words), [])
            candidates = [place for word in self._by_first.keys() & set(words) for place in self._by_first[word]]
            held = (place for place in candidates if self._stands_in(place, text))
            yield from ((number, place) for place in sorted({*whole, *held}))

    def _stands_in(self, place: int, text: str) -> bool:
        for match in self._patterns[place].finditer(text):
            around = f"{text[: match.start()]} {text[match.end() :]}"
            if place in self._numbered or not _PROBLEM.search(_INSTRUCTION.sub(" ", around)):
                return True
        return False


def _pattern(words: list[str]) -> re.Pattern[str]:
    """Return a pattern of the words and signs in their order, with anything idle between them."""
    parts = [r"(?<![^\W_])" if words[0].isalpha() else _START]
    for before, word in zip(["", *words], words, strict=False):
        apart = (
            "+"
            if (before.isdigit() and word.isdigit()) or (before.isascii() and before.isalpha() and word.isalpha())
            else "*"
        )
        parts.append((f"{_IDLE}{apart}?" if before else "") + re.escape(word))
    return re.compile("".join(parts) + r"(?![^\W_])" + _END, re.IGNORECASE)
