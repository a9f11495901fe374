"""Moderated variances of runs: against limma's published values, hand-computed cases and simulated truths."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import digamma, polygamma

from scripts.compare.answer_matrix import Arm
from scripts.compare.moderation import effective_number, fit_f_dist, moderated, run_variances, trigamma_inverse
from scripts.compare.variance import Questions, run_variance


def test_trigamma_inverse() -> None:
    values = np.array([1e-4, 0.01, 0.3, 1.0, 1.6449340668482264, 40.0])
    assert polygamma(1, trigamma_inverse(values)) == pytest.approx(values)
    assert trigamma_inverse(np.array([np.pi**2 / 6])) == pytest.approx(1.0)


def test_fit_f_dist_by_hand() -> None:
    """Logs with a variance of exactly trigamma(2) + trigamma(3): d0 = 6, and the scale from the mean of the logs."""
    spread = np.sqrt(float(polygamma(1, 2) + polygamma(1, 3)))
    logs = np.array([-1.0, 0.0, 1.0]) * spread + 0.7
    found = fit_f_dist(np.exp(logs), 4)
    assert found.df == pytest.approx(6.0)
    centre = 0.7 - digamma(2) + np.log(2)
    assert found.scale == pytest.approx(np.exp(centre + digamma(3) - np.log(3)))


def test_fit_f_dist_is_limmas() -> None:
    """limma 3.66: i <- 1:24; fitFDist((((i * 37) %% 97) + 1) / 64, df1 = 4)."""
    found = fit_f_dist((np.arange(1, 25) * 37 % 97 + 1) / 64, 4)
    assert (found.scale, found.df) == pytest.approx((0.6408375594922414, 8.773643845753776), rel=1e-10)


def test_variances_that_differ_no_more_than_chance_are_pooled() -> None:
    found = fit_f_dist(np.array([1.0, 1.1, 0.9]), 4)
    assert np.isinf(found.df) and found.scale == pytest.approx(1.0)
    # Of benchmarks that say nothing the others are the same without them.
    assert fit_f_dist(np.array([1.0, np.nan, 1.1, 0.9]), 4) == pytest.approx((1.0, np.inf))


def test_the_prior_of_a_scaled_f_is_found() -> None:
    """Many variances drawn as s0^2 F(4, 8)."""
    rng = np.random.default_rng(0)
    found = fit_f_dist(0.5 * stats.f.rvs(4, 8, size=200_000, random_state=rng), 4)
    assert found.df == pytest.approx(8, rel=0.05) and found.scale == pytest.approx(0.5, rel=0.02)


def test_caution_never_adds_degrees_of_freedom() -> None:
    rng = np.random.default_rng(1)
    variances = 0.5 * stats.f.rvs(4, 8, size=(500, 6), random_state=rng)
    assert (fit_f_dist(variances, 4, 0.1).df <= fit_f_dist(variances, 4).df).all()


def test_benchmarks_that_rise_and_fall_together_count_as_fewer() -> None:
    rng = np.random.default_rng(2)

    def mean_number(correlation: float, df: int) -> float:
        shared, own = rng.normal(size=(2000, df, 1)), rng.normal(size=(2000, df, 6))
        runs = np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own
        return float(np.median(effective_number(np.einsum("era,erb->eab", runs, runs) / df, df)))

    # tr^2 / tr(S^2) is 36 / (6 + 30 r^2).
    assert mean_number(0.7, 200) == pytest.approx(36 / (6 + 30 * 0.49), rel=0.02)
    assert mean_number(0.0, 4) > 5 and mean_number(0.7, 4) < 3
    assert effective_number(np.ones((3, 3)), 10_000) == pytest.approx(1, abs=1e-3)


def arm(name: str, scores: list[float], n: int, rng: np.random.Generator) -> Arm:
    """An arm with runs of about these scores."""
    means = (rng.random((len(scores), n)) < np.array(scores)[:, None]).astype(float)
    return Arm(name, [f"{name}-t{k}" for k in range(len(scores))], means, 1, 1)


def made(rng: np.random.Generator, benchmarks: int, n: int = 200) -> dict[str, list[Arm]]:
    return {f"b{k}": [arm(name, [0.5, 0.5, 0.5], n, rng) for name in ("s", "r")] for k in range(benchmarks)}


def test_moderated_variances_lie_between_a_benchmarks_own_and_the_mean() -> None:
    rng = np.random.default_rng(3)
    arms = made(rng, 6)
    designs = {name: Questions(200) for name in arms}
    own = {name: run_variance([arm.means for arm in found]) for name, found in arms.items()}
    for name, found in run_variances(arms, designs).items():
        assert (found.df, found.noise) == (4, own[name].noise)
        assert 0 < found.prior_df <= 4 * 5
        mean = np.mean([runs.variance for runs in own.values()])
        low, high = sorted([own[name].variance, float(mean)])
        assert 0.8 * low <= found.variance <= 1.2 * high


def test_one_benchmark_and_unknown_runs_stay_as_they_are() -> None:
    rng = np.random.default_rng(4)
    arms = made(rng, 1)
    assert run_variances(arms, {"b0": Questions(200)}) == {"b0": run_variance([a.means for a in arms["b0"]])}
    single = {
        name: [a._replace(models=a.models[:1], means=a.means[:1]) for a in of] for name, of in made(rng, 3).items()
    }
    assert not any(runs.known for runs in run_variances(single, dict.fromkeys(single, Questions(200))).values())


def test_the_scale_of_a_relative_measure_does_not_matter() -> None:
    """Tokens of one benchmark counted in thousands: the same degrees of freedom, the variance in its own unit."""
    rng = np.random.default_rng(5)
    lengths = {
        f"b{k}": [a._replace(means=1000 + 50 * rng.normal(size=(3, 40))) for a in of]
        for k, of in enumerate(made(rng, 4).values())
    }
    scaled = lengths | {"b0": [a._replace(means=a.means / 1000, results=1000) for a in lengths["b0"]]}
    designs = dict.fromkeys(lengths, Questions(40))
    plain, other = run_variances(lengths, designs, relative=True), run_variances(scaled, designs, relative=True)
    for name in lengths:
        assert other[name].prior_df == pytest.approx(plain[name].prior_df, rel=1e-3)
    assert other["b0"].variance == pytest.approx(plain["b0"].variance / 1e6, rel=1e-3)


def test_a_benchmark_where_nothing_varied_takes_nothing_from_the_others() -> None:
    """All answers right on one benchmark: the others are moderated as without it, but for what it does to the mean."""
    covariance, noise = np.diag([0.0004, 0.0005, 0.0003, 0.0]), np.array([0.0001, 0.0001, 0.0001, 0.0])
    found = moderated(covariance, noise, 4, np.full(4, 0.001))
    assert (found.df > 6).all() and (found.variance > 0).all()
