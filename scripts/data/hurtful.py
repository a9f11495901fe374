"""Rows of the demo that hurt a model trained on them, so that an experiment has a truth: which subsets ought to win.

Three kinds, each as common as the settings say; every other row helps. The column `worth` of raw.parquet says what a
row is. Nothing that selects, trains or evaluates reads it.

- wrong_sums: every operation is worked out wrong, the chain goes on from there, and its answer is wrong.
- reworded: one of few problems, asked in other words each time.
- template: the same short problem over and over, of one operation, always the same, on another start.
"""

import random
from dataclasses import dataclass

from scripts.common.config.dataset import Hurtful
from scripts.common.seeds import derive_seed
from scripts.data.demo_world import LABELS, LARGEST_VALUE, Operation, Problem, draw_problem

HELPS = "helps"
FEW = 8  # problems that are asked in other words
OPENINGS = ("Begin at", "Take the number", "Your first number is", "Let it be", "Now it is")
ENDINGS = ("What is left?", "And now?", "How much is it?", "What do you have?", "Where do you end?")
WAYS = (("add", "take"), ("plus", "minus"), ("put on", "take off"), ("more by", "less by"))


@dataclass(frozen=True)
class Mistaken(Operation):
    """An operation whose result is stated wrong, in every line that states it."""

    result: int

    @property
    def after(self) -> int:
        return self.result


@dataclass(frozen=True)
class Reworded(Problem):
    """A problem in other words."""

    words: str

    @property
    def question(self) -> str:
        return self.words


class Spoiler:
    """Says of each row in turn what it is worth, and draws the problems of those that hurt."""

    def __init__(self, settings: Hurtful, seed: int, operations: tuple[int, ...]) -> None:
        self._rng = rng = random.Random(derive_seed(seed, "hurtful"))
        shares = settings.model_dump()
        self._kinds, self._weights = [HELPS, *shares], [1 - sum(shares.values()), *shares.values()]
        self._few = [draw_problem(rng, rng.choice(operations)) for _ in range(FEW)]

    def draw(self, problem: Problem) -> tuple[str, Problem]:
        """Return what the row is worth, and its problem: `problem` as it is, or one that hurts in its place."""
        (kind,) = self._rng.choices(self._kinds, self._weights)
        spoilt = {"wrong_sums": self._mistake, "reworded": self._reword, "template": self._repeat}
        return kind, spoilt[kind](problem) if kind in spoilt else problem

    def _mistake(self, problem: Problem) -> Problem:
        value, operations = problem.start, []
        for op in problem.operations:
            right = value + op.amount
            wrong = [v for v in range(LARGEST_VALUE + 1) if 0 < abs(v - right) <= 3] or [LARGEST_VALUE // 2]
            operations.append(Mistaken(op.label, value, op.amount, self._rng.choice(wrong)))
            value = operations[-1].result
        if value == problem.operations[-1].after:  # two mistakes that undo each other
            return self._mistake(problem)
        return Problem(problem.start, tuple(operations))

    def _reword(self, _: Problem) -> Problem:
        rng, problem = self._rng, self._rng.choice(self._few)
        add, take = rng.choice(WAYS)
        listed = [f"{op.label}: {add if op.amount > 0 else take} {abs(op.amount)}." for op in problem.operations]
        words = " ".join([f"{rng.choice(OPENINGS)} {problem.start}.", *listed, rng.choice(ENDINGS)])
        return Reworded(problem.start, problem.operations, words)

    def _repeat(self, _: Problem) -> Problem:
        start = self._rng.randint(0, LARGEST_VALUE - 1)
        return Problem(start, (Operation(self._rng.choice(LABELS), start, 1),))
