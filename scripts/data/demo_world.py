"""The demo's world: labelled sums, worked out line by line the way DeepSeek-R1 writes.

A problem starts from a number and applies labelled operations ("Start with 5. A: add 5. F: take 3. Result?"); the
running value stays in 0..20. Its chain states one thought a line. Progressive lines work out one operation each; the
functional lines are those that LIMOPro (arXiv:2505.19187) scores and prunes: verification, multi-method validation
and error correction. The generator knows which of these the answer depends on, so the demo can tell whether pruning
by perplexity finds them.
"""

import random
from dataclasses import dataclass

from scripts.common.seeds import derive_seed

LARGEST_VALUE = 20
LARGEST_AMOUNT = 10
LABELS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# The names that the select stage gives them; spelt out, since the truth must not come from what it is held against.
PROGRESSIVE, VERIFICATION = "progressive", "verification"
MULTI_METHOD, CORRECTION = "multi_method", "error_correction"


@dataclass(frozen=True)
class Operation:
    """One labelled step: `before` and `after` are the running value, `amount` is signed."""

    label: str
    before: int
    amount: int

    @property
    def after(self) -> int:
        return self.before + self.amount

    @property
    def instruction(self) -> str:
        return f"{'add' if self.amount > 0 else 'take'} {abs(self.amount)}"

    def sum_with(self, result: int) -> str:
        return f"{self.before}{'+' if self.amount > 0 else '-'}{abs(self.amount)}={result}"


@dataclass(frozen=True)
class Problem:
    start: int
    operations: tuple[Operation, ...]

    @property
    def question(self) -> str:
        """The problem in words. The closing question is one word: 13-word n-grams must not match by generic text."""
        listed = " ".join(f"{op.label}: {op.instruction}." for op in self.operations)
        return f"Start with {self.start}. {listed} Result?"

    @property
    def answer(self) -> str:
        return str(self.operations[-1].after)


@dataclass(frozen=True)
class Line:
    """One line of a chain. `needed`: the answer does not follow from the other lines (None for progressive ones)."""

    text: str
    pattern: str
    needed: bool | None = None


@dataclass(frozen=True)
class Habits:
    """How often a chain's writer slips and looks back (probabilities)."""

    slip: float = 0.15  # an operation is first worked out wrong, then corrected
    check: float = 0.20  # a right result is checked at once
    alternative: float = 0.15  # a right result is worked out a second time
    look_back: float = 0.25  # after an operation, an earlier one is checked
    look_back_at_end: float = 0.40  # at the end, an earlier one is checked; tried twice


def draw_problem(rng: random.Random, n_operations: int) -> Problem:
    """A problem with distinct labels and a running value in 0..20."""
    start = value = rng.randint(0, LARGEST_VALUE)
    operations = []
    for label in rng.sample(LABELS, n_operations):
        after = rng.choice([v for v in range(LARGEST_VALUE + 1) if 0 < abs(v - value) <= LARGEST_AMOUNT])
        operations.append(Operation(label, value, after - value))
        value = after
    return Problem(start, tuple(operations))


def draw_benchmark(seed: int, operations: int, questions: int) -> list[Problem]:
    """The problems of a benchmark: drawn apart from every training problem, no question twice."""
    rng = random.Random(derive_seed(seed, "benchmark", operations, questions))
    problems: dict[str, Problem] = {}
    while len(problems) < questions:
        problem = draw_problem(rng, operations)
        problems[problem.question] = problem
    return list(problems.values())


def draw_chain(rng: random.Random, problem: Problem, habits: Habits) -> list[Line]:
    """The chain of one problem.

    A correction is needed only where no later line states its result again: after a slip in the last operation.
    Nothing is checked between such a correction and the end but earlier operations.
    """
    lines = [Line(f"Okay, start with {problem.start}.", PROGRESSIVE)]
    for done, op in enumerate(problem.operations):
        is_last = done == len(problem.operations) - 1
        slipped = rng.random() < habits.slip
        lines.append(_work_out(op, _slipped(rng, op) if slipped else op.after))
        if slipped:
            lines.append(Line(f"This is wrong. {op.label}: {op.sum_with(op.after)}.", CORRECTION, needed=is_last))
        elif rng.random() < habits.check:
            lines.append(_check("Wait, let me check", op))
        elif rng.random() < habits.alternative:
            lines.append(Line(f"Alternatively, {op.label}: {op.sum_with(op.after)}.", MULTI_METHOD, needed=False))
        for chance in [habits.look_back_at_end] * 2 if is_last else [habits.look_back]:
            if done and rng.random() < chance:
                lines.append(_check("Going back to", rng.choice(problem.operations[:done])))
    return lines


def _work_out(op: Operation, result: int) -> Line:
    return Line(f"{op.label}: {op.instruction}, {op.sum_with(result)}.", PROGRESSIVE)


def _slipped(rng: random.Random, op: Operation) -> int:
    return rng.choice([v for v in range(LARGEST_VALUE + 1) if 0 < abs(v - op.after) <= 2])


def _check(opening: str, op: Operation) -> Line:
    return Line(f"{opening} {op.label}. {op.sum_with(op.after)}, yes.", VERIFICATION, needed=False)


def write_response(lines: list[Line], answer: str) -> str:
    """The assistant's turn as R1-like data sets have it: chain, then the boxed answer."""
    return "<think>\n" + "\n".join(line.text for line in lines) + f"\n</think>\n\n{write_conclusion(answer)}"


def write_conclusion(answer: str) -> str:
    return f"The final answer is \\boxed{{{answer}}}."
