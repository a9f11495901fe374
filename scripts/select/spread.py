"""Choosing vectors that lie far apart: equal draws of every cluster, or k-center greedy."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scripts.common.cli import progress
from scripts.common.seeds import derive_seed

Vectors = NDArray[np.float32]
CLUSTER_BATCH = 8192  # vectors of a step of k-means
BLOCK = 256  # vectors whose distances are brought up to date together


def clusters_of(vectors: Vectors, clusters: int, seed: int) -> NDArray[np.int64]:
    """Return the number of each vector's cluster by k-means (in batches, k-means++); `vectors` is (rows, width)."""
    from sklearn.cluster import MiniBatchKMeans

    means = MiniBatchKMeans(min(clusters, len(vectors)), batch_size=CLUSTER_BATCH, n_init=1, random_state=seed)
    found: NDArray[Any] = means.fit_predict(vectors)
    return found.astype(np.int64)


def equal_shares(size: int, counts: Sequence[int]) -> list[int]:
    """Return how many of `size` each cluster gives: all the same, but that one with fewer gives all it has.

    What does not come out even goes to the largest clusters. `size` is at most the sum of `counts`.
    """
    shares, left = [0] * len(counts), size
    open_ones = sorted((place for place in range(len(counts)) if counts[place]), key=lambda place: counts[place])
    while open_ones:
        share = left // len(open_ones)
        if counts[open_ones[0]] > share:
            break
        place = open_ones.pop(0)
        shares[place] = counts[place]
        left -= counts[place]
    for number, place in enumerate(reversed(open_ones)):
        whole, more = divmod(left, len(open_ones))
        shares[place] = whole + (number < more)
    return shares


def draw_equally(clusters: NDArray[np.int64], size: int, *seed_parts: str | int) -> list[int]:
    """Return `size` places drawn at random, as many of every cluster as `equal_shares` says, in order."""
    numbers, counts = np.unique(clusters, return_counts=True)
    drawn: list[int] = []
    for number, share in zip(numbers, equal_shares(size, counts.tolist()), strict=True):
        generator = np.random.default_rng(derive_seed(*seed_parts, int(number)))
        drawn += generator.choice(np.flatnonzero(clusters == number), share, replace=False).tolist()
    return sorted(drawn)


def k_center(vectors: Vectors, size: int, first: int) -> list[int]:
    """Return `size` places by k-center greedy: from `first` on, always the vector furthest from all that were taken.

    `vectors` is (rows, width), of length 1. Exact, and lazy: a vector's distance to the nearest taken one only falls,
    so what is known of it is a bound, and it is brought up to date only when the bound is among the largest. Of equal
    ones the first in order is taken. Memory is that of the vectors taken, beside three numbers a vector.
    """
    count, width = vectors.shape
    bounds = np.full(count, np.inf, np.float32)
    seen = np.zeros(count, np.int64)  # how many of the taken ones a vector was compared with
    taken, places = np.empty((size, width), np.float32), []
    for number in progress(range(size), "rows taken", "row"):
        place = first if number == 0 else _furthest(vectors, bounds, seen, taken[:number])
        places.append(place)
        taken[number] = vectors[place]
        bounds[place], seen[place] = -np.inf, size  # never again
    return places


def _furthest(vectors: Vectors, bounds: Any, seen: Any, taken: Vectors) -> int:
    """Return the place of the vector furthest from all `taken`; brings `bounds` and `seen` up to date as needed."""
    count, block = len(taken), min(BLOCK, len(bounds))
    while True:
        best = int(bounds.argmax())
        if seen[best] >= count:
            return best
        stale = np.argpartition(bounds, -block)[-block:]
        stale = stale[seen[stale] < count]
        if best not in stale:  # among equal bounds another one was put into the block
            stale = np.append(stale, best)
        # Together those that lag behind by about as much: one that does by far would have all compared with as many.
        lag = np.frexp(count - seen[stale])[1]
        for power in np.unique(lag):
            piece = stale[lag == power]
            likeness = vectors[piece] @ taken[int(seen[piece].min()) : count].T
            bounds[piece] = np.minimum(bounds[piece], 2 - 2 * likeness.max(axis=1))
        seen[stale] = count
