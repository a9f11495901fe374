"""Exact PIR by plain passes: one whole forward pass per variant of the chain, for models that can have no tree.

This is the definition; the tree has to equal it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from scripts.select.limopro.chain import Chain, Score
from scripts.select.limopro.scorer import Reading, Scorer


def variants(chain: Chain) -> list[list[int]]:
    """Return the whole sequence, that without any chain, and one per left-out functional step, in that order."""
    whole = chain.sequence()
    return [whole, chain.question_alone(), *(whole[:start] + whole[end:] for start, end in chain.places())]


def _batches(lengths: Sequence[int], budget: int, pads: bool) -> Iterator[list[int]]:
    """Yield the numbers of the sequences, longest first, that share a pass of at most `budget` tokens, or one alone."""
    batch: list[int] = []
    for number in sorted(range(len(lengths)), key=lambda number: -lengths[number]):
        longest = lengths[batch[0]] if batch else lengths[number]
        if batch and ((len(batch) + 1) * longest > budget or (lengths[number] < longest and not pads)):
            yield batch
            batch = []
        batch.append(number)
    if batch:
        yield batch


def plain_nlls(scorer: Scorer, pairs: Sequence[tuple[list[int], list[int]]], budget: int, pads: bool) -> list[float]:
    """Return the mean NLL of the answer at the end of each sequence, for pairs (sequence, answer).

    No mask is given: what follows a text cannot change it in a causal model, so padding on the right is nothing to it.
    """
    values = [0.0] * len(pairs)
    for batch in _batches([len(sequence) for sequence, _ in pairs], budget, pads):
        rows = [torch.tensor(pairs[number][0]) for number in batch]
        # A row is filled up with a token of its own, which is no placeholder for an image.
        ids = torch.stack([torch.cat((row, row[-1:].expand(len(rows[0]) - len(row)))) for row in rows])
        read = [Reading(place, len(pairs[number][0]), pairs[number][1]) for place, number in enumerate(batch)]
        nlls = scorer.nlls(read, input_ids=ids.to(scorer.device), use_cache=False)
        for number, nll in zip(batch, nlls, strict=True):
            values[number] = nll
    return values


@dataclass(frozen=True)
class PlainWay:
    """Score chains by plain passes, batched by length; with `pads`, sequences of different lengths share a pass."""

    pads: bool

    def tokens(self, chain: Chain) -> int:
        """Return how many tokens are computed for a chain, padding left out."""
        return sum(map(len, variants(chain)))

    def together(self, tokens: int, budget: int) -> int:
        """Return how many chains of that many tokens share a pass."""
        return max(1, budget // tokens)

    def score(self, scorer: Scorer, chains: Sequence[Chain], budget: int) -> list[Score]:
        """Return the scores of the chains, at most about `budget` tokens a pass."""
        pairs = [(sequence, chain.answer) for chain in chains for sequence in variants(chain)]
        nlls = iter(plain_nlls(scorer, pairs, budget, self.pads))
        scores = []
        for chain in chains:
            full, question, *without = (next(nlls) for _ in range(2 + len(chain.functional)))
            scores.append(Score(nll_full=full, nll_without=without, nll_question=question))
        return scores
