"""The statistics against scipy and statsmodels called directly, hand-computed cases, and a simulation."""

from itertools import combinations
from math import sqrt

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as reference_mcnemar
from statsmodels.stats.power import TTestPower
from statsmodels.stats.proportion import proportion_confint

from scripts.common.majority import majority_correct
from scripts.report import power, statistics
from scripts.report.statistics import Difference, RunVariance

UNKNOWN = RunVariance(0.0, 0)


@pytest.fixture(autouse=True)
def without_collection(monkeypatch: pytest.MonkeyPatch) -> None:
    """multipletests collects garbage at every call, which takes 20 ms with all that the tests have imported."""
    monkeypatch.setattr("gc.collect", lambda: 0)


def question_means(rng: np.random.Generator, runs: int, questions: int, samples: int = 4) -> np.ndarray:
    """Question means (runs, questions) of an arm with questions of varied difficulty."""
    return rng.binomial(samples, rng.beta(2, 2, questions), (runs, questions)) / samples


class TestScores:
    def test_one_sample_is_wilson_over_questions(self) -> None:
        means = np.array([1, 1, 1, 0, 0, 0, 0, 0, 0, 1.0])
        score = statistics.score_interval(means, samples=1, alpha=0.05)
        assert score.score == 0.4
        assert score.se == pytest.approx(stats.sem(means))
        assert (score.ci_low, score.ci_high) == pytest.approx(proportion_confint(4, 10, method="wilson"))

    def test_several_samples_use_the_effective_number(self) -> None:
        means = np.array([1, 0.5, 0.5, 0, 0.25, 0.75, 1, 0])
        score = statistics.score_interval(means, samples=4, alpha=0.05)
        n_eff = 0.25 / stats.sem(means) ** 2
        assert 8 - 1 <= n_eff <= 32
        assert (score.ci_low, score.ci_high) == pytest.approx(proportion_confint(n_eff / 2, n_eff, method="wilson"))

    @pytest.mark.parametrize("value", [0.0, 1.0])
    def test_all_answers_equal(self, value: float) -> None:
        score = statistics.score_interval(np.full(30, value), samples=8, alpha=0.05)
        expected = proportion_confint(30 * value, 30, method="wilson")
        assert (score.ci_low, score.ci_high) == pytest.approx(expected)

    def test_no_more_answers_than_there_are(self) -> None:
        """Half right on every question: the standard error over questions is 0, the interval is not a point."""
        score = statistics.score_interval(np.full(20, 0.5), samples=2, alpha=0.05)
        assert (score.ci_low, score.ci_high) == pytest.approx(proportion_confint(20, 40, method="wilson"))

    def test_runs_widen_the_interval(self) -> None:
        means = np.linspace(0, 1, 50)
        without = statistics.score_interval(means, 4, 0.05)
        with_runs = statistics.score_interval(means, 4, 0.05, run_part=0.02**2)
        assert with_runs.se == pytest.approx(sqrt(without.se**2 + 0.02**2))
        assert with_runs.ci_high - with_runs.ci_low > without.ci_high - without.ci_low


class TestDifferences:
    def test_without_runs_it_is_the_paired_t_test(self) -> None:
        rng = np.random.default_rng(1)
        a, b = question_means(rng, 1, 80), question_means(rng, 1, 80)
        found = statistics.paired_difference(a, b, UNKNOWN, reference_is_fixed=True)
        reference = stats.ttest_rel(a[0], b[0])
        assert (found.p_value, found.df) == pytest.approx((reference.pvalue, reference.df))
        assert found.interval(0.05) == pytest.approx(tuple(reference.confidence_interval(0.95)))

    def test_runs_by_hand(self) -> None:
        """Two runs an arm, four questions; question part 0.05 / 4, run part 0.01 / 2 + 0.01 / 2."""
        a, b = np.array([[1, 1, 0, 0.5], [1, 0, 0, 0.5]]), np.array([[0.5, 0, 0, 0], [0.5, 0.5, 0, 0]])
        d = np.array([0.5, 0.25, 0, 0.5])
        found = statistics.paired_difference(a, b, RunVariance(0.01, 6), reference_is_fixed=False)
        question_part = d.var(ddof=1) / 4
        assert found.difference == pytest.approx(0.3125)
        assert found.question_variance == pytest.approx(max(question_part, 1 / 36))
        assert found.run_variance == pytest.approx(0.01)
        q = found.question_variance
        assert found.df == pytest.approx((q + 0.01) ** 2 / (q**2 / 3 + 0.01**2 / 6))

    def test_a_fixed_reference_has_no_run_term(self) -> None:
        rng = np.random.default_rng(2)
        a, b = question_means(rng, 4, 30), question_means(rng, 1, 30)
        found = statistics.paired_difference(a, b, RunVariance(0.0008, 8), reference_is_fixed=True)
        assert found.run_variance == pytest.approx(0.0008 / 4)

    def test_unknown_run_variance_is_left_out(self) -> None:
        rng = np.random.default_rng(3)
        a, b = question_means(rng, 2, 30), question_means(rng, 2, 30)
        found = statistics.paired_difference(a, b, RunVariance(0.5, 3), reference_is_fixed=False)
        assert found.run_variance == 0.0
        assert found.df == pytest.approx(29)

    def test_no_difference_anywhere_is_no_certainty(self) -> None:
        same = np.ones((1, 28))
        found = statistics.paired_difference(same, same, UNKNOWN, reference_is_fixed=True)
        assert (found.se, found.p_value) == pytest.approx((1 / 30, 1.0))

    def test_degrees_of_freedom_are_welchs(self) -> None:
        rng = np.random.default_rng(4)
        a, b = rng.normal(0, 1, 12), rng.normal(0, 3, 7)
        df = statistics.welch_satterthwaite([(a.var(ddof=1) / 12, 11), (b.var(ddof=1) / 7, 6)])
        assert df == pytest.approx(stats.ttest_ind(a, b, equal_var=False).df)

    def test_run_variance_pools_over_arms(self) -> None:
        pooled = statistics.run_variance([np.array([0.5, 0.7]), np.array([0.1, 0.2, 0.3]), np.array([0.9])])
        assert (pooled.variance, pooled.df) == pytest.approx(((0.02 + 0.02) / 3, 3))
        assert not pooled.known
        assert statistics.run_variance([np.array([0.5])]) == (0.0, 0)


class TestFamilies:
    def test_holm_by_hand(self) -> None:
        adjusted = statistics.holm([0.01, 0.04, 0.03, 0.005], alpha=0.05)
        assert [a.p_holm for a in adjusted] == pytest.approx([0.03, 0.06, 0.06, 0.02])
        # 0.005 is tested at alpha / 4, 0.01 at alpha / 3, 0.03 fails at alpha / 2, and that decides 0.04 too.
        assert [a.alpha for a in adjusted] == pytest.approx([0.05 / 3, 0.05 / 2, 0.05 / 2, 0.05 / 4])

    def test_all_claimed_ends_at_alpha(self) -> None:
        assert [a.alpha for a in statistics.holm([0.001, 0.002], 0.05)] == pytest.approx([0.025, 0.05])

    def test_interval_leaves_out_zero_exactly_where_a_verdict_is_claimed(self) -> None:
        rng = np.random.default_rng(5)
        verdicts = set()
        for _ in range(300):
            family = [Difference(rng.normal(0, 0.05), 0.0003, 0.0002, rng.uniform(5, 99)) for _ in range(5)]
            for found, adjusted in zip(family, statistics.holm([f.p_value for f in family], 0.05), strict=True):
                low, high = found.interval(adjusted.alpha)
                verdict = statistics.verdict(found.difference, adjusted.p_holm, 0.05)
                verdicts.add(verdict)
                assert verdict == ("better" if low > 0 else "worse" if high < 0 else "no detectable difference")
        assert len(verdicts) == 3


class TestPower:
    def test_detectable_difference_has_80_percent_power_at_the_first_step(self) -> None:
        found, family = Difference(0.0, 0.0004, 0.0, 40), 6
        effect = power.detectable(found, family, 0.05)
        critical = stats.t.isf(0.05 / (2 * family), 40)
        found_with = stats.nct.sf(critical, 40, effect / found.se) + stats.nct.cdf(-critical, 40, effect / found.se)
        assert found_with == pytest.approx(0.8, abs=0.015)

    def test_questions_needed_is_the_t_tests_sample_size(self) -> None:
        found = Difference(0.0, 0.3**2 / 50, 0.0, 49)
        needed = power.questions_needed(found, 50, UNKNOWN, effect=0.05, family=1, alpha=0.05)
        assert needed == pytest.approx(TTestPower().solve_power(0.05 / 0.3, alpha=0.05, power=0.8), rel=0.01)

    def test_needs_are_the_smallest_that_do(self) -> None:
        runs, found, size = (
            RunVariance(0.0004, 8),
            Difference(0.0, 0.05 / 400, 0.0004 * 2 / 3, 11),
            (4, False, 0.05, 2, 0.05),
        )
        count = power.runs_needed(found, 400, runs, *size)
        assert count is not None

        def detectable(runs_an_arm: int) -> float:
            part = 0.0004 * 2 / runs_an_arm
            df = statistics.welch_satterthwaite([(found.question_variance, 399), (part, 4 * (runs_an_arm - 1))])
            return power.detectable(Difference(0.0, found.question_variance, part, df), 2, 0.05)

        assert detectable(count) <= 0.05 < detectable(count - 1)

    def test_where_one_alone_cannot_do_both_can(self) -> None:
        runs, found, size = RunVariance(0.0012, 6), Difference(0.0, 0.0004, 0.0008, 12), (3, False, 0.03, 2, 0.05)
        assert power.questions_needed(found, 100, runs, 0.03, 2, 0.05) is None
        assert power.runs_needed(found, 100, runs, *size) is None
        design = power.design_needed(found, 100, runs, *size)
        assert design is not None
        part, question_part = 0.0012 * 2 / design.runs, 0.0004 * 100 / design.questions
        df = statistics.welch_satterthwaite([(question_part, design.questions - 1), (part, 3 * (design.runs - 1))])
        assert power.detectable(Difference(0.0, question_part, part, df), 2, 0.05) <= 0.03

    def test_unknown_runs_are_not_planned(self) -> None:
        found = Difference(0.0, 0.0004, 0.0, 99)
        assert power.runs_needed(found, 100, RunVariance(0.01, 2), 2, False, 0.03, 2, 0.05) is None
        assert power.design_needed(found, 100, RunVariance(0.01, 2), 2, False, 0.03, 2, 0.05) is None


class TestAnswers:
    @pytest.mark.parametrize(("samples", "correct", "k"), [(5, 2, 1), (5, 2, 3), (8, 0, 4), (8, 8, 8), (6, 1, 6)])
    def test_pass_at_k_counts_draws(self, samples: int, correct: int, k: int) -> None:
        draws = list(combinations([1] * correct + [0] * (samples - correct), k))
        assert statistics.pass_at_k(samples, correct, k) == pytest.approx(np.mean([any(draw) for draw in draws]))

    @pytest.mark.parametrize(
        ("extracted", "correct", "expected"),
        [
            (["7", "8", "7"], [1, 0, 1], 1),
            (["8", "7", "8"], [0, 1, 0], 0),
            (["8", "7"], [0, 1], 0),  # a tie: the first seen
            (["7", "8"], [1, 0], 1),
            ([None, None, "7"], [0, 0, 1], 1),  # no answer is no vote
            ([None, None], [0, 0], 0),
        ],
    )
    def test_majority(self, extracted: list[str | None], correct: list[int], expected: int) -> None:
        assert majority_correct(extracted, correct) == expected

    def test_mcnemar_is_the_exact_test(self) -> None:
        rng = np.random.default_rng(6)
        a, b = rng.integers(0, 2, 60), rng.integers(0, 2, 60)
        only_a, only_b, p = statistics.mcnemar(a, b)
        table = [[np.sum(a & b), only_a], [only_b, np.sum((1 - a) & (1 - b))]]
        assert p == pytest.approx(reference_mcnemar(table, exact=True).pvalue)
        assert only_a == np.sum(a > b)

    def test_mcnemar_without_discordant_pairs(self) -> None:
        assert statistics.mcnemar(np.ones(5), np.ones(5)) == (0, 0, 1.0)


def test_false_verdicts_under_no_effect() -> None:
    """4 arms x 3 seeds, run SD 2 points, no effect: few false verdicts here, many where runs are taken as fixed."""
    rng = np.random.default_rng(7)
    experiments, questions = 500, 200
    claimed = naive = families = 0
    for _ in range(experiments):
        difficulty = rng.beta(2, 2, questions)
        shifts = rng.normal(0, 0.02, (4, 3, 1))
        arms = rng.binomial(4, np.clip(difficulty + shifts, 0, 1)) / 4
        runs = statistics.run_variance(arm.mean(axis=1) for arm in arms)
        found = [statistics.paired_difference(arms[0], arm, runs, False) for arm in arms[1:]]
        fixed = statistics.paired_difference(arms[0], arms[1], UNKNOWN, False)
        claimed += found[0].p_value < 0.05
        naive += fixed.p_value < 0.05
        families += any(adjusted.p_holm < 0.05 for adjusted in statistics.holm([f.p_value for f in found], 0.05))
    # A rate of 5% gives more than this in one of a thousand such tests.
    limit = stats.binom.ppf(0.999, experiments, 0.05)
    assert claimed <= limit
    assert families <= limit
    assert naive > 2 * limit
