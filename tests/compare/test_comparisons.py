"""The tables of comparisons and costs: which pairs, which verdicts, what the numbers are those of."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import ttest_rel

from scripts.common.cli import UserError
from scripts.common.questions import Question
from scripts.compare import compare_models
from scripts.compare.tables import read_csv
from tests.compare.answers import answer, asked, frame


class TestComparisons:
    def test_pairs(self) -> None:
        arms = ["base", "other", "s", "random-9", "s.unpruned", "q", "r"]
        held = {"s": {"rows": "random-9", "unpruned": "s.unpruned"}, "q": {"rows": "random-9"}, "r": {}}
        trained = {arm: arm not in ("base", "other") for arm in arms}
        assert list(compare_models.pairs(arms, trained, "base", held)) == [
            ("base", "other", "base"),
            ("base", "s", "base"),
            ("base", "random-9", "base"),
            ("base", "s.unpruned", "base"),
            ("base", "q", "base"),
            ("base", "r", "base"),
            ("rows", "s", "random-9"),
            ("rows", "q", "random-9"),
            ("unpruned", "s", "s.unpruned"),
        ]

    def test_known_effects_are_found(self, results: Path) -> None:
        """Made with limopro far above base and rows, and hardly above unpruned."""
        found = read_csv("comparisons", results / "compare/comparisons.csv")
        verdicts = found.groupby("question")["verdict"].agg(set).to_dict()
        assert verdicts == {"base": {"better"}, "rows": {"better"}, "unpruned": {"no detectable difference"}}
        assert set(found["level"]) == {"method"}
        assert (found["ci_low"] > 0).eq(found["verdict"] == "better").all()

    def test_differences_are_those_of_the_scores(self, results: Path) -> None:
        found = read_csv("comparisons", results / "compare/comparisons.csv")
        arms = read_csv("arms", results / "compare/arms.csv").set_index(["arm", "benchmark"])["score"]
        for _, row in found.iterrows():
            difference = arms[row["subset"], row["benchmark"]] - arms[row["reference"], row["benchmark"]]
            assert row["difference"] == pytest.approx(difference)

    def test_one_seed_speaks_of_these_runs(self) -> None:
        answers = [
            answer(m, str(q), correct=int(q % 4 != k))
            for k, m in enumerate(("base", "s-t1", "random-9-t1"))
            for q in range(20)
        ]
        comparisons = compare_models.compare(frame(answers), "base", references={"s": {"rows": "random-9"}})
        rows = compare_models.comparison_rows(comparisons, 0.05)
        assert {row["level"] for row in rows} == {"these runs"}
        assert len(compare_models.mcnemar_rows(comparisons)) == len(comparisons) == 3

    def test_a_model_that_was_not_trained_has_no_runs_to_vary(self) -> None:
        """However much the runs of others vary, two given models differ by a paired t test over questions."""
        names = ["base", "other", *(f"{arm}-t{seed}" for arm in ("s", "r") for seed in (1, 2, 3, 4))]
        rng = np.random.default_rng(0)
        shares = zip(names, np.linspace(0.1, 0.9, 10), strict=True)
        right = {name: (rng.random(40) < share).astype(int) for name, share in shares}
        answers = [answer(name, f"{q:02d}", correct=int(right[name][q])) for name in names for q in range(40)]
        rows = compare_models.comparison_rows(compare_models.compare(frame(answers), "base"), 0.05)
        row = next(row for row in rows if row["subset"] == "other")
        assert row["p_value"] == pytest.approx(ttest_rel(right["other"], right["base"]).pvalue)
        assert (row["df"], row["level"]) == (pytest.approx(39), "method")

    def test_mcnemar_needs_one_run_and_one_sample(self) -> None:
        answers = [answer(m, q, s) for m in ("base", "s-t1") for q in "xyz" for s in (0, 1)]
        assert compare_models.mcnemar_rows(compare_models.compare(frame(answers), "base")) == []

    def test_a_baseline_without_answers(self) -> None:
        with pytest.raises(UserError, match="no answers of a model 'other'"):
            compare_models.compare(frame([answer("base", "x"), answer("base", "y")]), "other")

    def test_one_question_is_too_few(self) -> None:
        with pytest.raises(UserError, match="benchmark 'b' has one question"):
            compare_models.compare(frame([answer("base", "x"), answer("s-t1", "x")]), "base")

    def test_questions_drawn_together_count_once(self) -> None:
        """Ten questions, but two problems of five parts each: one degree of freedom."""
        names = [f"{problem}{part}" for problem in "pq" for part in range(5)]
        questions = [Question(id=name, question=name, answer="7", group=name[0]) for name in names]
        rows = [
            answer(m, name, correct=int(name[0] == "p" and m != "base")) for m in ("base", "s-t1") for name in names
        ]
        (single,) = compare_models.compare(frame(rows), "base")
        (grouped,) = compare_models.compare(frame(rows), "base", "score", asked(*questions))
        assert (single.found.df, grouped.found.df) == (9, 1)
        assert grouped.found.se == pytest.approx(0.5) and single.found.se < 0.2


class TestCosts:
    def test_lengths_are_compared_question_by_question(self) -> None:
        tokens = {"base": [100, 200, 300, 400], "s-t1": [90, 190, 280, 380]}
        rows = [answer(m, str(q), output_tokens=n) for m, lengths in tokens.items() for q, n in enumerate(lengths)]
        found = compare_models.compare(frame(rows), "base", compare_models.TOKENS)
        (row,) = compare_models.cost_rows(found, 0.05, compare_models.TOKENS)
        reference = ttest_rel(tokens["s-t1"], tokens["base"])
        assert (row["difference"], row["p_value"]) == pytest.approx((-15.0, reference.pvalue))
        assert (row["value_subset"], row["value_reference"], row["verdict"]) == (235.0, 250.0, "shorter")

    def test_eff_is_a_ratio_of_means_and_its_error_the_jackknifes(self) -> None:
        """The delta method against leaving out one question after the other."""
        rng = np.random.default_rng(1)
        data = {m: (rng.integers(0, 2, 200), rng.integers(50, 400, 200)) for m in ("base", "s-t1")}
        rows = [
            answer(m, f"{q:03d}", correct=int(c), output_tokens=int(n))
            for m, (correct, tokens) in data.items()
            for q, (c, n) in enumerate(zip(correct, tokens, strict=True))
        ]
        (found,) = compare_models.compare(frame(rows), "base", compare_models.EFF)

        def eff(kept: np.ndarray) -> float:
            ratios = {m: 1000 * correct[kept].sum() / tokens[kept].sum() for m, (correct, tokens) in data.items()}
            return float(ratios["s-t1"] - ratios["base"])

        without = np.array([eff(np.arange(200) != q) for q in range(200)])
        jackknife = np.sqrt(199 / 200 * ((without - without.mean()) ** 2).sum())
        assert found.found.difference == pytest.approx(eff(np.ones(200, bool)))
        assert found.found.se == pytest.approx(jackknife, rel=0.02)

    def test_answers_without_tokens_have_no_eff(self) -> None:
        rows = [answer(m, q, output_tokens=0) for m in ("base", "s-t1") for q in "xyz"]
        assert compare_models.compare(frame(rows), "base", compare_models.EFF) == []

    def test_equal_lengths_are_no_difference(self) -> None:
        rows = [answer(m, q) for m in ("base", "s-t1") for q in "xyz"]
        found = compare_models.compare(frame(rows), "base", compare_models.TOKENS)
        (row,) = compare_models.cost_rows(found, 0.05, compare_models.TOKENS)
        assert (row["difference"], row["p_holm"], row["verdict"]) == (0.0, 1.0, "no detectable difference")
