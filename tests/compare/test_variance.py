"""Strata and clusters against statsmodels called directly, hand-computed cases and a simulation."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from scripts.compare.statistics import score_interval
from scripts.compare.variance import Questions, mean_variance


def test_questions_drawn_singly_are_the_standard_error() -> None:
    values = np.random.default_rng(1).normal(size=(3, 40))
    variance, df = mean_variance(values, Questions(40))
    assert variance == pytest.approx(stats.sem(values, axis=1) ** 2)
    assert df.tolist() == [39, 39, 39]


def test_clusters_are_statsmodels_robust_errors() -> None:
    """An intercept alone, with errors robust to clusters (its small-sample correction is G / (G - 1) here)."""
    rng = np.random.default_rng(2)
    groups = [f"g{group}" for group in rng.integers(0, 12, 50)]
    values = rng.normal(size=50) + np.array([int(group[1:]) % 3 for group in groups])
    codes = np.unique(groups, return_inverse=True)[1]
    reference = sm.OLS(values, np.ones(50)).fit(cov_type="cluster", cov_kwds={"groups": codes})
    variance, df = mean_variance(values, Questions(50, groups=groups))
    assert float(variance) == pytest.approx(float(reference.bse[0]) ** 2)
    assert float(df) == len(set(groups)) - 1


def test_strata_are_the_weighted_sum_of_their_errors() -> None:
    """sqrt(sum w_s^2 SE_s^2), and not the mean of the subjects' errors."""
    rng = np.random.default_rng(3)
    subjects = ["a"] * 30 + ["b"] * 10 + ["c"] * 60
    values = rng.normal(size=100) + np.repeat([0.0, 2.0, 5.0], [30, 10, 60])
    parts = [(len(part) / 100, stats.sem(part)) for part in np.split(values, [30, 40])]
    variance, df = mean_variance(values, Questions(100, subjects))
    assert float(variance) == pytest.approx(sum((weight * error) ** 2 for weight, error in parts))
    squares = [(weight * error) ** 4 / (round(100 * weight) - 1) for weight, error in parts]
    assert float(df) == pytest.approx(float(variance) ** 2 / sum(squares))
    assert float(variance) < stats.sem(values) ** 2


def test_lone_questions_of_a_subject_are_taken_together() -> None:
    assert Questions(6, ["a", "a", "b", "b", "c", "d"]).stratum.tolist() == [0, 0, 1, 1, 2, 2]
    # One alone joins the smallest other.
    assert Questions(6, ["a", "a", "a", "b", "b", "c"]).stratum.tolist() == [0, 0, 0, 1, 1, 1]
    assert Questions(2, ["a", "b"]).df == 1


def test_questions_drawn_together_are_one_unit_of_their_first_subject() -> None:
    questions = Questions(6, ["a", "b", "a", "a", "b", "b"], ["x", "x", None, None, None, None])
    assert questions.unit.tolist() == [0, 0, 1, 2, 3, 4]
    assert questions.stratum.tolist() == [0, 0, 0, 1, 1]
    assert questions.df == 3


def test_equal_values_are_without_error() -> None:
    variance, df = mean_variance(np.ones(4), Questions(4, ["a", "a", "b", "b"]))
    assert (float(variance), float(df)) == (0.0, 2.0)


def test_intervals_of_clustered_questions_cover() -> None:
    """Ten questions a problem, all right or all wrong: as if drawn singly, the interval holds the truth far too rarely."""
    rng, number = np.random.default_rng(4), 400
    groups = np.repeat(np.arange(30), 10).tolist()
    held = naive = 0
    for _ in range(number):
        means = np.repeat(rng.random(30) < 0.4, 10).astype(float)[None]
        clustered = score_interval(means, 1, 0.05, Questions(300, groups=groups))
        single = score_interval(means, 1, 0.05, Questions(300))
        held += clustered.ci_low <= 0.4 <= clustered.ci_high
        naive += single.ci_low <= 0.4 <= single.ci_high
    assert held >= stats.binom.ppf(0.001, number, 0.93)
    assert naive < 0.6 * number
