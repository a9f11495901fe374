"""How often the first family is wrong where all methods share one control, and where each arm has several draws: no
method differs from random rows.

    python -m perf.shared_controls --experiments 2000

docs/statistics.md has the figures; tests/compare/test_primary.py holds a smaller run to binomial bounds.
"""

from typing import NamedTuple

import numpy as np

from scripts.common import cli
from scripts.common.program import Program
from scripts.compare import primary
from scripts.compare.answer_matrix import Arm, by_draw
from scripts.compare.moderation import pooled_by_kind
from scripts.compare.statistics import paired_difference
from scripts.compare.variance import DRAWN, FIXED, Questions

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
    draws: int = 0
    """Draws of every arm, each trained with all seeds; 0: methods are drawn once, the control for every seed."""


CELLS = (
    Cell(5, 3, 200, 0.02),
    Cell(5, 3, 500, 0.04),
    Cell(10, 3, 200, 0.02),
    Cell(5, 5, 500, 0.04, 0.04),
    Cell(5, 3, 500, 0.04, 0.04),
    Cell(1, 3, 500, 0.04, 0.04),
    Cell(1, 5, 500, 0.02, 0.06),
    Cell(5, 2, 500, 0.04, 0.04),
    Cell(3, 2, 300, 0.03, 0.03, draws=3),
)


def errs(cell: Cell, rng: np.random.Generator) -> bool:
    """Draw one experiment, judge it by the report's functions, and return whether any verdict is claimed."""
    arms, draws = cell.methods + 1, max(cell.draws, 1)
    runs = draws * cell.seeds
    chance = 0.3 + 0.4 * rng.beta(0.5, 0.5, cell.questions) + rng.normal(0, cell.run_sd, (arms, runs, 1))
    chance = chance + np.clip(rng.normal(0, 0.1, (arms, 1, cell.questions)), -0.2, 0.2)
    if cell.draws:
        chance += np.repeat(rng.normal(0, cell.draw_sd, (arms, draws, 1)), cell.seeds, axis=1)
    else:
        chance[0] += rng.normal(0, cell.draw_sd, (runs, 1))
    right = rng.binomial(SAMPLES, np.clip(chance, 0, 1)) / SAMPLES
    names = ["random-9" if k == 0 else f"s{k}" for k in range(arms)]
    draw = (lambda run: f"-d{run // cell.seeds}") if cell.draws else (lambda run: "")
    found = [
        by_draw(
            Arm(name, [f"{name}{draw(r)}-t{r}" for r in range(runs)], right[k], SAMPLES, SAMPLES, FIXED if k else DRAWN)
        )
        for k, name in enumerate(names)
    ]
    control, *methods = found
    design = Questions(cell.questions)
    kinds = pooled_by_kind(found, design)
    varies = kinds.between(methods[0].units, control.units)
    family = [
        primary.Held(
            arm,
            control,
            paired_difference(arm.means, control.means, varies, False, design),
            varies,
            design,
            kinds[control.kind],
        )
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
