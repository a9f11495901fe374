"""Majority voting over the samples of a question (Wang et al., 2203.11171)."""

from collections.abc import Hashable, Sequence


def majority_correct(extracted: Sequence[Hashable | None], correct: Sequence[int]) -> int:
    """Return whether the most frequent extracted answer is right (ties: the first seen; no answer at all: wrong)."""
    counts: dict[Hashable, int] = {}
    right: dict[Hashable, int] = {}
    for answer, is_right in zip(extracted, correct, strict=True):
        if answer is not None:
            counts[answer] = counts.get(answer, 0) + 1
            right.setdefault(answer, int(is_right))
    return right[max(counts, key=counts.__getitem__)] if counts else 0
