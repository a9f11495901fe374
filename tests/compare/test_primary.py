"""The first family (every method against random rows, adjusted together) and the choice among many."""

import numpy as np
import pytest
from scipy import stats

from scripts.compare import compare_models, primary
from scripts.compare.answer_matrix import Arm
from scripts.compare.compare_models import choose, without
from scripts.compare.statistics import Difference
from scripts.compare.variance import Questions, Variance, run_variance
from tests.compare.answers import answer, frame


def test_as_scipys_dunnett() -> None:
    """On groups of one size: correlations of a half, and the pooled degrees of freedom."""
    rng = np.random.default_rng(2)
    groups = [rng.normal(shift, 1, 8) for shift in (0.0, 0.6, 1.2, 0.1)]
    told = stats.dunnett(*groups[1:], control=groups[0], random_state=1)
    draws = primary.largest(np.full((3, 3), 0.5) + 0.5 * np.eye(3), 28)
    pooled = np.mean([group.var(ddof=1) for group in groups])
    for k, group in enumerate(groups[1:]):
        t = (group.mean() - groups[0].mean()) / np.sqrt(pooled * 2 / 8)
        p = primary.adjusted_p(t, 2 * stats.t.sf(abs(t), 28), 3, draws)
        assert t == pytest.approx(told.statistic[k]) and p == pytest.approx(told.pvalue[k], abs=0.004)
    # Dunnett's published table, two-sided: d(0.05; 3 treatments, 20 df) is 2.54.
    table = primary.largest(np.full((3, 3), 0.5) + 0.5 * np.eye(3), 20)
    assert np.quantile(table, 0.95) == pytest.approx(2.54, abs=0.015)


def test_the_best_of_n_is_biased_upward() -> None:
    """Independent normal errors: 0.564 of two, 1.539 of ten (tables of the normal's order statistics)."""
    assert primary.best_bias(np.eye(2)) == pytest.approx(1 / np.sqrt(np.pi), abs=0.01)
    assert primary.best_bias(4 * np.eye(10)) == pytest.approx(2 * 1.5388, abs=0.02)
    # Errors that are half shared: what is shared is no ground of choice.
    assert primary.best_bias(np.full((2, 2), 0.5) + 0.5 * np.eye(2)) == pytest.approx(0.5642 * np.sqrt(0.5), abs=0.01)
    assert primary.best_bias(np.ones((1, 1))) == 0


def drawn(rng: np.random.Generator, arms: int, seeds: int, questions: int, run_sd: float) -> list[Arm]:
    """The control first; all arms are alike."""
    chance = rng.uniform(0.2, 0.8, questions) + rng.normal(0, run_sd, (arms, seeds, 1))
    right = rng.binomial(4, np.clip(chance, 0, 1)) / 4
    return [Arm(f"a{k}", [f"a{k}-t{s}" for s in range(seeds)], right[k], 4, 4) for k in range(arms)]


def held(arms: list[Arm]) -> list[primary.Held]:
    from scripts.compare.statistics import paired_difference

    runs, design = run_variance(arm.means for arm in arms), Questions(arms[0].means.shape[1])
    return [primary.Held(a, arms[0], paired_difference(a.means, arms[0].means, runs, False, design), runs, design)
            for a in arms[1:]]  # fmt: skip


def test_the_covariance_is_that_of_repeated_experiments() -> None:
    rng, number = np.random.default_rng(3), 400
    said, seen = np.zeros((2, 2)), []
    for _ in range(number):
        family = held(drawn(rng, 3, 3, 60, 0.04))
        said += primary.covariance(family) / number
        seen.append([one.found.difference for one in family])
    found = np.cov(np.array(seen).T)
    assert said == pytest.approx(found, rel=0.25)
    assert 0.4 < primary.correlation(said)[0, 1] < 0.6, "half of each difference is the shared control's"


def test_shared_controls_err_in_at_most_five_percent() -> None:
    """Five methods that are as good as random rows, all against the same three runs of these."""
    rng, number, draws = np.random.default_rng(4), 300, primary.DRAWS
    primary.DRAWS = 4000
    try:
        wrong = sum(
            any(said.p_value < 0.05 for said in primary.decide(held(drawn(rng, 6, 3, 50, 0.03)), 0.05).adjusted)
            for _ in range(number)
        )
    finally:
        primary.DRAWS = draws
    assert wrong <= stats.binom.ppf(0.9995, number, 0.05)


def test_p_and_interval_agree_and_unlike_variances_go_by_holm() -> None:
    rng = np.random.default_rng(5)
    family = held(drawn(rng, 4, 3, 40, 0.0))
    family = [
        one._replace(found=one.found._replace(difference=d)) for one, d in zip(family, (0.3, 0.02, -0.2), strict=True)
    ]
    decided = primary.decide(family, 0.05)
    assert decided.correction == "dunnett" and decided.best_bias > 0
    for said in decided.adjusted:
        assert (said.p_value < 0.05) == (not said.ci_low <= 0 <= said.ci_high)
    assert decided.adjusted[0].p_value < 0.05 < decided.adjusted[1].p_value
    unlike = [family[0], family[1]._replace(runs=family[1].runs._replace(variance=1.0))]
    found = primary.decide(unlike, 0.05)
    assert found.correction == "holm"
    assert found.adjusted[0].p_value == pytest.approx(2 * unlike[0].found.p_value)
    alone = primary.decide(family[:1], 0.05).adjusted[0].p_value
    assert alone == pytest.approx(Difference(0.3, Variance(*family[0].found.variance)).p_value, abs=0.001)


def test_a_sweep_is_decided_on_one_benchmark() -> None:
    """s2 is better on a, s1 on b: chosen on a, s2 alone is compared on b; the others are compared as before."""
    right = {("s1", "a"): 5, ("s2", "a"): 9, ("s1", "b"): 9, ("s2", "b"): 6, ("r", "a"): 5, ("r", "b"): 5}
    rows = [answer(f"{arm}-t1", f"{q:02d}", correct=int(q < count), benchmark=b)
            for (arm, b), count in right.items() for q in range(12)]  # fmt: skip
    rows += [answer("base", f"{q:02d}", correct=q % 2, benchmark=b) for b in "ab" for q in range(12)]
    references = {"s1": {"rows": "r"}, "s2": {"rows": "r"}}
    found = compare_models.compare(frame(rows), "base", references=references)
    lost = choose(found, [["s1", "s2"]], "a")
    left = without(found, lost, "a")
    assert lost == {"s1"}
    assert {(c.subset.name, c.benchmark) for c in left if c.family == "rows"} == {("s1", "a"), ("s2", "a"), ("s2", "b")}
    assert without(found, choose(found, [["s1", "s2"]], None), None) == found
    rows = compare_models.primary_rows(left, "a", 0.05)
    assert [(row["subset"], row["target"], row["best_of"]) for row in rows] == [("s1", "a", 2), ("s2", "a", 2)]
    assert rows[0]["level"] == "these runs" and rows[0]["best_bias"] > 0
