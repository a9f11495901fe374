"""The statistics against scipy and statsmodels called directly, and hand-computed cases."""

from math import sqrt

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as reference_mcnemar
from statsmodels.stats.power import TTestPower
from statsmodels.stats.proportion import proportion_confint

from scripts.common.majority import majority_correct
from scripts.compare import power, statistics
from scripts.compare.power import Plan
from scripts.compare.statistics import Difference
from scripts.compare.variance import Questions, RunVariance, Variance, combined, run_variance

UNKNOWN = RunVariance(0.0, 0)


def difference(mean: float, questions: float, runs: float, df: float) -> Difference:
    return Difference(mean, Variance(questions, runs, df))


@pytest.fixture(autouse=True)
def without_collection(monkeypatch: pytest.MonkeyPatch) -> None:
    """multipletests collects garbage at every call, which takes 20 ms with all that the tests have imported."""
    monkeypatch.setattr("gc.collect", lambda: 0)


def question_means(rng: np.random.Generator, runs: int, questions: int, samples: int = 4) -> np.ndarray:
    """Question means (runs, questions) of an arm with questions of varied difficulty."""
    return rng.binomial(samples, rng.beta(2, 2, questions), (runs, questions)) / samples


class TestScores:
    def test_one_sample_is_agresti_and_coull_over_questions(self) -> None:
        means = np.array([[1, 1, 1, 0, 0, 0, 0, 0, 0, 1.0]])
        score = statistics.score_interval(means, 1, 0.05, Questions(10))
        assert score.score == 0.4
        assert score.se == pytest.approx(stats.sem(means[0]))
        assert (score.ci_low, score.ci_high) == pytest.approx(proportion_confint(4, 10, method="agresti_coull"))

    def test_several_samples_use_the_effective_number(self) -> None:
        means = np.array([[1, 0.5, 0.5, 0, 0.25, 0.75, 1, 0]])
        score = statistics.score_interval(means, 4, 0.05, Questions(8))
        pseudo = stats.norm.isf(0.025) ** 2
        n_eff = 0.25 / ((stats.sem(means[0]) ** 2 * 7 + 0.25 / 8 * pseudo) / (7 + pseudo))
        assert 8 - 1 <= n_eff <= 32
        expected = proportion_confint(n_eff / 2, n_eff, method="agresti_coull")
        assert (score.ci_low, score.ci_high) == pytest.approx(expected)

    @pytest.mark.parametrize("value", [0.0, 1.0])
    def test_all_answers_equal(self, value: float) -> None:
        score = statistics.score_interval(np.full((1, 30), value), 8, 0.05, Questions(30))
        expected = proportion_confint(30 * value, 30, method="agresti_coull")
        assert (score.ci_low, score.ci_high) == pytest.approx(expected)
        assert 0 <= score.ci_low <= value <= score.ci_high <= 1

    def test_no_more_answers_than_there_are(self) -> None:
        """Half right on every question: the standard error over questions is 0, the interval is that of 2,000 answers."""
        score = statistics.score_interval(np.full((1, 1000), 0.5), 2, 0.05, Questions(1000))
        assert (score.ci_low, score.ci_high) == pytest.approx(proportion_confint(1000, 2000, method="agresti_coull"))

    def test_runs_widen_the_interval(self) -> None:
        means = np.linspace(0, 1, 50)[None]
        without = statistics.score_interval(means, 4, 0.05, Questions(50))
        with_runs = statistics.score_interval(means, 4, 0.05, Questions(50), RunVariance(0.02**2, 8))
        assert with_runs.se == pytest.approx(sqrt(without.se**2 + 0.02**2))
        assert with_runs.ci_high - with_runs.ci_low > without.ci_high - without.ci_low

    @pytest.mark.parametrize("n", [30, 100, 198, 500])
    def test_coverage_of_single_answers_is_at_least_93_percent(self, n: int) -> None:
        """Exactly, for every p from 0.02 to 0.98; Wilson's interval does not keep it at n = 30."""
        right, p = np.arange(n + 1), np.linspace(0.02, 0.98, 193)
        bounds = [statistics.agresti_coull(k / n, n, 0.05) for k in right]
        chance = stats.binom.pmf(right, n, p[:, None])

        def least(low: np.ndarray, high: np.ndarray) -> float:
            return float((chance * ((low <= p[:, None]) & (p[:, None] <= high))).sum(axis=1).min())

        assert least(*np.array(bounds).T) >= 0.93
        if n == 30:
            assert least(*proportion_confint(right, n, method="wilson")) < 0.93


class TestDifferences:
    def test_without_runs_it_is_the_paired_t_test(self) -> None:
        rng = np.random.default_rng(1)
        a, b = question_means(rng, 1, 80), question_means(rng, 1, 80)
        found = statistics.paired_difference(a, b, UNKNOWN, reference_is_fixed=True)
        reference = stats.ttest_rel(a[0], b[0])
        assert (found.p_value, found.df) == pytest.approx((reference.pvalue, reference.df))
        assert found.interval(0.05) == pytest.approx(tuple(reference.confidence_interval(0.95)))

    def test_runs_by_hand(self) -> None:
        """Two runs an arm, four questions; of the run variance 0.01 the luck of single answers is 0.004."""
        a, b = np.array([[1, 1, 0, 0.5], [1, 0, 0, 0.5]]), np.array([[0.5, 0, 0, 0], [0.5, 0.5, 0, 0]])
        d = np.array([0.5, 0.25, 0, 0.5])
        found = statistics.paired_difference(a, b, RunVariance(0.01, 6, 0.004), reference_is_fixed=False)
        q = max(d.var(ddof=1) / 4, 1 / 36)
        assert found.difference == pytest.approx(0.3125)
        assert found.variance.total == pytest.approx(q - 0.004 + 0.01)
        assert found.variance.runs == pytest.approx(0.006)
        assert found.df == 3  # the questions', fewer than the runs' 6

    def test_runs_that_happen_to_agree_take_nothing_off_the_questions(self) -> None:
        """Runs closer than luck alone: neither a variance below that of the questions nor degrees of freedom below 1."""
        found = combined(0.002, 239, RunVariance(0.00001, 4, 0.002), 2 / 3)
        assert (found.total, found.runs, found.df) == (0.002, 0.0, 4)

    def test_a_fixed_reference_has_no_run_term(self) -> None:
        rng = np.random.default_rng(2)
        a, b = question_means(rng, 4, 30), question_means(rng, 1, 30)
        found = statistics.paired_difference(a, b, RunVariance(0.0008, 8), reference_is_fixed=True)
        assert found.variance.runs == pytest.approx(0.0008 / 4)

    def test_unknown_run_variance_is_left_out(self) -> None:
        rng = np.random.default_rng(3)
        a, b = question_means(rng, 2, 30), question_means(rng, 2, 30)
        found = statistics.paired_difference(a, b, RunVariance(0.5, 3), reference_is_fixed=False)
        assert found.variance.runs == 0.0
        assert found.df == pytest.approx(29)

    def test_no_difference_anywhere_is_no_certainty(self) -> None:
        same = np.ones((1, 28))
        found = statistics.paired_difference(same, same, UNKNOWN, reference_is_fixed=True)
        assert (found.se, found.p_value) == pytest.approx((1 / 30, 1.0))

    def test_degrees_of_freedom_are_never_more_than_welchs(self) -> None:
        """The sum of two variances, each of a mean, is the denominator of Welch's test; the fewer df are a limit to it."""
        rng = np.random.default_rng(4)
        for _ in range(20):
            a, b = rng.normal(0, 1, 12), rng.normal(0, 3, 7)
            found = combined(a.var(ddof=1) / 12, 11, RunVariance(b.var(ddof=1), 6), 1 / 7)
            assert found.total == pytest.approx(a.var(ddof=1) / 12 + b.var(ddof=1) / 7)
            assert found.df == 6 <= stats.ttest_ind(a, b, equal_var=False).df

    def test_other_benchmarks_add_degrees_of_freedom(self) -> None:
        assert combined(0.01, 99, RunVariance(0.02, 4, 0.0, 7.5), 1.0).df == 11.5

    def test_run_variance_pools_over_arms(self) -> None:
        arms = [np.tile(np.array(scores)[:, None], 3) for scores in ([0.5, 0.7], [0.1, 0.2, 0.3], [0.9])]
        pooled = run_variance(arms)
        assert (pooled.variance, pooled.df) == pytest.approx(((0.02 + 0.02) / 3, 3))
        assert not pooled.known
        assert run_variance([np.array([[0.5, 0.5]])]) == RunVariance(0.0, 0)

    def test_the_luck_of_answers_is_the_residual_of_a_two_way_anova(self) -> None:
        """Mean square of runs by questions, from statsmodels, over the number of questions."""
        import statsmodels.formula.api as smf
        from pandas import DataFrame
        from statsmodels.stats.anova import anova_lm

        rng = np.random.default_rng(14)
        arm = question_means(rng, 3, 12)
        run, question = np.indices(arm.shape)
        cells = DataFrame({"y": arm.ravel(), "run": run.ravel(), "question": question.ravel()})
        table = anova_lm(smf.ols("y ~ C(run) + C(question)", cells).fit())
        squares = table["sum_sq"] / table["df"]
        found = run_variance([arm])
        assert found.noise == pytest.approx(squares["Residual"] / 12)
        assert found.variance == pytest.approx(squares["C(run)"] / 12)


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
            family = [difference(rng.normal(0, 0.05), 0.0003, 0.0002, rng.uniform(5, 99)) for _ in range(5)]
            for found, adjusted in zip(family, statistics.holm([f.p_value for f in family], 0.05), strict=True):
                low, high = found.interval(adjusted.alpha)
                verdict = statistics.verdict(found.difference, adjusted.p_holm, 0.05)
                verdicts.add(verdict)
                assert verdict == ("better" if low > 0 else "worse" if high < 0 else "no detectable difference")
        assert len(verdicts) == 3


class TestPower:
    def test_detectable_difference_has_80_percent_power_at_the_first_step(self) -> None:
        found, family = difference(0.0, 0.0004, 0.0, 40), 6
        effect = power.detectable(found, family, 0.05)
        critical = stats.t.isf(0.05 / (2 * family), 40)
        found_with = stats.nct.sf(critical, 40, effect / found.se) + stats.nct.cdf(-critical, 40, effect / found.se)
        assert found_with == pytest.approx(0.8, abs=0.015)

    def test_questions_needed_is_the_t_tests_sample_size(self) -> None:
        found = difference(0.0, 0.3**2 / 50, 0.0, 49)
        plan = Plan(found, 50, UNKNOWN, 1.0, 1, True, effect=0.05, family=1, alpha=0.05)
        expected = TTestPower().solve_power(0.05 / 0.3, alpha=0.05, power=0.8)
        assert plan.questions_needed() == pytest.approx(expected, rel=0.01)

    def test_needs_are_the_smallest_that_do(self) -> None:
        runs, found = RunVariance(0.0004, 8), difference(0.0, 0.05 / 400, 0.0004 * 2 / 3, 11)
        plan = Plan(found, 400, runs, 2 / 3, 4, False, effect=0.05, family=2, alpha=0.05)
        count = plan.runs_needed()
        assert count is not None

        def detectable(runs_an_arm: int) -> float:
            part, question = 0.0004 * 2 / runs_an_arm, 0.05 / 400
            df = min(399, 4 * (runs_an_arm - 1))
            return power.detectable(difference(0.0, question, part, df), 2, 0.05)

        assert detectable(count) <= 0.05 < detectable(count - 1)

    def test_where_one_alone_cannot_do_both_can(self) -> None:
        runs, found = RunVariance(0.0012, 6), difference(0.0, 0.0004, 0.0008, 12)
        plan = Plan(found, 100, runs, 2 / 3, 3, False, effect=0.03, family=2, alpha=0.05)
        assert plan.questions_needed() is None
        assert plan.runs_needed() is None
        larger = plan.larger()
        assert larger is not None
        part, question = 0.0012 * 2 / larger.runs, 0.0004 * 100 / larger.questions
        df = min(larger.questions - 1, 3 * (larger.runs - 1))
        assert power.detectable(difference(0.0, question, part, df), 2, 0.05) <= 0.03

    def test_the_luck_of_answers_shrinks_with_questions(self) -> None:
        """Where runs differ by nothing but luck, questions alone find any effect."""
        runs, found = RunVariance(0.002, 8, 0.002), difference(0.0, 0.004, 0.0, 20)
        plan = Plan(found, 100, runs, 2 / 3, 4, False, effect=0.03, family=2, alpha=0.05)
        needed = plan.questions_needed()
        assert needed is not None and plan.finds(needed) and not plan.finds(needed - 1)

    def test_unknown_runs_are_not_planned(self) -> None:
        found = difference(0.0, 0.0004, 0.0, 99)
        plan = Plan(found, 100, RunVariance(0.01, 2), 1.0, 2, False, effect=0.03, family=2, alpha=0.05)
        assert plan.runs_needed() is None
        assert plan.larger() is None


class TestAnswers:
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
