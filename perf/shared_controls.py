"""How often the first family is wrong where all methods share one control: no method differs from random rows.

    python -m perf.shared_controls --experiments 2000

docs/statistics.md has the figures; tests/compare/test_primary.py holds a smaller run to binomial bounds.
"""

from typing import NamedTuple

import numpy as np

from scripts.common import cli
from scripts.common.program import Program
from scripts.compare import primary
from scripts.compare.answer_matrix import Arm
from scripts.compare.statistics import paired_difference
from scripts.compare.variance import Questions, run_variance

ALPHA = 0.05
SAMPLES = 4
DRAWS = 4000  # of the multivariate t, in the place of 200,000


class Cell(NamedTuple):
    """How experiments are drawn; SDs are shares of right answers."""

    methods: int
    seeds: int
    questions: int
    run_sd: float
    draw_sd: float = 0.0
    """What the control's own draw of rows adds to its runs."""


CELLS = (Cell(5, 3, 200, 0.02), Cell(5, 3, 500, 0.04), Cell(10, 3, 200, 0.02), Cell(5, 5, 500, 0.04, 0.04))


def errs(cell: Cell, rng: np.random.Generator) -> bool:
    """Draw one experiment, judge it by the report's functions, and return whether any verdict is claimed."""
    arms, runs = cell.methods + 1, (cell.methods + 1, cell.seeds, 1)
    chance = 0.3 + 0.4 * rng.beta(0.5, 0.5, cell.questions) + rng.normal(0, cell.run_sd, runs)
    chance = chance + np.clip(rng.normal(0, 0.1, (arms, 1, cell.questions)), -0.2, 0.2)
    chance[0] += rng.normal(0, cell.draw_sd, runs[1:])
    right = rng.binomial(SAMPLES, np.clip(chance, 0, 1)) / SAMPLES
    models = [f"t{seed}" for seed in range(cell.seeds)]
    control, *methods = (Arm(str(k), models, right[k], SAMPLES, SAMPLES) for k in range(arms))
    design, varies = Questions(cell.questions), run_variance(right)
    family = [
        primary.Held(arm, control, paired_difference(arm.means, control.means, varies, False, design), varies, design)
        for arm in methods
    ]
    return any(said.p_value < ALPHA for said in primary.decide(family, ALPHA).adjusted)


def main() -> None:
    parser = Program(__doc__)
    parser.add_argument("--experiments", type=int, default=2000, help="experiments of each cell")
    arguments = parser.parse_args()
    primary.DRAWS = DRAWS
    for seed, cell in enumerate(CELLS):
        rng = np.random.default_rng(seed)
        print(cell, sum(errs(cell, rng) for _ in range(arguments.experiments)) / arguments.experiments, flush=True)


if __name__ == "__main__":
    cli.run(main)
