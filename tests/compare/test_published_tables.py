"""The audit of whole tables (Markdown and CSV) and of what several numbers together show, on tables made by hand."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scripts.common.cli import UserError
from scripts.compare.published import audit_published
from scripts.compare.published.audit_published import Fault, audit
from scripts.compare.published.published import Printed, read_published, rows_of, samples_of
from scripts.compare.published.read_tables import (
    csv_table,
    key_of,
    markdown_tables,
    published_rows,
    score_in,
    table_rows,
)
from tests.beside import LEADERBOARD

COUNTS = {"aime24": 30, "math500": 500, "gpqa": 198}


def faults_of(text: str, folder: Path, counts: dict[str, int] = COUNTS, **samples: str) -> list[Fault]:
    (folder / "README.md").write_text(text)
    rows = [row for table in markdown_tables(folder / "README.md") for row in table_rows(table, counts, samples)]
    return audit(rows)


def seen(faults: list[Fault]) -> list[tuple[str, str, str]]:
    return [(fault.check, fault.row.model, fault.row.benchmark) for fault in faults]


SOUND = """
# Results

| Model | Params (B) | AIME24 | MATH-500 | GPQA | Avg. |
|:------|-----------:|-------:|:--------:|------|-----:|
| base  | 3          | 6.7    | 66.8     | 35.4 | 36.3 |
| **ours** | 3 | **43.3** | 90.2 ± 1.3 | 40.4% | 58.0 |
"""


class TestMarkdown:
    def test_a_sound_table(self, tmp_path: Path) -> None:
        assert faults_of(SOUND, tmp_path) == []
        rows = table_rows(markdown_tables(tmp_path / "README.md")[0], COUNTS, {})
        assert {(row.model, row.benchmark): row.score.value for row in rows} == pytest.approx(
            {
                ("base", "AIME24"): 0.067, ("base", "MATH-500"): 0.668, ("base", "GPQA"): 0.354, ("base", "Avg."): 0.363,
                ("ours", "AIME24"): 0.433, ("ours", "MATH-500"): 0.902, ("ours", "GPQA"): 0.404, ("ours", "Avg."): 0.58,
            }
        )  # fmt: skip
        assert {row.n for row in rows if row.benchmark == "GPQA"} == {198}

    def test_an_impossible_score_is_shown_in_the_tables_unit(self, tmp_path: Path) -> None:
        (fault,) = faults_of(SOUND.replace("43.3", "42.3").replace("58.0", "57.6"), tmp_path)
        assert seen([fault]) == [("grim", "ours", "AIME24")]
        assert "12/30 = 40.0 and 13/30 = 43.3" in fault.message

    @pytest.mark.parametrize(("right", "n", "printed"), [(20, 30, "66.6"), (131, 198, "66.1"), (336, 675, "49.7%")])
    def test_truncated(self, right: int, n: int, printed: str, tmp_path: Path) -> None:
        table = f"| m | bench | other |\n|--|--|--|\n| a | {printed} | 50.0 |\n"
        (fault,) = faults_of(table, tmp_path, {"bench": n})
        assert fault.check == "truncated" and f"{right}/{n} = {100 * right / n:.6g} cut off" in fault.message

    def test_benchmarks_down_and_shares(self, tmp_path: Path) -> None:
        table = "Benchmark | base | ours\n--- | --- | ---\nAIME 2024 | .067 | .101\nMATH-500 | 0.668 | 0.7\n"
        (fault,) = faults_of(table, tmp_path)
        assert seen([fault]) == [("grim", "ours", "AIME 2024")]

    def test_several_tables_are_several_sources(self, tmp_path: Path) -> None:
        again = SOUND.replace("ours", "theirs").replace("# Results", "## More | or less")
        (tmp_path / "r.md").write_text(SOUND + "\nText with | a pipe.\n\n" + again)
        names = [table.name for table in markdown_tables(tmp_path / "r.md")]
        assert names == ["r.md, table 1 (Results)", "r.md, table 2 (More | or less)"]

    def test_no_table(self, tmp_path: Path) -> None:
        (tmp_path / "r.md").write_text("# Nothing\n\na | b\n")
        with pytest.raises(UserError, match="has no Markdown table"):
            markdown_tables(tmp_path / "r.md")

    @pytest.mark.parametrize(
        ("cell", "number"),
        [
            ("43.3", "43.3"), ("43.3%", "43.3%"), ("43.3 %", "43.3%"), ("43.3\\%", "43.3%"), ("43,3", "43.3"),
            ("43.3 ± 1.2", "43.3"), ("43.3±1.2", "43.3"), ("43.3 [40.1, 46.5]", "43.3"), ("43.3†", "43.3"), (".433", ".433"),
            ("43.3 (+2.1)", "43.3"), ("100", "100"), ("-", None), ("n/a", None), ("-1.2", None), ("3B", None), ("2024-05", "2024"),
            ("12.3.4", None), ("", None), ("1,234", None), ("0,433", "0.433"), ("43.3％", "43.3%"), ("12/30", None),
        ],
    )  # fmt: skip
    def test_cells(self, cell: str, number: str | None) -> None:
        assert score_in(cell) == (None if cell == "2024-05" else number)

    @pytest.mark.parametrize(
        "cell",
        [
            "$43.3$",
            "\\textbf{43.3}",
            "$\\mathbf{43.3}$",
            "$43.3_{\\pm 1.2}$",
            "\\underline{$43.3$}",
            "\\textbf{43.3}$_{1.2}$",
        ],
    )
    def test_cells_of_latex(self, cell: str, tmp_path: Path) -> None:
        (tmp_path / "r.md").write_text(f"| m | AIME24 |\n|--|--|\n| a | {cell} |\n")
        (row,) = table_rows(markdown_tables(tmp_path / "r.md")[0], COUNTS, {})
        assert (row.model, row.benchmark, row.text) == ("a", "AIME24", "43.3")

    def test_what_a_column_is(self, tmp_path: Path) -> None:
        """Gains, ranks and ratings are no scores; a column that mostly failed is one."""
        (tmp_path / "r.md").write_text(
            "| m | AIME24 | Δ | gain | mean rank | Elo | MATH-500 |\n|--|--|--|--|--|--|--|\n"
            "| a | 43.3 | 3.3 | 2.0 | 1.5 | 99 | OOM |\n| b | 40.0 | 1.0 | 1.0 | 1.5 | 98 | fail |\n| c | 10.0 | 1.0 | 1.0 | 3 | 97 | 90.2 |\n"
        )
        rows = table_rows(markdown_tables(tmp_path / "r.md")[0], COUNTS, {})
        assert {row.benchmark for row in rows} == {"AIME24", "MATH-500"}

    def test_a_share_in_a_table_in_percent(self, tmp_path: Path) -> None:
        (fault,) = faults_of(SOUND.replace("43.3", "0.433").replace("58.0", "43.7"), tmp_path)
        assert seen([fault]) == [("grim", "ours", "AIME24")] and fault.message.endswith(
            "is it a share, in a table in percent?"
        )

    @pytest.mark.parametrize(
        "name", ["AIME24", "AIME 2024", "aime_24", "AIME'24 (avg@8)", "AIME 24 pass@1", "AIME-2024 (pass@1)"]
    )
    def test_names(self, name: str) -> None:
        assert key_of(name) == "aime24"


class TestSamples:
    @pytest.mark.parametrize(
        ("metric", "said", "samples"),
        [
            ("", "", 1),
            ("avg@8", "", 8),
            ("mean@64", "", 64),
            ("avg@k", "", None),
            ("acc", "?", None),
            ("avg@8", "4", 4),
        ],
    )
    def test_how_many(self, metric: str, said: str, samples: int | None) -> None:
        assert samples_of(metric, said) == samples

    def test_a_number_with_unknown_k(self, tmp_path: Path) -> None:
        """12.1% of 30 questions: 29 of 240 answers is 12.08. By counting out every k."""
        table = "| m | AIME24 (avg@k) | MATH-500 |\n|--|--|--|\n| a | 12.1 | 90.2 |\n| b | 10.0 | 90.4 |\n"
        (fault,) = faults_of(table, tmp_path)
        possible = [
            k for k in range(1, 65) if any(round(100 * right / (30 * k), 1) == 12.1 for right in range(30 * k + 1))
        ]
        assert fault.check == "samples" and possible[:4] == [8, 11, 13, 14]
        assert "possible for k = 8, 11, 13, 14, 16" in fault.message
        assert faults_of(table.replace("avg@k", "avg@8"), tmp_path) == []
        assert seen(faults_of(table.replace("avg@k", "avg@4"), tmp_path)) == [("grim", "a", "AIME24 (avg@4)")]


class TestQuestionCounts:
    def test_one_off(self, tmp_path: Path) -> None:
        """All shares of 675, said to be of 674."""
        scores = [f"{right / 675:.3f}" for right in range(200, 500, 13)]
        table = "| m | olympiad |\n|--|--|\n" + "\n".join(f"| m{k} | {score} |" for k, score in enumerate(scores))
        assert faults_of(table, tmp_path, {"olympiad": 675}) == []
        found = faults_of(table, tmp_path, {"olympiad": 674})
        assert {fault.check for fault in found} == {"questions"} and len(found) >= 2
        assert "with 675 questions all 24 scores of olympiad are possible: is n one off?" in found[0].message

    def test_a_single_wrong_score_is_no_proof(self, tmp_path: Path) -> None:
        table = "| m | AIME24 |\n|--|--|\n| a | 10.3 |\n"
        (fault,) = faults_of(table, tmp_path)
        assert fault.check == "grim" and "with 29 questions it is possible" in fault.message


def averaged(scores: np.ndarray, averages: list[str]) -> str:
    lines = [
        f"| m{k} | {' | '.join(f'{s:.3f}' for s in row)} | {a} |"
        for k, (row, a) in enumerate(zip(scores, averages, strict=True))
    ]
    head = [f"b{k}" for k in range(scores.shape[1])]
    return f"| model | {' | '.join(head)} | Average |\n|{'--|' * (len(head) + 2)}\n" + "\n".join(lines)


class TestAverages:
    SCORES = np.round(np.random.default_rng(3).random((6, 5)), 3)

    def test_right_ones(self, tmp_path: Path) -> None:
        assert faults_of(averaged(self.SCORES, [f"{m:.3f}" for m in self.SCORES.mean(axis=1)]), tmp_path) == []

    def test_one_wrong(self, tmp_path: Path) -> None:
        averages = [f"{m:.3f}" for m in self.SCORES.mean(axis=1)]
        averages[2] = f"{self.SCORES[2].mean() + 0.004:.3f}"
        (fault,) = faults_of(averaged(self.SCORES, averages), tmp_path)
        assert seen([fault]) == [("average", "m2", "Average")]
        assert f"{averages[2]} is not the mean of its 5 scores, {self.SCORES[2].mean():.3f}" in fault.message

    def test_all_without_one_benchmark_but_for_one_row(self, tmp_path: Path) -> None:
        averages = [f"{m:.3f}" for m in np.delete(self.SCORES, 1, axis=1).mean(axis=1)]
        averages[4] = "0.123"
        found = faults_of(averaged(self.SCORES, averages), tmp_path)
        texts = {fault.row.model: fault.message for fault in found}
        assert "but that without b1, as the averages of 5 of 6 rows are" in texts["m0"]
        assert "nor that without b1" in texts["m4"] and len(texts) == 6

    def test_an_average_over_questions(self, tmp_path: Path) -> None:
        counts = {f"b{k}": n for k, n in enumerate((30, 500, 198, 40, 272))}
        shares = np.array(list(counts.values())) / sum(counts.values())
        exact = np.round(self.SCORES * list(counts.values())) / list(counts.values())
        table = averaged(exact, [f"{m:.3f}" for m in exact @ shares])
        assert faults_of(table, tmp_path, counts) == []
        assert {fault.check for fault in faults_of(table, tmp_path, {})} == {"average"}


class TestPlaces:
    TABLE = "| {} | model | a | b | 平均 |\n|--|--|--|--|--|\n| 1 | w | 50.0 | 60.0 | 55.0 |\n| 2 | x | 40.0 | 50.0 | 45.0 |\n| 2 | y | 40.0 | {} |\n| 3 | z | 30.0 | 40.0 | 35.0 |\n"

    @pytest.mark.parametrize("head", ["Rank", "#", "排名"])
    def test_one_that_does_not_fit(self, head: str, tmp_path: Path) -> None:
        (fault,) = faults_of(self.TABLE.format(head, "90.0 | 65.0"), tmp_path, {})
        assert seen([fault]) == [("rank", "y", "平均")]
        assert fault.message == "65.0 is at place 2, below w with 55.0 at place 1"

    def test_those_that_fit_ties_included(self, tmp_path: Path) -> None:
        assert faults_of(self.TABLE.format("Rank", "50.0 | 45.0"), tmp_path, {}) == []
        assert faults_of(self.TABLE.format("Year", "90.0 | 65.0"), tmp_path, {}) == []

    def test_places_of_something_else(self, tmp_path: Path) -> None:
        table = "| # | model | a |\n|--|--|--|\n| 1 | w | 10.0 |\n| 2 | x | 20.0 |\n| 3 | y | 30.0 |\n"
        assert faults_of(table, tmp_path, {}) == []
        (fault,) = faults_of(table.replace("10.0", "40.0").replace("| 3 | y", "| 3 | y | 5.0 |\n| 4 | z"), tmp_path, {})
        assert seen([fault]) in ([("rank", "x", "a")], [("rank", "z", "a")])


class TestSpreadsheets:
    TABLE = "Model,AIME24,MATH-500,Avg\n**A**,**43.3**,90.2,66.8\nB,40.0,85.0,62.5\n,,,\n"

    @pytest.mark.parametrize("separator", [";", "\t"])
    def test_other_separators_and_decimal_commas(self, separator: str, tmp_path: Path) -> None:
        path, plain = tmp_path / "t.csv", tmp_path / "plain.csv"
        path.write_text(self.TABLE.replace(",", separator).replace(".", ","), encoding="utf-8-sig")
        plain.write_text(self.TABLE)
        found, expected = (
            [(row.model, row.benchmark, row.score, row.percent) for row in published_rows(file)]
            for file in (path, plain)
        )
        assert found == expected and len(found) == 6 and found[0][0] == "A"

    def test_a_number_a_row(self, tmp_path: Path) -> None:
        path = tmp_path / "t.csv"
        path.write_text("Model;Benchmark;Score\nA;AIME24;43.3%\n")
        (row,) = published_rows(path)
        assert (row.model, row.benchmark, row.score.value) == ("A", "AIME24", 0.433)

    def test_rows_that_decimal_commas_split_are_refused(self, tmp_path: Path) -> None:
        """43,3 and 90,2 would be 43, 3 and 90."""
        path = tmp_path / "t.csv"
        path.write_text("Model,AIME24,MATH-500,Avg\nA,43,3,90,2,66,8\n")
        with pytest.raises(UserError, match="the row of 'A' has 7 cells, the header 4: a number with a decimal comma"):
            published_rows(path)


class TestCopies:
    TABLE = "| m | a | b | c | d |\n|--|--|--|--|--|\n| tuned | 10.0 | 20.0 | 30.0 | 40.0 |\n| base | 10.0 | 20.0 | 30.0 | {} |\n"

    def test_a_row_of_the_baselines_scores(self, tmp_path: Path) -> None:
        (fault,) = faults_of(self.TABLE.format("40.0"), tmp_path)
        assert (fault.check, fault.row.model) == ("copied row", "tuned")
        assert fault.message == "all 4 scores of tuned are those of base"

    def test_one_that_differs_is_no_copy(self, tmp_path: Path) -> None:
        assert faults_of(self.TABLE.format("40.1"), tmp_path) == []

    def test_two_equal_scores_are_no_copy(self, tmp_path: Path) -> None:
        assert faults_of("| m | a | b |\n|--|--|--|\n| x | 1.0 | 2.0 |\n| y | 1.0 | 2.0 |\n", tmp_path) == []


class TestLongCsv:
    def test_only_three_columns_are_needed(self, tmp_path: Path) -> None:
        (tmp_path / "p.csv").write_text("\ufeffmodel,benchmark,score\nm,aime24,43.3%\nm,math,0.5\n", encoding="utf-8")
        rows = rows_of(read_published(tmp_path / "p.csv"))
        assert [(row.score.value, row.n, row.source, row.samples) for row in rows] == [
            (pytest.approx(0.433), None, "p.csv", 1),
            (0.5, None, "p.csv", 1),
        ]
        assert audit(rows) == []
        (tmp_path / "q.csv").write_text("model,score\nm,0.5\n")
        with pytest.raises(UserError, match="lacks the columns benchmark"):
            read_published(tmp_path / "q.csv")

    def test_percent_without_a_sign(self, tmp_path: Path) -> None:
        (tmp_path / "p.csv").write_text("model,benchmark,score,n_questions,stderr\nm,aime24,43.3,30,9.2\n")
        with pytest.raises(UserError, match=r"line 2: '43.3' is no score .* write 43.3%, or give --percent"):
            read_published(tmp_path / "p.csv")
        assert audit(rows_of(read_published(tmp_path / "p.csv", percent=True), percent=True)) == []

    def test_what_cannot_be_in_percent_gets_no_hint(self, tmp_path: Path) -> None:
        (tmp_path / "p.csv").write_text("model,benchmark,score\nm,b,433\n")
        with pytest.raises(UserError) as raised:
            read_published(tmp_path / "p.csv")
        assert "--percent" not in str(raised.value)

    def test_percent_stands_for_what_rounds_to_it(self) -> None:
        assert Printed.of("43.3%").may_be(13 / 30) and not Printed.of("43.30%").may_be(13 / 30)

    def test_a_wide_csv(self, tmp_path: Path) -> None:
        (tmp_path / "w.csv").write_text(
            "rank,entry,aime24,math_500,gpqa,avg\n1,a,0.2,0.9,0.606,0.569\n2,b,0.233,0.912,0.515,0.9\n"
        )
        assert seen(audit(published_rows(tmp_path / "w.csv"))) == [("average", "b", "avg")]
        assert [row.text for row in table_rows(csv_table(tmp_path / "w.csv"), {}, {})][:2] == ["0.200", "0.900"]


class TestProgram:
    @staticmethod
    def call(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
        monkeypatch.setattr(sys, "argv", ["audit_published", *words])
        audit_published.main()

    def test_markdown_by_hand(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (tmp_path / "README.md").write_text(SOUND.replace("43.3", "42.3"))
        monkeypatch.chdir(tmp_path)
        self.call(monkeypatch, "--markdown", "README.md", "--n", "AIME24=30", "MATH500=500", "--audit", "a.csv")
        told = capsys.readouterr().out
        assert "README.md, table 1 (Results), ours, AIME24,  42.3: impossible score" in told and "GPQA" in told
        assert set(pd.read_csv("a.csv")["check"]) == {"grim", "average"}

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (["--n", "AIME24"], "takes NAME=NUMBER"),
            (["--n", "AIME24=1"], "takes NAME=NUMBER"),
            (["--n", "HMMT=30"], "no column of scores is called 'hmmt'"),
        ],
    )
    def test_mistakes(self, words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "README.md").write_text(SOUND)
        with pytest.raises(UserError, match=message):
            self.call(monkeypatch, "--markdown", str(tmp_path / "README.md"), *words)

    def test_nothing_to_audit(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(UserError, match="nothing to audit"):
            self.call(monkeypatch)


@pytest.mark.real
def test_the_course_leaderboard() -> None:
    """All 17 averages are those without two benchmarks, but for the row that is a copy of the baseline's."""
    found = audit(published_rows(LEADERBOARD))
    averages = [fault for fault in found if fault.check == "average"]
    assert len(averages) == 17
    odd = [fault.row.model for fault in averages if "nor that without aime24 and math_500" in fault.message]
    assert odd == ["team06-a"]
    (copy,) = [fault for fault in found if fault.check == "copied row"]
    assert copy.row.model == "team06-a" and "those of baseline, but not the average: 0.524 and 0.446" in copy.message
    assert len(found) == 18


def test_a_score_above_the_highest_is_a_fault_and_none_is_lost(tmp_path: Path) -> None:
    table = "| Model | AIME24 | MATH500 |\n|---|---|---|\n| A | 43.3 | 90.2 |\n| B | 101 | 90.4 |\n| C | NaN | 88.0 |\n| D | 40 | 88.2 |\n"
    faults = faults_of(table, tmp_path)
    assert seen(faults) == [("grim", "B", "AIME24")]
    assert faults[0].message == "101.0 is above 100.0, the highest score"


@pytest.mark.parametrize("cell", ["43.3<sup>1</sup>", "43.3^{1}", "43.3<sub>2</sub>"])
def test_a_notes_number_is_no_digit(cell: str, tmp_path: Path) -> None:
    assert faults_of(f"| Model | AIME24 |\n|---|---|\n| a | {cell} |\n", tmp_path) == []


@pytest.mark.parametrize("cell", ["~43", "43-44"])
def test_about_is_no_printed_score(cell: str, tmp_path: Path) -> None:
    assert faults_of(f"| Model | AIME24 |\n|---|---|\n| a | {cell} |\n| b | 43.3 |\n| c | 40.0 |\n", tmp_path) == []


def test_heads_in_capitals_are_heads(tmp_path: Path) -> None:
    """They made a table of benchmarks called Score and N_questions, without a fault."""
    file = tmp_path / "x.csv"
    file.write_text("Model,Benchmark,Score,N_questions\na,MATH,0.41,30\n")
    assert [fault.check for fault in audit(published_rows(file))] == ["grim"]


def test_one_share_above_1_makes_no_table_of_percent(tmp_path: Path) -> None:
    # 0.433 and 0.467 are 13 and 14 of 30; in percent they would be none of 30.
    (tmp_path / "wide.csv").write_text(
        "Model,AIME24,MATH500\nA,0.433,0.902\nB,1.01,0.9\nC,NaN,0.9\nD,nan,0.9\nE,0.467,\n"
    )
    rows = table_rows(csv_table(tmp_path / "wide.csv"), COUNTS, {})
    assert [row.text for row in rows if row.benchmark == "AIME24"] == ["0.433", "1.010", "0.467"]
    assert seen(audit(rows)) == [("grim", "B", "AIME24")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model,benchmark,score\n", "no rows"),
        ("model,benchmark,score,score\nA,AIME24,0.5,0.6\n", "score twice"),
        ('model,benchmark,score\nA,AIME24,"43,3%"\n', "with a point"),
        ("model,benchmark,score\nA,AIME24,43.3%%\n", "43.3%%"),
    ],
)
def test_a_csv_that_says_two_things_or_none_is_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "scores.csv").write_text(text)
    with pytest.raises(UserError, match=message):
        read_published(tmp_path / "scores.csv")
