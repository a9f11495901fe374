"""Arms whose rows are drawn anew beside arms whose rows are not: two variances between runs, and the draw as the unit."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from scripts.compare import compare_models
from scripts.compare.answer_matrix import Arm, arms_of, by_draw, question_design
from scripts.compare.luck import draws_table, variance_parts
from scripts.compare.moderation import run_variances, runs_by_kind
from scripts.compare.statistics import paired_difference
from scripts.compare.summarise_scores import score_tables
from scripts.compare.variance import DRAWN, FIXED, Kind, Questions, RunVariance, RunVariances, run_variance
from tests.compare.answers import answer, frame


def table(arms: dict[str, list[str]], seed: int = 1, questions: int = 30) -> pd.DataFrame:
    """Answers to two benchmarks of the base model and of runs by arm, each with a level of its own."""
    rng = np.random.default_rng(seed)
    rows = [
        answer("base", f"{q:02d}", correct=int(rng.random() < 0.4), benchmark=b) for b in "ab" for q in range(questions)
    ]
    for arm, runs in arms.items():
        for run in runs:
            for b in "ab":
                level = 0.5 + rng.normal(0, 0.05)
                rows += [
                    answer(run, f"{q:02d}", correct=int(rng.random() < level), benchmark=b, subset=arm)
                    for q in range(questions)
                ]
    return frame(rows)


def seeded(*arms: str) -> dict[str, list[str]]:
    return {arm: [f"{arm}-t{seed}" for seed in (1, 2, 3)] for arm in arms}


@pytest.mark.parametrize("names", [("s", "t", "u"), ("random-9", "random-8")])
def test_arms_of_one_kind_are_compared_as_ever(names: tuple[str, ...]) -> None:
    """To the last bit: by one variance pooled over all arms, moderated across the benchmarks."""
    answers = table(seeded(*names))
    found = compare_models.compare(answers, "base", references={names[0]: {"rows": names[1]}})
    arms = {str(name): arms_of(rows) for name, rows in answers.groupby("benchmark", sort=False)}
    designs = {str(name): question_design(rows, str(name), None) for name, rows in answers.groupby("benchmark")}
    pooled = run_variances({b: [arm for arm in of.values() if arm.name != "base"] for b, of in arms.items()}, designs)
    for one in found:
        a, b = arms[one.benchmark][one.subset.name], arms[one.benchmark][one.reference.name]
        least = 1 / (len(designs[one.benchmark].unit) + 2) ** 2
        runs, fixed = pooled[one.benchmark], b.name == "base"
        expected = paired_difference(a.means, b.means, runs, fixed, designs[one.benchmark], least)
        assert (one.found, one.runs) == (expected, runs)
    assert {one.family for one in found} == {"base", "rows"}


def test_unlike_variances_are_welchs() -> None:
    """Of two arms that differ by luck alone: scipy's t test without equal variances."""
    rng = np.random.default_rng(3)
    fixed, drawn = (np.repeat(rng.normal(0.5, sd, (n, 1)), 2, axis=1) for sd, n in ((0.01, 4), (0.05, 5)))
    kinds = RunVariances.of({FIXED: run_variance([fixed]), DRAWN: run_variance([drawn])})
    both = kinds.between((FIXED, 4), (DRAWN, 5))
    welch = stats.ttest_ind(fixed[:, 0], drawn[:, 0], equal_var=False)
    t = (fixed.mean() - drawn.mean()) / np.sqrt(both.variance * (1 / 4 + 1 / 5))
    assert (t, both.total_df) == (pytest.approx(welch.statistic), pytest.approx(welch.df))
    assert both.known and both.df == 7
    assert kinds.between((DRAWN, 5), (DRAWN, 2)) == kinds[DRAWN]


def test_drawn_runs_do_not_vary_less_than_fixed_ones() -> None:
    """Where they seem to, both are pooled, as if they were of one kind."""
    rng = np.random.default_rng(4)
    fixed, drawn = [rng.normal(0.5, 0.05, (3, 6)) for _ in range(3)], rng.normal(0.5, 0.01, (3, 6))
    kinds = RunVariances.of({FIXED: run_variance(fixed), DRAWN: run_variance([drawn])})
    assert kinds[FIXED] == kinds[DRAWN] == kinds.between((FIXED, 3), (DRAWN, 3))
    assert kinds[DRAWN][:3] == pytest.approx(run_variance([*fixed, drawn])[:3])


def test_what_is_known_of_runs_is_known_as_before() -> None:
    """Four degrees of freedom of all arms together are enough; a kind of which nothing was seen is not known."""
    two = RunVariances.of({FIXED: RunVariance(0.001, 2), DRAWN: RunVariance(0.002, 2)})
    assert two[FIXED].known and two[DRAWN].known and two.between((FIXED, 3), (DRAWN, 3)).known
    assert two.between((FIXED, 3), (DRAWN, 3)).total_df < 4
    few = RunVariances.of({FIXED: RunVariance(0.001, 1), DRAWN: RunVariance(0.002, 1)})
    assert not few[FIXED].known and not few.between((FIXED, 2), (DRAWN, 2)).known
    unseen = RunVariances.of({FIXED: RunVariance(0.001, 8), DRAWN: RunVariance(0.0, 0)})
    # Runs with the same rows vary at most as much as those with rows of their own; the other way round nothing is known.
    assert RunVariances.of({FIXED: RunVariance(0.0, 0), DRAWN: RunVariance(0.001, 4)})[FIXED].variance == 0.001
    assert unseen[FIXED].known and not unseen[DRAWN].known and not unseen.between((FIXED, 5), (DRAWN, 1)).known


def test_the_kind_of_an_arm() -> None:
    """Random rows are drawn anew for every seed; the same rows whole are not; of several draws the draw is the unit."""
    crossed = {"x": [f"x-d{draw}-t{seed}" for draw in (1, 2, 3) for seed in (1, 2)]}
    answers = table(seeded("s", "random-9", "s.tokens", "s.unpruned", "w-d1") | crossed)
    arms = compare_models.measured(answers[answers["benchmark"] == "a"], compare_models.SCORE)
    kinds = {name: arm.kind for name, arm in arms.items()}
    assert kinds == {"base": FIXED, "s": FIXED, "random-9": DRAWN, "s.tokens": DRAWN, "s.unpruned": FIXED,
                     "w-d1": FIXED, "x": Kind(True, 2)}  # fmt: skip
    assert arms["x"].models == ["x-d1", "x-d2", "x-d3"] and arms["x"].runs == 6
    whole = arms_of(answers[answers["benchmark"] == "a"])["x"]
    for place, number in enumerate((1, 2, 3)):
        own = [whole.models.index(f"x-d{number}-t{seed}") for seed in (1, 2)]
        assert arms["x"].means[place] == pytest.approx(whole.means[own].mean(axis=0))


def test_of_several_draws_the_draws_are_counted() -> None:
    """Three draws of three seeds on both sides: t with 2 + 2 degrees of freedom, not with those of 18 runs."""
    crossed = {arm: [f"{arm}-d{d}-t{s}" for d in (1, 2, 3) for s in (1, 2, 3)] for arm in ("x", "random-9")}
    answers = table(crossed, questions=200)
    answers = answers[answers["benchmark"] == "a"]
    (one,) = [
        c for c in compare_models.compare(answers, "base", references={"x": {"rows": "random-9"}}) if c.family == "rows"
    ]
    (row,) = compare_models.comparison_rows([one], 0.05)
    assert one.runs.total_df == 4 == row["df"] and row["runs_subset"] == 9 and row["level"] == "method"
    means = [arms_of(answers)[arm].run_scores.reshape(3, 3).mean(axis=1) for arm in ("x", "random-9")]
    assert one.runs.variance == pytest.approx(np.mean([scores.var(ddof=1) for scores in means]))
    arms = score_tables(answers, 0.05)[1].set_index("arm")
    assert arms.loc["x", "runs"] == 9 and arms.loc["x", "level"] == "method"


def test_the_parts_of_luck() -> None:
    """By hand: draws 0.4 and 0.6 on average, seeds 0.1 apart; and by the mean over many made-up experiments."""
    assert variance_parts(np.array([[0.35, 0.45], [0.55, 0.65]])) == (
        pytest.approx((0.02 - 0.005 / 2) ** 0.5), pytest.approx(0.005**0.5))  # fmt: skip
    assert variance_parts(np.array([[0.3, 0.7], [0.7, 0.3]]))[0] == 0
    rng = np.random.default_rng(6)
    scores = rng.normal(0, 3, (4000, 5, 1)) + rng.normal(0, 2, (4000, 5, 4))
    squares = np.mean([np.square(variance_parts(one)) for one in scores], axis=0)
    assert squares == pytest.approx([9, 4], rel=0.05)


def test_where_each_draw_was_trained_once_the_parts_are_confounded() -> None:
    crossed = {"x": [f"x-d{d}-t{s}" for d in (1, 2) for s in (1, 2)], "y": ["y-d1-t1", "y-d2-t1"]}
    answers = table(crossed | seeded("random-9", "s"))
    arms = {str(name): arms_of(rows) for name, rows in answers.groupby("benchmark", sort=False)}
    found = draws_table(arms)
    assert found[found["benchmark"] == "a"][["arm", "draws", "seeds", "confounded"]].values.tolist() == [
        ["x", 2, 2, False], ["y", 2, 1, True], ["random-9", 3, 1, True]]  # fmt: skip
    assert found["draw_sd"].isna().tolist() == found["confounded"].tolist()


def test_a_drawn_control_errs_in_five_percent() -> None:
    """A control whose draw adds as much as its seeds do: the cell that one pooled variance got wrong too often."""
    rng, number, wrong = np.random.default_rng(7), 1500, 0
    design = Questions(200)
    for _ in range(number):
        # Five fixed arms and the control, five runs each, on questions that are all alike.
        luck = rng.normal(0, 0.04, (6, 5, 1)) + rng.normal(0, 0.002, (6, 5, 200))
        luck[0] += rng.normal(0, 0.04, (5, 1))
        arms = {
            "b": [Arm(str(k), [f"t{s}" for s in range(5)], luck[k], 4, 4, DRAWN if k == 0 else FIXED) for k in range(6)]
        }
        kinds = runs_by_kind(arms, {"b": design})["b"]
        runs = kinds.between((FIXED, 5), (DRAWN, 5))
        wrong += paired_difference(luck[1], luck[0], runs, False, design).p_value < 0.05
    assert wrong <= stats.binom.ppf(0.9995, number, 0.05)
    assert by_draw(arms["b"][0]) is arms["b"][0]
