"""The tree of a chain: the whole sequence and, as branches that share what they have in common with it, its variants.

Leaving out a step changes nothing before it. So a chain and its variants make a tree: the trunk is the whole sequence,
a branch per left-out step holds what follows that step and attends to the trunk before it. Every token of the tree is
computed once; that is the work that cannot be avoided.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch

from scripts.select.limopro.chain import Chain, Score
from scripts.select.limopro.masks import tree_masks
from scripts.select.limopro.scorer import Reading, Scorer

# Tokens of a tree up to which chains share a pass, and of the branches of a larger one. In one pass every token meets
# every other in a masked product, most of it for nothing, so larger trees keep their trunk in a cache.
LARGEST_SHARED_TREE = 512
PADDING = -1


class Branch(NamedTuple):
    """A run of tokens that attends to the trunk's first `prefix` tokens, but for hidden ones, and to itself."""

    tokens: list[int]
    prefix: int
    first: int
    """Position of its first token."""
    hidden: tuple[int, int] = (0, 0)
    """The trunk's tokens from the first of these places to before the second are not seen."""


def left_out(chain: Chain) -> list[Branch]:
    """Return a branch per functional step, that step left out: what follows moves up."""
    sequence = chain.sequence()
    return [Branch(sequence[end:], start, start) for start, end in chain.places()]


def hidden_from_all(chain: Chain) -> list[Branch]:
    """Return a branch per functional step, that step hidden from all that follows: every position stays."""
    sequence = chain.sequence()
    return [Branch(sequence[end:], start, end) for start, end in chain.places()]


class Layout(NamedTuple):
    """Branches of one chain laid side by side in one row: arrays of one length, in tokens."""

    tokens: torch.Tensor
    positions: torch.Tensor
    branch: torch.Tensor
    """Number of the branch; 0 is the trunk, whose tokens stand at their positions."""
    prefix: torch.Tensor
    hidden_from: torch.Tensor
    hidden_to: torch.Tensor


def lay_out(branches: Sequence[Branch], first: int) -> Layout:
    """Return `branches` side by side, numbered from `first` (0 when the trunk is the first of them)."""
    columns = [
        (token, branch.first + place, first + number, branch.prefix, *branch.hidden)
        for number, branch in enumerate(branches)
        for place, token in enumerate(branch.tokens)
    ]
    return Layout(*torch.tensor(columns).T)


def run(
    scorer: Scorer, queries: Layout, keys: Layout, readings: Sequence[Reading], cache: object = None
) -> list[float]:
    """Return the NLLs of the readings after one pass over `queries`, arrays of (rows, tokens); `keys` are those of the
    cache, if there is one, and then the queries."""
    hides = bool(keys.hidden_to.any())
    keys = Layout(*(column.to(scorer.device) for column in keys))

    def sees(row: torch.Tensor, query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
        trunk = key < keys.prefix[row, query]  # the trunk's tokens are the first keys
        if hides:
            trunk = trunk & ((key < keys.hidden_from[row, query]) | (key >= keys.hidden_to[row, query]))
        return trunk | (keys.branch[row, query] == keys.branch[row, key])

    with tree_masks(keys.positions, sees):
        return scorer.nlls(
            readings,
            input_ids=queries.tokens.to(scorer.device),
            position_ids=queries.positions.to(scorer.device),
            # Without any mask, positions that jump are taken for packed rows.
            attention_mask=torch.ones_like(keys.tokens),
            past_key_values=cache,
            use_cache=cache is not None,
        )


def _readings(branches: Sequence[Branch], answer: list[int], row: int) -> list[Reading]:
    ends = torch.tensor([len(branch.tokens) for branch in branches]).cumsum(0)
    return [Reading(row, int(end), answer) for end in ends]


def _score(nlls: list[float]) -> Score:
    return Score(nll_full=nlls[0], nll_question=nlls[1], nll_without=nlls[2:])


@dataclass(frozen=True)
class TreeWay:
    """Score chains by their trees; `variants` returns the branches of a chain's variants."""

    variants: Callable[[Chain], list[Branch]] = left_out

    def branches(self, chain: Chain) -> list[Branch]:
        """Return the trunk, the branch without any chain, and the variants', in that order."""
        start = len(chain.prompt)
        return [
            Branch(chain.sequence(), 0, 0),
            Branch(chain.question_alone()[start:], start, start),
            *self.variants(chain),
        ]

    def tokens(self, chain: Chain) -> int:
        """Return how many tokens are computed for a chain."""
        return sum(len(branch.tokens) for branch in self.branches(chain))

    def together(self, tokens: int, budget: int) -> int:
        """Return how many chains of that many tokens share a pass."""
        return max(1, budget // tokens) if tokens <= LARGEST_SHARED_TREE else 1

    def score(self, scorer: Scorer, chains: Sequence[Chain], budget: int) -> list[Score]:
        """Return the scores of the chains, at most about `budget` tokens a pass."""
        group = min(budget, LARGEST_SHARED_TREE)
        if any(self.tokens(chain) > group for chain in chains):
            return [self.score_long(scorer, chain, group) for chain in chains]
        return self.score_together(scorer, chains)

    def score_together(self, scorer: Scorer, chains: Sequence[Chain]) -> list[Score]:
        """Score several chains in one pass: a row per chain, its whole tree in the row, padded on the right."""
        trees = [self.branches(chain) for chain in chains]
        layouts = [lay_out(branches, 0) for branches in trees]
        fills = Layout(0, 0, PADDING, 0, 0, 0)
        rows = Layout(
            *(
                torch.nn.utils.rnn.pad_sequence(list(column), batch_first=True, padding_value=fill)
                for column, fill in zip(zip(*layouts, strict=True), fills, strict=True)
            )
        )
        read = [_readings(tree, chain.answer, row) for row, (tree, chain) in enumerate(zip(trees, chains, strict=True))]
        nlls = iter(run(scorer, rows, rows, [reading for of_row in read for reading in of_row]))
        return [_score([next(nlls) for _ in of_row]) for of_row in read]

    def score_long(self, scorer: Scorer, chain: Chain, budget: int) -> Score:
        """Score one chain whose tree is too large for one pass: the trunk once, its keys and values kept, then the
        branches, at most about `budget` tokens at a time.

        Branches go from the last step to the first, and the cache is cropped to the longest prefix of each group, so
        that few keys are computed with that a branch does not see.
        """
        from transformers import DynamicCache

        trunk, *others = self.branches(chain)
        trunk_keys, cache = lay_out([trunk], 0), DynamicCache()
        ids = trunk_keys.tokens[None].to(scorer.device)
        values = dict(
            enumerate(
                scorer.nlls(_readings([trunk], chain.answer, 0), input_ids=ids, past_key_values=cache, use_cache=True)
            )
        )
        numbered = sorted(enumerate(others, start=1), key=lambda pair: -pair[1].prefix)
        for group in _groups(numbered, budget):
            branches = [branch for _, branch in group]
            seen = branches[0].prefix  # the longest of the group
            if surplus := cache.get_seq_length() - seen:
                cache.crop(-surplus)
            new = lay_out(branches, 1)
            keys = Layout(*(torch.cat((old[:seen], of)) for old, of in zip(trunk_keys, new, strict=True)))
            queries, keys = (Layout(*(column[None] for column in layout)) for layout in (new, keys))
            nlls = run(scorer, queries, keys, _readings(branches, chain.answer, 0), cache)
            values.update(zip((number for number, _ in group), nlls, strict=True))
        return _score([values[number] for number in range(len(values))])


def _groups(branches: Sequence[tuple[int, Branch]], budget: int) -> Iterator[list[tuple[int, Branch]]]:
    """Yield runs of `branches` of at most `budget` tokens together, or one branch alone."""
    group: list[tuple[int, Branch]] = []
    size = 0
    for pair in branches:
        length = len(pair[1].tokens)
        if group and size + length > budget:
            yield group
            group, size = [], 0
        group.append(pair)
        size += length
    if group:
        yield group
