"""The audit of published numbers: on the reference study, on constructed rows, on a resumed run's log."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scripts.common.cli import UserError
from scripts.common.digest import ROOT
from scripts.compare.published.audit_published import Fault, audit, fault_table
from scripts.compare.published.audit_training import read_log, seconds_of, training_faults
from scripts.compare.published.published import Printed, read_published, rows_of
from tests.beside import STEP_LOG

HEAD = "source,model,run_by,benchmark,metric,n_questions,score,stderr"


def audited(*lines: str, head: str = HEAD, folder: Path) -> list[Fault]:
    (folder / "p.csv").write_text("\n".join([head, *lines]) + "\n")
    return audit(rows_of(read_published(folder / "p.csv")))


@pytest.fixture(scope="module")
def study() -> pd.DataFrame:
    """The faults of the reference study's numbers."""
    return fault_table(audit(rows_of(read_published(ROOT / "report/published.csv"))), [])


class TestReferenceStudy:
    def test_impossible_score(self, study: pd.DataFrame) -> None:
        found = study[study["check"] == "grim"]
        assert found[["source", "benchmark", "score"]].to_numpy().tolist() == [["README table", "aime25", "0.120"]]
        assert "3/30 = 0.100 and 4/30 = 0.133" in found["message"].iloc[0]

    def test_standard_errors(self, study: pd.DataFrame) -> None:
        found = study[study["check"] == "standard error"]
        assert sorted(found["benchmark"]) == ["aime25", *["mmlu_redux_2"] * 4]
        assert (
            found.loc[found["benchmark"] == "mmlu_redux_2", "message"].str.contains("a mean of subjects' errors").all()
        )

    def test_label_and_log(self, study: pd.DataFrame) -> None:
        label = study[study["check"] == "label"]
        assert label[["source", "benchmark", "metric"]].to_numpy().tolist() == [["README table", "mmlu_redux_2", "acc"]]
        assert "0.4949 in the log" in label["message"].iloc[0] and "0.6430" in label["message"].iloc[0]
        assert study.loc[study["check"] == "log", "message"].tolist() == ["0.120 is 0.1000 in the log"]

    def test_mixed_runs(self, study: pd.DataFrame) -> None:
        """All but the row that is not in the log; on two the person decides the sign."""
        found = study[study["check"] == "mixed runs"].set_index("benchmark")["message"]
        assert sorted(found.index) == ["aime24", "gpqa_diamond", "lcb_codegen", "math_500"]
        assert "−4.1 points; against member B's own base (0.2929) it is +2.0" in found["gpqa_diamond"]

    def test_no_other_row_of_a_log_or_of_the_project_report(self, study: pd.DataFrame) -> None:
        others = study[study["source"] != "README table"]
        assert set(others["benchmark"]) == {"mmlu_redux_2"} and set(others["check"]) == {"standard error"}


class TestSoundRows:
    def test_what_lighteval_prints_is_sound(self, tmp_path: Path) -> None:
        """Every share of n answers with its own standard error, rounded to two, three or four decimals."""
        lines = []
        for n in (30, 198, 268, 500, 5700):
            for right in {0, 1, n // 7, n // 2, n - 1, n}:
                answers = np.arange(n) < right
                for digits in (2, 3, 4):
                    error = answers.std(ddof=1) / n**0.5
                    lines.append(f"log,m,a,b{n}-{right}-{digits},acc,{n},{right / n:.{digits}f},{error:.{digits}f}")
        assert audited(*lines, folder=tmp_path) == []

    def test_samples_allow_finer_scores_and_smaller_errors(self, tmp_path: Path) -> None:
        line = "table,m,a,b,avg,30,0.1208,0.031"
        assert audited(f"{line},8", head=f"{HEAD},samples", folder=tmp_path) == []
        assert {fault.check for fault in audited(line, folder=tmp_path)} == {"grim", "standard error"}

    def test_one_persons_pair_and_a_missing_error(self, tmp_path: Path) -> None:
        lines = ["table,base,a,b,acc,100,0.50,", "table,sft,a,b,acc,100,0.60,0.05"]
        assert audited(*lines, folder=tmp_path) == []
        assert [fault.check for fault in audited(lines[0].replace(",a,", ",c,"), lines[1], folder=tmp_path)] == [
            "mixed runs"
        ]

    def test_the_metrics_suffix_is_no_other_metric(self, tmp_path: Path) -> None:
        lines = ["table,sft,a,b,pass_n,100,0.60,0.05", "evaluation log,sft,a,b,pass&n,100,0.6000,0.0492"]
        assert audited(*lines, folder=tmp_path) == []

    def test_a_number_stands_for_all_that_round_to_it(self) -> None:
        assert Printed.of("0.67").may_be(2 / 3) and not Printed.of("0.66").may_be(2 / 3)
        assert Printed.of("0.670").half == pytest.approx(0.0005)


class TestMistakes:
    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ("t,m,a,b,acc,1,0.5,0.1", "line 2: '1' is no n_questions"),
            ("t,m,a,b,acc,30,50,0.1", "line 2: '50' is no score"),
            ("t,m,a,b,acc,30,fifty,0.1", "line 2: 'fifty' is no score"),
            ("t,m,a,b,acc,30,0.5,±0.1", "line 2: '±0.1' is no stderr"),
        ],
    )
    def test_a_cell_that_is_no_number(self, line: str, message: str, tmp_path: Path) -> None:
        with pytest.raises(UserError, match=message):
            audited(line, folder=tmp_path)


def log_lines(steps: range, seconds_a_step: float, total: int, loss: float) -> list[str]:
    """A part of a training log, by two processes whose clocks differ by two seconds."""
    lines = []
    for step in steps:
        for late in (0, 2):
            elapsed = int((step - steps.start + steps.step) * seconds_a_step) + late
            clock = f"{elapsed // 3600}:{elapsed // 60 % 60:02d}:{elapsed % 60:02d}"
            clock = (
                clock
                if elapsed < 86400
                else f"1 day, {elapsed // 3600 - 24}:{elapsed // 60 % 60:02d}:{elapsed % 60:02d}"
            )
            lines.append(json.dumps({"current_steps": step, "total_steps": total, "loss": loss, "elapsed_time": clock}))
    return lines


@pytest.fixture
def training(tmp_path: Path) -> Path:
    """A run of 1,000 steps of 10 s that was killed after step 800 and went on from 700."""
    lines = [*log_lines(range(10, 810, 10), 10, 1000, 0.5), *log_lines(range(710, 1010, 10), 10, 1000, 0.4)]
    (tmp_path / "trainer_log.jsonl").write_text("\n".join(lines) + "\n")
    return tmp_path


class TestTraining:
    def test_the_log_over_its_parts(self, training: Path) -> None:
        log = read_log(training / "trainer_log.jsonl")
        assert (log.parts, log.steps, log.lowest_loss, log.final_loss) == (2, 1000, 0.4, 0.4)
        assert log.useful_seconds == pytest.approx(10_000, abs=5) and log.spent_seconds == pytest.approx(11_000, abs=5)

    def test_a_resumed_runs_summary(self, training: Path) -> None:
        """The trainer divides by the last 3,000 s, and sums their loss over all steps."""
        summary = {"train_loss": 0.12, "train_steps_per_second": 0.333, "train_samples_per_second": 5.33}
        (training / "train_results.json").write_text(json.dumps(summary))
        steps, samples, loss = training_faults(training)
        assert "0.333 steps/s are 0.1000: 1,000 steps in 2 parts" in steps and "the 0.8 h of the last part" in steps
        assert samples.startswith("5.33 samples/s are 1.60")
        assert "0.12 lies below every loss of the log (lowest 0.4, last 0.4)" in loss

    def test_a_true_summary(self, training: Path) -> None:
        summary = {"train_loss": 0.47, "train_steps_per_second": 0.1, "train_samples_per_second": 1.6}
        (training / "train_results.json").write_text(json.dumps(summary))
        assert training_faults(training) == []

    def test_no_log(self, tmp_path: Path) -> None:
        (tmp_path / "trainer_log.jsonl").write_text("step 1 of 10\n")
        with pytest.raises(UserError, match="is no log as LLaMA-Factory writes it"):
            training_faults(tmp_path)

    @pytest.mark.parametrize(("text", "seconds"), [("0:02:12", 132), ("1 day, 2:03:04", 93784)])
    def test_clocks(self, text: str, seconds: int) -> None:
        assert seconds_of(text) == seconds

    @pytest.mark.real
    def test_the_studys_run(self, tmp_path: Path) -> None:
        """28.7 hours spent; its summary's 0.276 steps/s, 4.414 samples/s and loss 0.0898 are those of a resumed run."""
        (tmp_path / "trainer_log.jsonl").symlink_to(STEP_LOG)
        summary = {"train_loss": 0.0898, "train_steps_per_second": 0.276, "train_samples_per_second": 4.414}
        (tmp_path / "train_results.json").write_text(json.dumps(summary))
        steps, samples, _ = training_faults(tmp_path)
        assert "28.7 h spent" in steps and "samples/s are 1.05" in samples
