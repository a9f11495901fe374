"""Finds reworded benchmark questions among the questions of rows: by the words, numbers and formulas that they share.

Of a question count its content words (stems, without function words and the words in which any problem is put, such as
"find" or "the value of"), its numbers, pairs of numbers that follow each other, and pieces of its formulas, whatever
their letters are called. A word weighs the more, the fewer benchmark questions hold it. Two questions are as alike as
the weight that they share over the weight of both: the weighted Jaccard index. (MinHash would estimate it; against
some thousand benchmark questions it is computed exactly.) What the row has beyond the benchmark's question counts half,
since instructions stand around it. And numbers decide: a problem with other numbers is another problem.
"""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import polars as pl
from scipy import sparse

from scripts.data.numbers import HYPHENED, NUMBERS
from scripts.data.words import HAN, WORD, normalise

BEYOND = 0.5
"""Weight of a word that only the row has."""
FEWEST = 5
"""Words, numbers and pieces; a benchmark question of fewer is only looked for word by word."""
PIECE = 4
"""Signs of a piece of a formula."""
TWINS, ALIKE = 5, 0.8
"""A question is of a template where more than so many of the benchmark share that part of its words (Jaccard)."""
SPARE = 2
"""Numbers that instructions around a question may hold."""
BATCH = 250
# Function words, and what problems of any content are put in.
COMMON = frozenset(
    """
    about above after all also am among an and any are as at be because been before being between both but by can
    could did do does doing done down during each either else for from further given gives had has have having he
    hence her here hers him his how if in into is it its itself let lets like made make makes many may me might more
    most much must my neither no nor not now of off on once one only or other others our out over own per same say
    she should since so some such than that the their them then there these they this those though through thus to
    too toward under until up upon us very was we were what whatever when where whether which while who whom whose
    why will with within without would you your answer answers box boxed calculate compute conclude consider
    consists deduce denote denotes derive describe determine equal equals establish evaluate exact exactly exercise
    explain express expressed expression fact final finally find follow following follows form get give hint holds
    identify instead know known least letter mark note obtain please problem produce prove provide put question
    reason response result results round satisfies satisfy satisfying shall show simplify solution solve state step
    suppose task tell think value values work write written yield begin cdot cdots circ dots end hline ldots
    operatorname rm tag times
    """.split()  # noqa: SIM905
) | frozenset("abcdefghijklmnopqrstuvwxyz")
_HEADING = r"(?i)\b(?:question|problem|exercise|task|no|q)\b[.\s#]*\d+\s*[:.)]"
_LABEL = r"(?m)^[ \t]*\(?\d{1,2}[.)][ \t]+"  # of an item in a list
# Chinese sets no blank behind a mark.
_PROSE = re.compile(
    r"(?<!\\)[^\W\d_]{2,}|[\u4e00-\u9fff]|(?<=[\u4e00-\u9fff])[.,;:?!]|[.,;:?!](?=\s|$|[\u4e00-\u9fff])"
)
_IDLE = re.compile(r"[\s${}()\[\]\\&]|\\[a-z]+(?=[\s{])")
_LETTER = re.compile(r"[^\W\d_]")
_NUMBER = re.compile(rf"\d+|\b(?:{'|'.join(NUMBERS)})\b")
_HAN = re.compile(r"[\u4e00-\u9fff]+")
_STEM = r"(?:ations?|ings?|edly|ed|ers?|ies|es|ly|s|e|y)$"


class Likeness(NamedTuple):
    """A row's question that is like a benchmark question."""

    text: int
    question: int
    score: float


class Numbers(NamedTuple):
    """The numbers of a text."""

    all: Counter[str]
    pairs: Counter[tuple[str, str]]
    """Those that follow each other."""


def content(texts: pl.Series) -> tuple[pl.DataFrame, list[Numbers]]:
    """Return a row (text, word, kind) for each word, number and piece that counts in a text; each text's numbers."""
    plain = normalise(texts.str.replace_all(_LABEL, "")).str.replace_many(HYPHENED)
    places = pl.Series("text", np.arange(len(texts)), dtype=pl.Int64)
    words = pl.DataFrame([places, plain.str.extract_all(WORD).alias("word")]).explode("word").drop_nulls("word")
    words = words.with_columns(pl.col("word").replace(NUMBERS))
    words = words.filter(~pl.col("word").is_in(list(COMMON)), ~pl.col("word").str.contains(HAN))
    stem = pl.when(pl.col("word").str.len_chars() > 4).then(pl.col("word").str.replace(_STEM, ""))
    kind = pl.when(pl.col("word").str.contains(r"^\p{N}")).then(pl.lit("number")).otherwise(pl.lit("word"))
    words = words.with_columns(stem.otherwise("word").alias("word"), kind.alias("kind"))

    numbers = [[NUMBERS.get(word, word) for word in _NUMBER.findall(text)] for text in plain]
    pairs = [list(pairwise(of_text)) for of_text in numbers]
    pieces = [_pieces(text) + [f"{one}>{two}" for one, two in found] for text, found in zip(plain, pairs, strict=True)]
    formulas = pl.DataFrame([places, pl.Series("word", pieces, dtype=pl.List(pl.String))]).explode("word")
    formulas = formulas.drop_nulls("word").with_columns(kind=pl.lit("piece"))
    counted = [Numbers(Counter(every), Counter(two)) for every, two in zip(numbers, pairs, strict=True)]
    return pl.concat([words, formulas]).unique(maintain_order=True), counted


def _pieces(text: str) -> list[str]:
    """Return the pieces of a text's formulas, with one name for all letters, and its pairs of Han characters."""
    runs = _LETTER.sub("x", _IDLE.sub("", _PROSE.sub("\x1f", text))).split("\x1f")
    formulas = [run[start : start + PIECE] for run in runs for start in range(len(run) - PIECE + 1)]
    return formulas + [run[start : start + 2] for run in _HAN.findall(text) for start in range(len(run) - 1)]


class Rewordings:
    """The content words of all benchmark questions."""

    def __init__(self, questions: Sequence[str], threshold: float) -> None:
        """Take `questions`, and the likeness from which on a text counts as one of them."""
        self._threshold = threshold
        words, self._numbers = content(pl.Series(questions, dtype=pl.String))
        vocabulary = words.group_by("word", maintain_order=True).len()
        weights = np.log1p(len(questions) / vocabulary["len"].to_numpy())
        # A word of no benchmark question is as seldom as one of a single question.
        self._seldom = float(np.log1p(len(questions)))
        self._vocabulary = vocabulary.select("word", place=pl.int_range(pl.len()), weight=pl.Series(weights))
        placed = self._placed(words)
        self._held = self._matrix(placed, placed["weight"].to_numpy(), len(questions))
        self._weights = np.asarray(self._held.sum(axis=1))
        self._enough = np.diff(self._held.indptr) >= FEWEST
        prose = placed.filter(kind="word")
        self._of_template = _of_template(self._matrix(prose, np.ones(len(prose)), len(questions)))

    def _placed(self, words: pl.DataFrame) -> pl.DataFrame:
        return words.join(self._vocabulary, on="word", how="left", maintain_order="left")

    def _matrix(self, placed: pl.DataFrame, values: np.ndarray, texts: int) -> sparse.csr_array:
        places = (placed["text"].to_numpy(), placed["place"].to_numpy())
        return sparse.csr_array((values, places), shape=(texts, len(self._vocabulary)))

    def find(self, texts: pl.Series) -> list[Likeness]:
        """Return each pair of a text and a benchmark question that are alike, in the order of texts and questions."""
        words, numbers = content(texts.str.replace_all(_HEADING, " "))
        placed = self._placed(words)
        total = np.bincount(placed["text"].to_numpy(), placed["weight"].fill_null(self._seldom).to_numpy(), len(texts))
        known = placed.drop_nulls("place")
        shared = (self._matrix(known, np.ones(len(known)), len(texts)) @ self._held.T).tocoo()
        text, question = shared.coords
        scores = shared.data / (self._weights[question] + BEYOND * (total[text] - shared.data))
        close = np.flatnonzero((scores >= self._threshold) & self._enough[question])
        found = [Likeness(int(text[k]), int(question[k]), float(scores[k])) for k in close]
        return sorted(hit for hit in found if self._same_numbers(hit.question, numbers[hit.text]))

    def _same_numbers(self, question: int, held: Numbers) -> bool:
        """Whether a text holds a question's numbers but for one in ten, and few others.

        Of a template it must hold just these, and in their order but for one place: numbers alone tell its questions.
        """
        asked = self._numbers[question]
        lost, more = (asked.all - held.all).total(), (held.all - asked.all).total()
        if self._of_template[question]:
            return lost == more == 0 and (asked.pairs - held.pairs).total() <= 1
        return 10 * lost <= asked.all.total() and more <= max(SPARE, asked.all.total() // 4)


def _of_template(words: sparse.csr_array) -> np.ndarray:
    """Return for each question whether its words tell little: it has next to none, or several others have the same."""
    sizes = np.diff(words.indptr)
    twins = np.zeros(len(sizes), np.int64)
    for start in range(0, len(sizes), BATCH):
        shared = (words[start : start + BATCH] @ words.T).tocoo()
        one, other = shared.coords
        alike = shared.data >= ALIKE * (sizes[one + start] + sizes[other] - shared.data)
        twins[start : start + BATCH] = np.bincount(one[alike], minlength=len(sizes[start : start + BATCH]))
    return (sizes < 2) | (twins > TWINS)
