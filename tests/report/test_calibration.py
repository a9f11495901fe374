"""How often verdicts and intervals are wrong, by simulation: perf/calibration.py in small, held to binomial bounds."""

import numpy as np
import pytest
from scipy import stats

from perf.calibration import (
    ALPHA,
    Setting,
    coverage,
    differences,
    experiments,
    false_verdicts,
    power,
    score_coverage,
)
from scripts.report.variance import run_variance

NUMBER = 200
SURE = 0.9995  # how sure a test is not to fail by chance


def most(rate: float, number: int = NUMBER) -> float:
    """The largest share that a true rate gives, but for one in two thousand tests."""
    return float(stats.binom.ppf(SURE, number, rate)) / number


def least(rate: float, number: int = NUMBER) -> float:
    return float(stats.binom.ppf(1 - SURE, number, rate)) / number


@pytest.mark.parametrize("run_sd", [0.0, 0.02])
@pytest.mark.parametrize("samples", [1, 8])
@pytest.mark.parametrize("questions", [30, 198, 500])
def test_false_verdicts_are_no_more_than_five_percent(questions: int, samples: int, run_sd: float) -> None:
    """Four arms with two seeds, no difference."""
    rng = np.random.default_rng(1000 * questions + 10 * samples + round(100 * run_sd))
    single, family = false_verdicts(Setting(questions, samples, run_sd), NUMBER, rng)
    assert single <= most(ALPHA) and family <= most(ALPHA)


@pytest.mark.parametrize("seeds", [2, 3])
@pytest.mark.parametrize("questions", [198, 500])
def test_intervals_of_differences_cover(questions: int, seeds: int) -> None:
    held = coverage(Setting(questions, 4, 0.02, seeds=seeds), NUMBER, np.random.default_rng(seeds * questions))
    assert least(0.93) <= held <= most(0.97)


@pytest.mark.parametrize("family", [1, 6])
def test_power_at_the_stated_difference(family: int) -> None:
    rate = power(Setting(198, 4, 0.02, seeds=4), family, NUMBER, np.random.default_rng(family))
    assert least(0.75) <= rate <= most(0.85)


@pytest.mark.parametrize("samples", [1, 8])
@pytest.mark.parametrize("questions", [30, 198, 500])
def test_intervals_of_scores_cover(questions: int, samples: int) -> None:
    rng = np.random.default_rng(questions + samples)
    for p in (0.02, 0.1, 0.5, 0.98):
        assert score_coverage(p, questions, samples, 2.0, NUMBER, rng) >= least(0.93)


def test_two_arms_with_two_seeds_speak_of_these_runs() -> None:
    """Their runs' variance has two degrees of freedom: it is not used, and as a verdict on the method the test is wrong
    far more often than it says. That is why the level is 'these runs'."""
    rng, wrong = np.random.default_rng(5), 0
    for arms in experiments(Setting(500, 8, 0.02, arms=2, interaction=0.0), NUMBER, rng):
        assert not run_variance(arms).known
        wrong += differences(arms)[0].p_value < ALPHA
    assert wrong / NUMBER > 3 * ALPHA


def test_runs_taken_as_fixed_are_the_reason() -> None:
    """The same experiments with the questions' variance alone: far more false verdicts than with the runs'."""
    rng, naive = np.random.default_rng(6), 0
    for arms in experiments(Setting(500, 8, 0.02, interaction=0.0), NUMBER, rng):
        naive += stats.ttest_rel(arms[0].mean(axis=0), arms[1].mean(axis=0)).pvalue < ALPHA
    assert naive / NUMBER > 2 * most(ALPHA)
