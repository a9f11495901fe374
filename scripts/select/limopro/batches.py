"""Chains in batches that fit in memory, whatever the way in which they are scored."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import torch

from scripts.select.limopro.chain import Chain, Score
from scripts.select.limopro.scorer import Scorer


class Way(Protocol):
    """A way to compute the scores of chains."""

    def tokens(self, chain: Chain) -> int:
        """Return how many tokens are computed for a chain."""

    def together(self, tokens: int, budget: int) -> int:
        """Return how many chains of that many tokens share a pass of about `budget` tokens; at least 1."""

    def score(self, scorer: Scorer, chains: Sequence[Chain], budget: int) -> list[Score]:
        """Return the scores of the chains, at most about `budget` tokens a pass."""


def in_batches(scorer: Scorer, way: Way, chains: Sequence[Chain], budget: int) -> Iterator[tuple[Chain, Score]]:
    """Score all chains, longest first, and yield each with its score; at most about `budget` tokens a forward pass.

    Out of memory halves the budget and goes on, down to one chain or branch at a time.
    """
    sizes = {chain.id: way.tokens(chain) for chain in chains}
    waiting = sorted(chains, key=lambda chain: sizes[chain.id])
    while waiting:
        # Longest first: a batch's rows are as long as its first, and memory runs out at the start or not at all.
        batch = waiting[-way.together(sizes[waiting[-1].id], budget) :]
        try:
            scores = way.score(scorer, batch, budget)
        except torch.OutOfMemoryError:
            if budget <= 256:
                raise
            budget //= 2
            torch.cuda.empty_cache()
            continue
        del waiting[-len(batch) :]
        yield from zip(batch, scores, strict=True)
