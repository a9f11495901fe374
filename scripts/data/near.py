"""Near duplicates: rows that repeat an earlier one but for a few words, by MinHash (datasketch) over word shingles.

What counts of a row are its runs of three words, question and response together, and besides them its numbers, each
pair and each three of numbers that follow each other: rows of one template that differ in their numbers are other
problems, and so are two questions of which each has a number that the other lacks. Two rows are near duplicates from
`THRESHOLD` of these in common on (Jaccard index, as 128 permutations estimate it: standard deviation 0.04). Candidates
share one of ten bands of five permutations: of rows that have 0.8 in common 98% are found, of 0.9 all but one in ten
thousand.
"""

import functools
import re
import unicodedata
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np

from scripts.data.numbers import HYPHENED, NUMBERS, han_in_digits
from scripts.data.seen import Seen

THRESHOLD = 0.7
PERMUTATIONS = 128
BANDS, WIDTH = 10, 5
_WORD = re.compile(r"[\u4e00-\u9fff]|[^\W\d_\u4e00-\u9fff]+|\d+")
_HYPHENED = re.compile("|".join(HYPHENED))
_BASE = np.uint64(0x9E3779B97F4A7C15)


class Sketch(NamedTuple):
    """What is kept of a row."""

    values: np.ndarray
    """uint32, its MinHash: one value a permutation."""
    asked: int
    """A bit of 64 for each number of its question."""


def signature(question: str, response: str) -> Sketch:
    """Return the sketch of a row."""
    text = han_in_digits(unicodedata.normalize("NFKC", f"{question}\n{response}").casefold())
    words = _WORD.findall(text)
    every = _hashes(words)
    numbers = _hashes([word for word in words if word.isdigit()])
    parts = [_runs(every, min(3, max(1, len(every)))), *(_runs(numbers, n) + np.uint64(n) for n in (1, 2, 3))]
    sketch = _empty().copy()
    # The upper half of a product depends on all bits of its factors.
    sketch.update_batch(np.unique(np.concatenate(parts) * _BASE >> np.uint64(32)).tolist())
    bits = (1 << crc32(number.encode()) % 64 for number in _numbers(question))
    return Sketch(sketch.hashvalues, sum(set(bits)))


def _numbers(question: str) -> set[str]:
    """Return the numbers of a question, those in words too."""
    text = _HYPHENED.sub(
        lambda match: HYPHENED[match[0]], han_in_digits(unicodedata.normalize("NFKC", question).casefold())
    )
    return {NUMBERS.get(word, word) for word in re.findall(r"\d+|[a-z]+", text) if word.isdigit() or word in NUMBERS}


@functools.cache
def _empty() -> Any:
    from datasketch import MinHash

    return MinHash(num_perm=PERMUTATIONS, hashfunc=int)


def _hashes(words: list[str]) -> np.ndarray:
    return np.fromiter((crc32(word.encode("utf-8", "surrogatepass")) for word in words), np.uint64, len(words))


def _runs(hashes: np.ndarray, n: int) -> np.ndarray:
    """Return a hash of each run of `n`."""
    count = max(0, len(hashes) - n + 1)
    runs = np.zeros(count, np.uint64)
    for offset in range(n):
        runs = runs * _BASE + hashes[offset : offset + count]
    return runs


class NearDuplicates:
    """The rows that came before: at most 700 bytes a row (bands in `Seen`, a byte of each permutation's value)."""

    def __init__(self) -> None:
        self._bands = Seen()
        self._values = np.empty((1024, PERMUTATIONS), np.uint8)
        self._ids, self._asked = np.empty(1024, np.uint64), np.empty(1024, np.uint64)
        self._rows = 0

    def check(self, sketch: Sketch, identity: int) -> tuple[int, float] | None:
        """Return the identity of the row before that is most alike and their likeness; where none is, remember this."""
        keys = [_key(band, sketch.values) for band in range(BANDS)]
        rows = {row for key in keys if (row := self._bands.get(key)) is not None}
        alike = [(self._likeness(row, sketch), -row) for row in rows]
        if alike and max(alike)[0] >= THRESHOLD:
            likeness, row = max(alike)
            return int(self._ids[-row]), likeness
        self._remember(keys, sketch, identity)
        return None

    def _likeness(self, row: int, sketch: Sketch) -> float:
        before = int(self._asked[row])
        if before & ~sketch.asked and sketch.asked & ~before:
            return 0.0
        # Of 256 values of a byte two are the same by chance.
        same = float((self._values[row] == sketch.values.astype(np.uint8)).mean())
        return max(0.0, (same - 1 / 256) / (1 - 1 / 256))

    def _remember(self, keys: list[int], sketch: Sketch, identity: int) -> None:
        if self._rows == len(self._ids):
            self._values, self._ids, self._asked = _longer(self._values), _longer(self._ids), _longer(self._asked)
        self._values[self._rows] = sketch.values.astype(np.uint8)
        self._ids[self._rows], self._asked[self._rows] = identity, sketch.asked
        for key in keys:
            self._bands.setdefault(key, self._rows)
        self._rows += 1


def _longer(values: np.ndarray) -> np.ndarray:
    return np.concatenate([values, np.empty_like(values[: len(values) // 2])])


def _key(band: int, sketch: np.ndarray) -> int:
    key = np.uint64(band + 1)
    with np.errstate(over="ignore"):
        for value in sketch[band * WIDTH : (band + 1) * WIDTH]:
            key = (key ^ np.uint64(value)) * _BASE
            key ^= key >> np.uint64(29)
    return int(key)
