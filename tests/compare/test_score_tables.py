"""The tables of scores, subjects and reliability, on answers few enough to count by hand."""

from pathlib import Path

import pandas as pd
import pytest

from scripts.common.questions import Question
from scripts.compare import summarise_scores
from scripts.compare.tables import read_csv
from tests.compare.answers import answer, asked, frame


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
        scores = read_csv("scores", results / "compare/scores.csv")
        arms = read_csv("arms", results / "compare/arms.csv").set_index(["arm", "benchmark"])
        runs = scores[(scores["benchmark"] == "chains") & scores["model"].str.match(r"limopro-t\d")]["score"]
        row = arms.loc[("limopro", "chains")]
        assert (row["runs"], row["score"], row["run_sd"]) == pytest.approx((3, runs.mean(), runs.std()))
        assert len(scores) == 10 * 2


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


def test_reliability_counts_questions_that_cannot_tell() -> None:
    right = {"w": (1, 1), "x": (0, 0), "y": (1, 0), "z": (0, 1)}
    rows = [answer(m, name, correct=right[name][k]) for k, m in enumerate(("base", "s-t1")) for name in right]
    (row,) = summarise_scores.reliability_table(pd.DataFrame(rows)).to_dict("records")
    assert row == {"benchmark": "b", "models": 2, "n_questions": 4, "all_right": 1, "all_wrong": 1}
