"""Named averages, other primary metrics, no-worse, missing answers: against counts by hand and plain arithmetic."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from scripts.common.cli import UserError
from scripts.common.config.load import load_experiment
from scripts.common.config.report import Scoring
from scripts.common.questions import Question
from scripts.compare import compare_models, summarise_scores
from scripts.compare.answer_matrix import metric_arms, question_design
from tests.compare.answers import answer, frame
from tests.made_up_results import CONFIG

ARMS = ("s", "random-9")
HELD = {"s": {"rows": "random-9"}}
SIZES = {"a": 20, "b": 50}


def made(seeds: int = 3, lift: float = 0.0, random_state: int = 0, samples: int = 1) -> pd.DataFrame:
    """Two benchmarks, two arms and base; the runs of an arm are good or bad on both benchmarks."""
    rng = np.random.default_rng(random_state)
    rows = []
    for model in ("base", *(f"{arm}-t{seed}" for arm in ARMS for seed in range(seeds))):
        level = 0.5 + rng.normal(0, 0.1) + (lift if model.startswith("s-") else 0)
        for benchmark, count in SIZES.items():
            for q in range(count):
                rows += [
                    answer(model, f"{q:02d}", k, int(rng.random() < level), benchmark=benchmark) for k in range(samples)
                ]
    return frame(rows)


WEIGHTS = {"mean": {"a": 0.5, "b": 0.5}}


def test_an_average_is_that_of_the_scores() -> None:
    answers = made()
    scores = summarise_scores.score_tables(answers, 0.05)[0].pivot(index="model", columns="benchmark", values="score")
    table = summarise_scores.average_table(
        answers, 0.05, Scoring(averages={"mean": ["a", "b"], "most": {"a": 3, "b": 1}})
    )
    found = table.set_index(["average", "arm"])
    for arm in ARMS:
        runs = scores[scores.index.str.startswith(f"{arm}-t")]
        assert found.loc[("mean", arm), "score"] == pytest.approx(runs.mean(axis=1).mean())
        assert found.loc[("mean", arm), "run_sd"] == pytest.approx(runs.mean(axis=1).std())
        assert found.loc[("most", arm), "score"] == pytest.approx((0.75 * runs["a"] + 0.25 * runs["b"]).mean())
    assert set(found["level"]) == {"method"} and set(found["n_questions"]) == {70}


@pytest.mark.parametrize("benchmark", SIZES)
def test_a_run_that_lacks_a_benchmark_is_told(benchmark: str) -> None:
    """It was left out, or a traceback, by which of the benchmarks came first."""
    answers = made()
    answers = answers[(answers["model"] != "s-t2") | (answers["benchmark"] != benchmark)]
    with pytest.raises(UserError, match=f"run 's-t2' has no answers to {benchmark}"):
        summarise_scores.average_table(answers, 0.05, Scoring(averages={"mean": ["a", "b"]}))


def test_the_variance_of_an_average_by_hand() -> None:
    """Questions: the sum of w^2 sd^2 / n over benchmarks. Runs: of the run means of the average, not of benchmarks."""
    answers = made()
    rows = compare_models.compare_averages(answers, "base", WEIGHTS, references=HELD)
    (found,) = [comparison.found for comparison in rows if comparison.family == "rows"]
    between, averages, noise = 0.0, {arm: np.zeros(3) for arm in ARMS}, 0.0
    for of_benchmark in (rows for _, rows in answers.groupby("benchmark")):
        arms = metric_arms(of_benchmark)
        d = arms["s"].means.mean(axis=0) - arms["random-9"].means.mean(axis=0)
        between += 0.25 * d.var(ddof=1) / len(d)
        for arm in ARMS:
            averages[arm] += 0.5 * arms[arm].run_scores
            residual = arms[arm].means - arms[arm].means.mean(axis=0)
            noise += 0.25 * residual.var(axis=1, ddof=1).sum() / len(d) / 4
    runs = np.mean([values.var(ddof=1) for values in averages.values()])
    assert found.variance.questions == pytest.approx(between)
    assert found.variance.runs == pytest.approx(2 / 3 * max(runs - noise, 0))
    assert found.difference == pytest.approx(averages["s"].mean() - averages["random-9"].mean())
    assert found.df == 4


def test_an_average_of_one_benchmark_is_that_benchmark() -> None:
    answers = made(seeds=1)
    (plain,) = [
        c for c in compare_models.compare(answers, "base", references=HELD) if c.family == "rows" and c.benchmark == "a"
    ]
    (named,) = [
        c
        for c in compare_models.compare_averages(answers, "base", {"x": {"a": 1.0}}, references=HELD)
        if c.family == "rows"
    ]
    assert named.found.variance == pytest.approx(plain.found.variance)
    assert named.found.difference == pytest.approx(plain.found.difference)


def test_averages_are_a_family_of_their_own() -> None:
    answers = made(lift=0.3)
    before = [
        row["p_holm"]
        for row in compare_models.comparison_rows(compare_models.compare(answers, "base", references=HELD), 0.05)
    ]
    assert len(before) == 6 and len(compare_models.compare_averages(answers, "base", WEIGHTS, references=HELD)) == 3


def test_metrics_by_hand() -> None:
    """Two runs, two questions, three samples: which are right (x, y) and what was extracted."""
    right = {"s-t1": {"x": (1, 0, 0), "y": (0, 0, 0)}, "s-t2": {"x": (1, 1, 0), "y": (0, 0, 1)}}
    rows = [answer(m, q, k, c) for m, of in right.items() for q, marks in of.items() for k, c in enumerate(marks)]
    arms = {metric: metric_arms(frame(rows), metric)["s"] for metric in ("pass@1", "pass@k", "majority@k")}
    assert arms["pass@1"].means == pytest.approx(np.array([[1 / 3, 0], [2 / 3, 1 / 3]]))
    # Within each run: pooled over runs x would be right in both and y in both.
    assert arms["pass@k"].means.tolist() == [[1, 0], [1, 1]]
    assert arms["majority@k"].means.tolist() == [[0, 0], [1, 0]]
    assert {(arm.samples, arm.results) for metric, arm in arms.items() if metric != "pass@1"} == {(3, 1)}


def test_the_primary_metric_is_the_score_everywhere() -> None:
    answers = made(samples=3)
    scores, arms = summarise_scores.score_tables(answers, 0.05, None, "pass@k")
    assert scores["score"].tolist() == pytest.approx(scores["pass_at_k"].tolist())
    assert (scores["pass_at_1"] < scores["score"]).any() and set(arms["metric"]) == {"pass@k"}
    comparisons = compare_models.compare(answers, "base", compare_models.SCORE, None, "pass@k")
    by_arm = arms.set_index(["arm", "benchmark"])["score"]
    for found in comparisons:
        expected = by_arm[found.subset.name, found.benchmark] - by_arm[found.reference.name, found.benchmark]
        assert found.found.difference == pytest.approx(expected)


def test_no_worse_is_the_lower_bound_of_all_at_once() -> None:
    comparisons = [c for c in compare_models.compare(made(lift=0.2), "base", references=HELD) if c.family == "rows"]
    for row, comparison in zip(compare_models.score_rows(comparisons, 0.05, "pass@1", 0.01), comparisons, strict=True):
        half = stats.t.isf(0.05 / 2, row["df"]) * row["se"]
        assert row["lower_bound"] == pytest.approx(comparison.found.difference - half)
        assert row["no_worse"] == (row["lower_bound"] > -0.01 or row["verdict"] == "better")
    wide = compare_models.score_rows(comparisons, 0.05, "pass@1", 0.99)
    assert all(row["no_worse"] for row in wide)


def test_levels_say_what_intervals_cover() -> None:
    for seeds, level in ((3, "method"), (2, "these runs"), (1, "these runs")):
        arms = summarise_scores.score_tables(made(seeds), 0.05)[1].set_index(["arm", "benchmark"])["level"]
        assert arms["base", "a"] == "method" and arms["s", "a"] == level


def test_an_arm_of_one_run_takes_the_variance_that_other_arms_show() -> None:
    answers = made(5)
    answers = answers[~answers["model"].isin([f"s-t{seed}" for seed in (1, 2, 3, 4)])]
    scores, arms = summarise_scores.score_tables(answers, 0.05)
    single = scores[scores["model"] == "s-t0"].set_index("benchmark")
    row = arms[arms["arm"] == "s"].set_index("benchmark")
    assert set(row["level"]) == {"method"} and row["score"].equals(single["score"])
    assert (row["ci_high"] - row["ci_low"] > 1.1 * (single["ci_high"] - single["ci_low"])).all()


class TestMissing:
    ROWS = staticmethod(lambda: made(2))

    def test_a_missing_answer_is_one_sentence(self) -> None:
        answers = self.ROWS()
        gone = answers[(answers["model"] == "s-t1") & (answers["question_id"] == "07") & (answers["benchmark"] == "a")]
        for lacking in (
            answers.drop(gone.index),
            answers.assign(correct=answers["correct"].astype(float).where(~answers.index.isin(gone.index))),
        ):
            for call in (lambda a: compare_models.compare(a, "base"), lambda a: summarise_scores.score_tables(a, 0.05)):
                with pytest.raises(UserError, match="'a': an answer of model 's-t1' to question '07' is missing"):
                    call(lacking)

    def test_a_missing_sample_of_several_too(self) -> None:
        answers = made(2, samples=4)
        with pytest.raises(UserError, match=r"is missing: evaluate"):
            compare_models.compare(answers.drop(answers.index[3]), "base")
        with pytest.raises(UserError, match=r"8 answers are missing in all"):
            compare_models.compare(answers.drop(answers.index[:8]), "base")

    def test_all_questions_in_one_group(self) -> None:
        """Nothing is said of other groups: a score without error, and no comparison."""
        answers = made(2)
        names = {name: [f"{q:02d}" for q in range(count)] for name, count in SIZES.items()}
        asked = {
            name: {q: Question(id=q, question=q, answer="7", group="g" if name == "a" else None) for q in of}
            for name, of in names.items()
        }
        arms = summarise_scores.score_tables(answers, 0.05, asked)[1].set_index(["arm", "benchmark"])
        row = arms.loc[("s", "a")]
        assert row["level"] == "these questions" and pd.isna(row[["se", "ci_low", "ci_high"]]).all()
        assert 0 < row["score"] < 1 and arms.loc[("s", "b"), "se"] > 0
        with pytest.raises(UserError, match="all 20 questions of benchmark 'a' are of one group"):
            compare_models.compare(answers, "base", "score", asked)
        assert question_design(answers[answers["benchmark"] == "a"], "a", asked).df == 0


class TestSettings:
    def test_weights_sum_to_one(self) -> None:
        scoring = Scoring(averages={"m": ["a", "b"], "w": {"a": 3, "b": 1}})
        assert scoring.weights() == {"m": {"a": 0.5, "b": 0.5}, "w": {"a": 0.75, "b": 0.25}}

    @pytest.mark.parametrize(
        ("averages", "message"),
        [
            ({"m": ["chains", "nope"]}, "report.averages.m: there is no benchmark 'nope'"),
            ({"chains": ["chains"]}, "the name 'chains' is already a benchmark's"),
            ({"m": ["chains", "chains"]}, "names a benchmark twice"),
            ({"m": {"chains": 0}}, "greater than 0"),
            ({"m": []}, "at least 1"),
        ],
    )
    def test_mistakes_are_named(self, averages: dict, message: str) -> None:
        with pytest.raises(UserError, match=message):
            load_experiment(CONFIG | {"report": {"averages": averages}})

    def test_an_experiment_with_averages_has_their_tables(self) -> None:
        from scripts.compare.tables import tables_of

        plain = load_experiment(CONFIG)
        more = load_experiment(CONFIG | {"report": {"averages": {"m": ["chains", "long_chains"]}}})
        assert set(tables_of(more)) - set(tables_of(plain)) == {"average_scores", "average_comparisons", "primary"}
