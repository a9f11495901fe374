"""The benchmark question that is nearest to a training row's question, by the words that both hold."""

from collections import Counter
from typing import NamedTuple

import numpy as np
import polars as pl
from scipy import sparse

from scripts.data.words import split_words

BATCH = 500


class Nearest(NamedTuple):
    """The nearest of the questions."""

    place: int
    likeness: float
    """Cosine of TF-IDF vectors, 0 (no word in common) to 1 (the same words)."""


def _words(texts: list[str]) -> list[Counter[str]]:
    return [Counter(words) for words in split_words(pl.Series(texts, dtype=pl.String)).to_list()]


def _matrix(texts: list[Counter[str]], places: dict[str, int], weights: np.ndarray) -> sparse.csr_array:
    """Return (texts, words): counts times weights, each row of length 1; words not in `places` do not count."""
    known = [(row, places[word], n) for row, text in enumerate(texts) for word, n in text.items() if word in places]
    rows, columns, counts = np.array(known, int).reshape(-1, 3).T
    values = counts * weights[columns]
    lengths = np.sqrt(np.bincount(rows, values**2, minlength=len(texts)))
    return sparse.csr_array((values / lengths[rows], (rows, columns)), shape=(len(texts), len(places)))


def nearest(rows: list[str], questions: list[str]) -> list[Nearest | None]:
    """Return for each text of `rows` the nearest of `questions`, None where it shares no word with any of them.

    Words weigh log((1 + questions) / (1 + questions that hold it)) + 1, scikit-learn's TF-IDF; its own vectoriser takes
    longer to import than this to run. This is for looking: decontamination decides what leaves the pool.
    """
    if not questions:
        return [None] * len(rows)
    known = _words(questions)
    holding = Counter(word for words in known for word in words)
    places = {word: place for place, word in enumerate(holding)}
    weights = np.log((1 + len(questions)) / (1 + np.array(list(holding.values()), float))) + 1
    questions_by_words = _matrix(known, places, weights).T.tocsc()
    found: list[Nearest | None] = []
    for start in range(0, len(rows), BATCH):
        alike = (_matrix(_words(rows[start : start + BATCH]), places, weights) @ questions_by_words).toarray()
        for row, place in enumerate(alike.argmax(axis=1).tolist()):
            likeness = float(alike[row, place])
            found.append(Nearest(place, likeness) if likeness > 0 else None)
    return found
