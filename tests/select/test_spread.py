"""Choosing vectors that lie far apart: k-center against brute force, equal draws of every cluster."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.select.spread import clusters_of, draw_equally, equal_shares, k_center


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def brute(vectors: np.ndarray, size: int, first: int) -> list[int]:
    """Return the places that k-center greedy takes, every distance computed, in float64."""
    rows = vectors.astype(np.float64)
    taken = [first]
    nearest = ((rows - rows[first]) ** 2).sum(axis=1)
    for _ in range(size - 1):
        taken.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, ((rows - rows[taken[-1]]) ** 2).sum(axis=1))
    return taken


@pytest.mark.parametrize(("rows", "width", "size"), [(300, 5, 80), (1500, 24, 400), (40, 3, 40)])
@pytest.mark.parametrize("groups", [0, 6])
def test_k_center_takes_what_brute_force_takes(rows: int, width: int, size: int, groups: int) -> None:
    draw = np.random.default_rng(rows + groups)
    vectors = draw.normal(size=(rows, width))
    if groups:
        vectors = 0.2 * vectors + draw.normal(size=(groups, width))[draw.integers(0, groups, rows)]
    taken = k_center(unit(vectors), size, 7)
    assert taken == brute(unit(vectors), size, 7) and len(set(taken)) == size


def test_k_center_takes_the_same_question_again_only_when_no_other_is_left() -> None:
    different = unit(np.random.default_rng(1).normal(size=(30, 8)))
    taken = k_center(np.repeat(different, 4, axis=0), 60, 0)
    assert len({place // 4 for place in taken[:30]}) == 30 and len(set(taken)) == 60


@given(st.lists(st.integers(0, 30), min_size=1, max_size=12), st.data())
def test_every_cluster_gives_the_same_or_all_it_has(counts: list[int], data: st.DataObject) -> None:
    size = data.draw(st.integers(0, sum(counts)))
    shares = equal_shares(size, counts)
    assert sum(shares) == size and all(0 <= share <= count for share, count in zip(shares, counts, strict=True))
    for share, count in zip(shares, counts, strict=True):
        # Nobody may give less than another by more than one row while having some left.
        assert share == count or share >= max(shares) - 1


def test_draws_are_equal_per_cluster() -> None:
    draw = np.random.default_rng(3)
    centers, sizes = unit(draw.normal(size=(5, 16))), [400, 200, 100, 50, 10]
    truth = np.repeat(np.arange(5), sizes)
    order = draw.permutation(len(truth))
    truth = truth[order]
    found = clusters_of(unit(centers[truth] + 0.02 * draw.normal(size=(len(truth), 16))), 5, 1)
    assert sorted(Counter(found.tolist()).values()) == sorted(sizes), "clusters that lie apart are found"
    taken = draw_equally(found, 150, 1, "a")
    # Of 150, the smallest gives its 10, the others 35 each.
    assert sorted(Counter(truth[taken].tolist()).values()) == [10, 35, 35, 35, 35]
    assert taken == draw_equally(found, 150, 1, "a") != draw_equally(found, 150, 2, "a") and taken == sorted(set(taken))
