"""The tables of the report, on answers and files small enough to count by hand."""

import hashlib
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pypandoc
import pytest
from scipy.stats import ttest_rel

from scripts.common.cli import UserError
from scripts.common.questions import Question
from scripts.common.tables import TableError, read_csv, read_table, write_table
from scripts.report import collect_answers, compare_models, summarise_scores, summarise_selection, summarise_training
from scripts.report.pick_examples import draw, shorten
from scripts.report.report_tables import read_report_table, write_report_table


def answer(model: str, question: str, sample: int = 0, correct: int = 1, benchmark: str = "b", **more: object) -> dict:
    arm, _, seed = model.rpartition("-t")
    row = {
        "model": model,
        "subset": arm or None,
        "train_seed": int(seed) if arm else None,
        "benchmark": benchmark,
        "question_id": question,
        "sample": sample,
        "correct": correct,
        "extracted": "7" if correct else "8",
        "gold": "7",
        "output_tokens": 10,
        "truncated": False,
        "finish_reason": "stop",
        "text": "t",
    }
    return row | more


def frame(rows: list[dict]) -> pd.DataFrame:
    answers = pd.DataFrame(rows)
    answers["arm"] = answers["subset"].fillna(answers["model"])
    return answers


class TestCollecting:
    def test_complete_answers_pass(self) -> None:
        rows = [answer(m, q, s) for m in ("base", "a-t1") for q in "xy" for s in (0, 1)]
        collect_answers.check_answers(pd.DataFrame(rows))

    def test_an_answer_twice(self) -> None:
        rows = [answer("base", "x"), answer("base", "x")]
        with pytest.raises(
            UserError, match=r"sample 0 of question 'x' of benchmark 'b' is there twice for model 'base'"
        ):
            collect_answers.check_answers(pd.DataFrame(rows))

    def test_a_question_too_few(self) -> None:
        rows = [answer("base", "x"), answer("base", "y"), answer("a-t1", "x")]
        with pytest.raises(UserError, match=r"'a-t1' lacks sample 0 of question 'y'"):
            collect_answers.check_answers(pd.DataFrame(rows))

    def test_a_sample_too_many(self) -> None:
        rows = [answer("base", "x"), answer("base", "x", 1), answer("a-t1", "x")]
        with pytest.raises(UserError, match=r"'a-t1' lacks sample 1 of question 'x'"):
            collect_answers.check_answers(pd.DataFrame(rows))

    def test_a_benchmark_not_answered(self) -> None:
        rows = [answer("base", "x"), answer("a-t1", "x"), answer("base", "x", benchmark="c")]
        with pytest.raises(UserError, match="model 'a-t1' has no answers to benchmark 'c'"):
            collect_answers.check_answers(pd.DataFrame(rows))

    def test_everything_is_kept(self, results: Path) -> None:
        answers = read_table("answers", results / "report/answers.parquet")
        assert answers.num_rows == 10 * 2 * 100 * 4


class TestScores:
    def test_by_hand(self) -> None:
        rows = [
            answer("base", "x", 0, 1),
            answer("base", "x", 1, 0, extracted=None, truncated=True, output_tokens=30),
            answer("base", "y", 0, 0),
            answer("base", "y", 1, 0),
        ]
        scores, arms = summarise_scores.score_tables(frame(rows), alpha=0.05)
        row = scores.iloc[0]
        assert (row["n_questions"], row["samples"], row["score"], row["se"]) == (2, 2, 0.25, 0.25)
        assert (row["pass_at_k"], row["majority"]) == (0.5, 0.5)
        assert (row["output_tokens"], row["truncated_rate"], row["unparsed_rate"]) == (15.0, 0.25, 0.25)
        assert arms.iloc[0]["score_per_1000_tokens"] == pytest.approx(1000 * 0.25 / 15)
        assert not arms.iloc[0]["trained"]

    def test_an_arm_is_the_mean_of_its_runs(self, results: Path) -> None:
        scores = read_csv("scores", results / "report/tables/scores.csv")
        arms = read_report_table("arms", results / "report/tables/arms.csv").set_index(["arm", "benchmark"])
        runs = scores[(scores["benchmark"] == "chains") & scores["model"].str.match(r"limopro-t\d")]["score"]
        row = arms.loc[("limopro", "chains")]
        assert (row["runs"], row["score"], row["run_sd"]) == pytest.approx((3, runs.mean(), runs.std()))
        assert len(scores) == 10 * 2


class TestComparisons:
    def test_pairs(self) -> None:
        arms = ["base", "other", "s", "s.rows", "s.unpruned", "r"]
        trained = {arm: arm not in ("base", "other") for arm in arms}
        assert list(compare_models.pairs(arms, trained, "base")) == [
            ("base", "other", "base"),
            ("base", "s", "base"),
            ("base", "s.rows", "base"),
            ("base", "s.unpruned", "base"),
            ("base", "r", "base"),
            ("rows", "s", "s.rows"),
            ("unpruned", "s", "s.unpruned"),
        ]

    def test_known_effects_are_found(self, results: Path) -> None:
        """Made with limopro far above base and rows, and hardly above unpruned."""
        found = read_csv("comparisons", results / "report/tables/comparisons.csv")
        verdicts = found.groupby("question")["verdict"].agg(set).to_dict()
        assert verdicts == {"base": {"better"}, "rows": {"better"}, "unpruned": {"no detectable difference"}}
        assert set(found["level"]) == {"method"}
        assert (found["ci_low"] > 0).eq(found["verdict"] == "better").all()

    def test_differences_are_those_of_the_scores(self, results: Path) -> None:
        found = read_csv("comparisons", results / "report/tables/comparisons.csv")
        arms = read_report_table("arms", results / "report/tables/arms.csv").set_index(["arm", "benchmark"])["score"]
        for _, row in found.iterrows():
            difference = arms[row["subset"], row["benchmark"]] - arms[row["reference"], row["benchmark"]]
            assert row["difference"] == pytest.approx(difference)

    def test_one_seed_speaks_of_these_runs(self) -> None:
        answers = [
            answer(m, str(q), correct=int(q % 4 != k))
            for k, m in enumerate(("base", "s-t1", "s.rows-t1"))
            for q in range(20)
        ]
        comparisons = compare_models.compare(frame(answers), "base")
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


class TestSelection:
    def test_the_account_adds_up(self, results: Path) -> None:
        account = read_report_table("pool_account", results / "report/tables/pool_account.csv")
        rows = account.groupby("stage")["rows"].sum()
        assert rows["raw"] == rows["pool"] + rows["rejected"] == 1040
        assert rows["pool"] == rows["clean"] + rows["contaminated"] == 1000
        assert rows["clean"] == rows["not drawn"] + rows["not scored"] + rows["scored"]

    def test_a_lost_row_is_a_fault(self) -> None:
        with pytest.raises(ValueError, match="rows are missing: raw 10, pool 7"):
            summarise_selection.account(10, Counter(short=2), 7, 1, 6, None)

    def test_reasons_are_counted_without_their_numbers(self) -> None:
        reasons = ["900 tokens, the scorer's context holds 512", "800 tokens, the scorer's context holds 512", None]
        samples = pd.DataFrame({"reason": reasons, "mean_pir": [None, None, 0.1]})
        account = summarise_selection.account(3, Counter(), 3, 0, 3, samples)
        assert ("not scored", "too long: the scorer's context holds 512", 2) in list(
            account.itertuples(index=False, name=None)
        )

    def test_subsets_count_tokens_and_pruned_steps(self, results: Path) -> None:
        subsets = read_report_table("subsets", results / "report/tables/subsets.csv").set_index("draw")
        chosen = subsets.loc["limopro"]
        assert (chosen["rows"], chosen["tokens_before"], chosen["tokens"]) == (300, 36_000, 32_400)
        assert (chosen["steps_verification"], chosen["pruned_verification"], chosen["pruned_error_correction"]) == (
            300,
            300,
            0,
        )
        assert subsets.loc["limopro.rows-t1", "pruned_steps"] == 0

    def test_contamination_counts_rows_and_questions(self) -> None:
        hits = pd.DataFrame({"id": ["r1", "r1", "r2"], "benchmark": "b", "question_id": ["q1", "q2", "q1"]})
        late = pd.DataFrame({"id": ["r3"], "benchmark": "c", "question_id": ["q1"]})
        assert summarise_selection.contamination(hits, late).to_dict("records") == [
            {"benchmark": "b", "rows": 2, "questions": 2, "taken_out": True},
            {"benchmark": "c", "rows": 1, "questions": 1, "taken_out": False},
        ]

    def test_steps_and_pir_by_pattern(self, results: Path) -> None:
        steps = read_report_table("steps", results / "report/tables/steps.csv").set_index("pattern")
        scores = read_table("scores", results / "select/scores.parquet").to_pandas()
        pir = read_report_table("pir", results / "report/tables/pir.csv").set_index("pattern")
        assert steps.loc["progressive", "share"] == pytest.approx(4 / 7)
        correction = scores.loc[scores["pattern"] == "error_correction", "pir"]
        assert pir.loc["error_correction", ["mean", "median"]].tolist() == pytest.approx(
            [correction.mean(), correction.median()]
        )


def asked(*questions: Question) -> dict[str, dict[str, Question]]:
    return {"b": {question.id: question for question in questions}}


class TestSubjects:
    QUESTIONS = [
        Question(id=name, question=name, answer="7", subject=s) for name, s in zip("wxyz", "aabb", strict=True)
    ]

    def test_subjects_are_strata_of_the_score(self) -> None:
        """Right on both of a, wrong on both of b: within subjects nothing varies, so the score is sure of itself."""
        rows = [answer("base", name, correct=int(name in "wx")) for name in "wxyz"]
        plain, _ = summarise_scores.score_tables(frame(rows), 0.05)
        strata, _ = summarise_scores.score_tables(frame(rows), 0.05, asked(*self.QUESTIONS))
        assert (plain["score"][0], strata["score"][0]) == (0.5, 0.5)
        assert plain["se"][0] > 0.25 and strata["se"][0] == 0.0

    def test_scores_by_subject(self) -> None:
        rows = [answer(m, name, correct=int(name in "wxy")) for m in ("base", "s-t1") for name in "wxyz"]
        table = summarise_scores.subject_table(frame(rows), 0.05, asked(*self.QUESTIONS))
        found = table.set_index(["arm", "subject"])["score"].to_dict()
        assert found == {("base", "a"): 1.0, ("base", "b"): 0.5, ("s", "a"): 1.0, ("s", "b"): 0.5}
        assert set(table["n_questions"]) == {2}

    def test_a_benchmark_of_one_subject_has_no_rows(self) -> None:
        single = [question.model_copy(update={"subject": "a"}) for question in self.QUESTIONS]
        rows = [answer("base", name) for name in "wxyz"]
        assert summarise_scores.subject_table(frame(rows), 0.05, asked(*single)).empty

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


def test_reliability_counts_questions_that_cannot_tell() -> None:
    right = {"w": (1, 1), "x": (0, 0), "y": (1, 0), "z": (0, 1)}
    rows = [answer(m, name, correct=right[name][k]) for k, m in enumerate(("base", "s-t1")) for name in right]
    (row,) = summarise_scores.reliability_table(pd.DataFrame(rows)).to_dict("records")
    assert row == {"benchmark": "b", "models": 2, "n_questions": 4, "all_right": 1, "all_wrong": 1}


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


class TestResults:
    def test_json_holds_every_table_and_verdict(self, results: Path) -> None:
        found = json.loads((results / "report/results.json").read_text())
        files = {file.stem for file in (results / "report/tables").glob("*.csv")}
        assert set(found["tables"]) == files
        for name in files:
            written = pd.read_csv(results / f"report/tables/{name}.csv")
            assert len(found["tables"][name]) == len(written)
            assert not len(written) or list(found["tables"][name][0]) == list(written.columns)
        scores = pd.read_csv(results / "report/tables/scores.csv")
        assert [row["score"] for row in found["tables"]["scores"]] == pytest.approx(scores["score"].tolist())
        assert [row["question"] for row in found["verdicts"]] == sorted(
            (row["question"] for row in found["verdicts"]), key=["base", "rows", "unpruned"].index
        )
        assert len(found["verdicts"]) == len(pd.read_csv(results / "report/tables/comparisons.csv"))
        assert found["abstract"] in (results / "report/findings.md").read_text()

    def test_json_says_where_it_comes_from(self, results: Path) -> None:
        provenance = json.loads((results / "report/results.json").read_text())["provenance"]
        assert provenance["commit"] is None or len(provenance["commit"]) == 40
        assert provenance["dirty"] in (True, False, None)
        scores = provenance["artefacts"]["report/tables/scores.csv"]
        assert scores["sha256"] == hashlib.sha256((results / "report/tables/scores.csv").read_bytes()).hexdigest()
        assert {"seconds", "hardware", "packages", "code_digest"} <= set(scores)

    def test_the_leaderboard_is_a_table_best_first(self, results: Path) -> None:
        lines = (results / "report/leaderboard.md").read_text().splitlines()
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
        assert rows[0][0] == "Arm" and {len(row) for row in rows} == {6}
        means = [float(row[4].strip("*")) for row in rows[2:]]
        assert means == sorted(means, reverse=True) and len(means) == 4
        html = pypandoc.convert_text("\n".join(lines), "html", format="gfm")
        assert html.count("<table") == 1 and html.count("<tr") == 5


class TestTraining:
    SUMMARY = {
        "rows": 10, "tokens": 100, "trained_tokens": 200, "masked_tokens": 0, "steps": 5, "epochs": 2.0, "seconds": 60.0,
        "tokens_per_second": 3.0, "final_loss": 0.5, "gpus": 2, "gpu_hours": 2.0,
        "gpu_hours_useful": 1.5, "truncated_tokens": 0, "packing_efficiency": 0.9, "attempts": 2, "samples_per_second": 1.0,
        "mfu": 0.4, "energy_kwh": None, "peak_memory_mib": 9.0,
    }  # fmt: skip

    def test_cost_is_hours_times_price(self) -> None:
        summaries = [self.SUMMARY | {"run": f"a-t{seed}", "arm": "a", "seed": seed} for seed in (1, 2)]
        arms = summarise_training.arm_table(summarise_training.run_table(summaries, cost_per_gpu_hour=3.5))
        assert (arms["runs"][0], arms["gpu_hours"][0], arms["cost"][0], arms["seconds"][0]) == (2, 4.0, 14.0, 60.0)

    def test_without_a_price_there_is_no_cost(self) -> None:
        runs = summarise_training.run_table([self.SUMMARY | {"run": "a-t1", "arm": "a", "seed": 1}], None)
        arms = summarise_training.arm_table(runs)
        assert arms["cost"].isna().all() and arms["energy_kwh"].isna().all() and arms["mfu"][0] == 0.4


class TestExamples:
    def test_one_of_each_kind(self) -> None:
        rows = [answer("a-t1", str(q), correct=q % 2) for q in range(10)]
        rows += [answer("a-t1", "10", correct=0, truncated=True)]
        drawn = draw(pd.DataFrame(rows))
        assert list(drawn["kind"]) == ["right", "wrong", "truncated"]
        again = draw(pd.DataFrame(rows[::-1]))
        assert list(again["question_id"]) == list(drawn["question_id"])

    def test_long_texts_lose_their_middle(self) -> None:
        text = "a" * 2000 + "b" * 2000
        assert shorten(text).startswith("a" * 900 + "\n[… 2,600 characters left out …]\n")
        assert shorten(text).endswith("b" * 500)
        assert shorten("short") == "short"


def test_a_table_of_other_columns_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="table 'steps' has columns"):
        write_report_table("steps", pd.DataFrame({"pattern": []}), tmp_path / "steps.csv")
    pd.DataFrame({"pattern": []}).to_csv(tmp_path / "steps.csv", index=False)
    with pytest.raises(TableError, match="table 'steps' has columns"):
        read_report_table("steps", tmp_path / "steps.csv")


def test_an_evaluation_without_answers_is_named(tmp_path: Path) -> None:
    write_table("answers", [], tmp_path / "b.parquet")
    with pytest.raises(UserError, match=r"b\.parquet holds no answers"):
        list(collect_answers._keys([tmp_path / "b.parquet"]))
