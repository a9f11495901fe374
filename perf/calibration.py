"""How often the report's statistics are wrong: false verdicts, coverage and power, by simulation.

    python -m perf.calibration --experiments 4000

Experiments are drawn with four arms of two seeds and more; every figure is a share of experiments. docs/statistics.md
has the figures; tests/report/test_calibration.py holds a smaller run to binomial bounds.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from scripts.common import cli
from scripts.report import statistics
from scripts.report.power import detectable
from scripts.report.statistics import Difference
from scripts.report.variance import Floats, Questions, run_variance

ALPHA = 0.05


class Setting(NamedTuple):
    """How experiments are drawn."""

    questions: int
    samples: int
    run_sd: float
    """Standard deviation between runs, as a share of right answers."""
    arms: int = 4
    seeds: int = 2
    interaction: float = 0.15
    """Standard deviation of what an arm does to single questions, beside its mean effect."""


def experiments(setting: Setting, number: int, rng: np.random.Generator, effect: float = 0.0) -> Iterator[Floats]:
    """Yield experiments (arms, seeds, questions) of question means; the first arm is better by `effect`."""
    for _ in range(number):
        # Difficulties leave room for the shifts, so that the mean effect is `effect` exactly.
        difficulty = 0.3 + 0.4 * rng.beta(0.5, 0.5, setting.questions)
        own = np.clip(rng.normal(0, setting.interaction, (setting.arms, 1, setting.questions)), -0.2, 0.2)
        shift = rng.normal(0, setting.run_sd, (setting.arms, setting.seeds, 1))
        shift[0] += effect
        yield rng.binomial(setting.samples, np.clip(difficulty + own + shift, 0, 1)) / setting.samples


def differences(arms: Floats, fixed: bool = False) -> list[Difference]:
    """Return the first arm's differences to all others, as compare_models computes them; `fixed`: to single models."""
    runs = run_variance(arms[:1] if fixed else arms)
    return [
        statistics.paired_difference(arms[0], arm[:1] if fixed else arm, runs, reference_is_fixed=fixed)
        for arm in arms[1:]
    ]


def false_verdicts(setting: Setting, number: int, rng: np.random.Generator) -> tuple[float, float]:
    """Return how often there is a verdict without an effect: of a single comparison, and in a family."""
    single = family = 0
    for arms in experiments(setting, number, rng):
        found = [difference.p_value for difference in differences(arms)]
        single += found[0] < ALPHA
        family += min(found) < ALPHA / len(found)  # Holm's first step
    return single / number, family / number


def coverage(setting: Setting, number: int, rng: np.random.Generator, effect: float = 0.05) -> float:
    """Return how often the 95% interval of a difference holds the true one."""
    held = 0
    for arms in experiments(setting, number, rng, effect):
        low, high = differences(arms)[0].interval(ALPHA)
        held += low <= effect <= high
    return held / number


def power(setting: Setting, family: int, number: int, rng: np.random.Generator) -> float:
    """Return how often a true difference of the size that pilot experiments state as detectable is found.

    Found: its p is below alpha / `family`, Holm's first step.
    """
    pilots = [detectable(differences(arms)[0], family, ALPHA) for arms in experiments(setting, 200, rng)]
    effect = float(np.mean(pilots))
    found = sum(differences(arms)[0].p_value < ALPHA / family for arms in experiments(setting, number, rng, effect))
    return found / number


def score_coverage(
    p: float, questions: int, samples: int, spread: float, number: int, rng: np.random.Generator
) -> float:
    """Return how often a score's interval holds `p`; questions' chances are Beta(p * spread, (1 - p) * spread)."""
    design, held = Questions(questions), 0
    chances = rng.beta(p * spread, (1 - p) * spread, (number, 1, questions))
    for means in rng.binomial(samples, chances) / samples:
        score = statistics.score_interval(means, samples, ALPHA, design)
        held += score.ci_low <= p <= score.ci_high
    return held / number


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--experiments", type=int, default=2000, help="experiments a figure")
    arguments = parser.parse_args()
    number, rng = arguments.experiments, np.random.default_rng(1)
    print("n, samples, run SD, arms, seeds, interaction: false verdicts single, in a family; coverage")
    for arms, seeds in ((4, 2), (4, 3)):
        for questions in (30, 198, 500):
            for samples in (1, 8):
                for run_sd in (0.0, 0.02):
                    for interaction in (0.0, 0.15):
                        setting = Setting(questions, samples, run_sd, arms, seeds, interaction)
                        single, family = false_verdicts(setting, number, rng)
                        print(*setting, f"{single:.3f} {family:.3f}; {coverage(setting, number, rng):.3f}", flush=True)
    for questions in (198, 500):
        for family in (1, 6):
            rates = [power(Setting(questions, 4, run_sd, seeds=4), family, number, rng) for run_sd in (0.0, 0.02)]
            print(
                f"power at the stated MDE, n {questions}, m {family}:", *(f"{rate:.3f}" for rate in rates), flush=True
            )
    for questions in (30, 198, 500):
        for samples in (1, 8):
            for spread in (2.0, 0.5):
                rates = [
                    score_coverage(p, questions, samples, spread, number, rng)
                    for p in (0.02, 0.034, 0.05, 0.1, 0.3, 0.5, 0.7, 0.9, 0.95, 0.98)
                ]
                print(
                    f"score interval, n {questions}, k {samples}, spread {spread}: least {min(rates):.3f}", flush=True
                )


if __name__ == "__main__":
    cli.run(main)
