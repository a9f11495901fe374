"""Perplexity-based importance (PIR) of reasoning steps, by the tree of a chain or by plain passes.

LIMOPro (2505.19187), equations 1 to 3: PIR(s) = log(PPL(a | R without s) / PPL(a | R)), the answer's mean NLL without
the step minus with it, in nats per answer token. The question stands in front, which the paper leaves open.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from scripts.common.cli import UserError, log
from scripts.select.limopro.batches import Way, in_batches
from scripts.select.limopro.chain import Chain, Score
from scripts.select.limopro.one_pass import hidden_from_answer
from scripts.select.limopro.plain import PlainWay
from scripts.select.limopro.probe import SHORTEST, agree, examine, padding_gap, tree_gap
from scripts.select.limopro.scorer import Scorer
from scripts.select.limopro.tree import TreeWay, hidden_from_all, left_out

Kind = Literal["exact", "one_pass"]
Positions = Literal["shift", "keep"]


class Estimator:
    """Scores chains with one model; what the model allows is found out on random chains as long as those to score."""

    def __init__(self, model: Any, name: str, kind: Kind = "exact", positions: Positions = "shift") -> None:
        self.model, self.name = model, name
        self.hides = kind == "one_pass" or positions == "keep"
        """Steps are hidden, not left out: only a tree can do that."""
        self.tree = TreeWay(hidden_from_answer if kind == "one_pass" else hidden_from_all if self.hides else left_out)
        self.scorer: Scorer | None = None
        self.proved = 0
        """Tokens of the longest chain on which the tree equals plain passes."""
        self.failed: int | None = None
        """Tokens of the shortest chain on which it does not."""
        self.tokens = self.tokens_left = 0
        """Tokens to compute for the chains that are being scored, and those of them that are left."""

    def score(self, chains: Sequence[Chain], budget: int) -> Iterator[tuple[Chain, Score]]:
        """Yield each chain with its score; at most about `budget` tokens a forward pass.

        Raises UserError where the model cannot do what is asked.
        """
        if not chains:
            return
        longest = max((chain.sequence() for chain in chains), key=len)
        # Tokens that occur in a text, so that none of the probe's is a placeholder for an image.
        tokens = sorted(set(longest))
        scorer = self.scorer = self.scorer or examine(self.model, self.name, tokens, len(longest))
        self._prove(scorer, tokens, len(longest))
        rest = [chain for chain in chains if len(chain.sequence()) > self.proved]
        by_tree = [chain for chain in chains if len(chain.sequence()) <= self.proved]
        ways: list[tuple[Way, list[Chain]]] = [(self.tree, by_tree)]
        if rest:
            ways.insert(0, (self._plain(scorer, tokens, len(longest), rest), rest))
        self.tokens = self.tokens_left = sum(way.tokens(chain) for way, part in ways for chain in part)
        for way, part in ways:
            for chain, score in in_batches(scorer, way, part, budget):
                self.tokens_left -= way.tokens(chain)
                yield chain, score

    def _prove(self, scorer: Scorer, tokens: list[int], longest: int) -> None:
        """Find the longest chain of up to `longest` tokens on which the tree is exact, to a tenth."""
        trial = (self.proved + self.failed) // 2 if self.failed else max(longest, SHORTEST)
        while longest > self.proved and trial >= SHORTEST:
            if self.failed and self.failed - self.proved <= max(8, self.failed // 10):
                break
            if agree(self.model, f"tree of {trial} tokens", tree_gap, scorer, tokens, trial):
                self.proved = trial
            else:
                self.failed = trial
            trial = (self.proved + (self.failed or 0)) // 2

    def _plain(self, scorer: Scorer, tokens: list[int], longest: int, chains: Sequence[Chain]) -> PlainWay:
        """Return the way of plain passes for these chains, with what it costs in the log."""
        where = f"chains of more than {self.proved} tokens" if self.proved else "any chain"
        if self.hides:
            raise UserError(
                f"the scorer '{self.name}' cannot hide a step in {where}, since its attention takes no mask for that;"
                " take estimator: exact with positions: shift, or another scorer"
            )
        way = PlainWay(agree(self.model, "padded rows", padding_gap, scorer, tokens, longest))
        factor = sum(map(way.tokens, chains)) / sum(map(self.tree.tokens, chains))
        log.info(
            "PIR: the tree is not exact for this scorer in %s, so a plain pass is made for each step of %d chains:"
            " %.1f times the tokens",
            where,
            len(chains),
            factor,
        )
        return way
