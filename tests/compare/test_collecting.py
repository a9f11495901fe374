"""All answers in one table: complete, and none twice."""

from pathlib import Path

import pandas as pd
import pytest

from scripts.common.cli import UserError
from scripts.common.tables import read_table, write_table
from scripts.compare import collect_answers
from scripts.compare.tables import read_csv
from scripts.evaluate.tables import ANSWERS
from tests.compare.answers import answer


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
        answers = read_table(ANSWERS, results / "compare/answers.parquet")
        assert answers.num_rows == 10 * 2 * 100 * 4


def test_an_evaluation_without_answers_is_named(tmp_path: Path) -> None:
    write_table(ANSWERS, [], tmp_path / "b.parquet")
    with pytest.raises(UserError, match=r"b\.parquet holds no answers"):
        list(collect_answers._keys([tmp_path / "b.parquet"]))


def test_what_a_person_decides_enters_and_disputes_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        answer(model, question, correct=0, gold="1,2", extracted=text, rule="several", disputed=disputed)
        for model in ("base", "other")
        for question, text, disputed in (("x", "\\{1,2\\}", True), ("y", "3", False), ("z", "1|2", True))
    ]
    files = {name: tmp_path / f"{name}.parquet" for name in ("base", "other", "all")}
    for model in ("base", "other"):
        write_table(ANSWERS, [row for row in rows if row["model"] == model], files[model])
    decided = tmp_path / "decided.csv"
    decided.write_text('gold,answer,correct\n"1,2","\\{1,2\\}",1\n"1,2",4,1\n')
    evaluations = ["--evaluations", str(files["base"]), str(files["other"])]
    outputs = ["--answers", str(files["all"]), "--disputed", str(tmp_path / "disputed.csv")]
    found = {}
    for name, options in (("before", []), ("after", ["--decided", str(decided)])):
        monkeypatch.setattr("sys.argv", ["collect_answers", *evaluations, *options, *outputs])
        collect_answers.main()
        table = read_table(ANSWERS, files["all"]).to_pylist()
        found[name] = ([row["correct"] for row in table], read_csv("disputed", tmp_path / "disputed.csv"))
    assert (found["before"][0], found["after"][0]) == ([0] * 6, [1, 0, 0] * 2)
    before, after = (found[name][1] for name in ("before", "after"))
    assert before[["answer", "correct", "answers", "models", "decided"]].values.tolist() == [
        ["1|2", 0, 2, 2, False],
        ["\\{1,2\\}", 0, 2, 2, False],
    ]
    assert after[["answer", "correct", "decided"]].values.tolist() == [["1|2", 0, False], ["\\{1,2\\}", 1, True]]
