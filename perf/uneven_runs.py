"""How often a leaderboard finds a difference where there is none, and one entry's runs vary more than the others'.

    python -m perf.uneven_runs --tables 400

docs/statistics.md has the figures.
"""

from itertools import combinations

import numpy as np

from scripts.common import cli
from scripts.common.program import Program
from scripts.compare.statistics import holm, paired_difference
from scripts.compare.variance import Floats, Questions, run_variance

ALPHA, QUESTIONS, SAMPLES, SEEDS = 0.05, 500, 4, 3
CELLS = ((2.0,) * 6, (4.0,) + (1.0,) * 5, (6.0,) + (0.3,) * 5, (4.0,) * 3 + (1.0,) * 3)
"""SD of each entry's runs, in points."""


def entry(hardness: Floats, run_sd: float, rng: np.random.Generator) -> Floats:
    """Return an entry's question means (seeds, questions); its runs vary by a SD in points."""
    share = 1 / (1 + np.exp(hardness))
    lifts = rng.normal(0, run_sd / 100 / (share * (1 - share)).mean(), (SEEDS, 1))
    return rng.binomial(SAMPLES, 1 / (1 + np.exp(hardness - lifts))) / SAMPLES


def is_wrong(run_sds: tuple[float, ...], rng: np.random.Generator) -> bool:
    """Whether any two entries of a table are told apart, though all are equally good."""
    hardness = rng.normal(0, 1.2, QUESTIONS)
    arms = [entry(hardness, sd, rng) for sd in run_sds]
    runs = run_variance(arms)
    found = [paired_difference(a, b, runs, False, Questions(QUESTIONS)).p_value for a, b in combinations(arms, 2)]
    return any(one.p_holm < ALPHA for one in holm(found, ALPHA))


def main() -> None:
    program = Program(__doc__)
    program.add_argument("--tables", type=int, default=400, help="tables a cell")
    tables = program.parse_args().tables
    for cell in CELLS:
        rng = np.random.default_rng(1)
        wrong = sum(is_wrong(cell, rng) for _ in range(tables))
        sds = ", ".join(f"{sd:g}" for sd in cell)
        print(f"run SD {sds}: a difference was found in {100 * wrong / tables:.1f}% of {tables} tables")


if __name__ == "__main__":
    cli.run(main)
