"""The counts of a finished experiment are those of its files, and more than before is told."""

import json
import sys
from pathlib import Path

import pandas as pd
import pytest

from perf import counts
from scripts.common.cli import UserError
from scripts.common.config.experiment import Experiment
from tests.made_up_results import Folder

BEFORE = {"jobs": 10, "scored_tokens": 100, "answer_tokens": 1000, "bytes": 5000}


def test_counts_are_those_of_the_files(results: Path, experiment: Experiment) -> None:
    """Against pandas and the made-up numbers: 57 steps a run, tokens_read as written."""
    found = counts.counts(Folder(str(results)), 33)
    samples, scores = (pd.read_parquet(results / f"select/{name}.parquet") for name in ("samples", "scores"))
    scored = samples[samples["reason"].isna()]
    answers = pd.read_parquet(results / "compare/answers.parquet")
    summaries = [json.loads(file.read_text()) for file in results.glob("train/*/summary.json")]
    files = [*results.rglob("*.parquet"), *results.rglob("*.safetensors")]
    assert found == {
        "jobs": 33,
        "scored_tokens": int(scored["tokens"].sum()),
        "scored_variants": len(scored) + len(scores),
        "trained_tokens": sum(each["tokens_read"] for each in summaries),
        "optimiser_steps": 57 * len(experiment.runs()),
        "answers": len(answers),
        "answer_tokens": int(answers["output_tokens"].sum()),
        "bytes": sum(file.stat().st_size for file in files),
    }
    assert len(summaries) == len(experiment.runs()) and all(value > 0 for value in found.values())


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, []),
        ({"jobs": 9, "bytes": 1}, []),
        ({"jobs": 11}, ["jobs: 11, and 10 before"]),
        ({"answer_tokens": 1050, "bytes": 5100}, []),
        (
            {"answer_tokens": 1051, "bytes": 5101},
            ["answer_tokens: 1,051, and 1,000 before", "bytes: 5,101, and 5,000 before"],
        ),
        ({"new": 1}, ["new: is counted on one side only"]),
    ],
)
def test_more_than_before_is_told(change: dict[str, int], told: list[str]) -> None:
    assert counts.more({**BEFORE, **change}, BEFORE) == told


def test_the_program_keeps_and_compares(
    tmp_path: Path, results: Path, monkeypatch: pytest.MonkeyPatch, experiment: Experiment
) -> None:
    file, config = tmp_path / "counts.json", tmp_path / "x.yaml"
    monkeypatch.setattr(counts, "Layout", lambda name: Folder(str(results)))
    monkeypatch.setattr(counts, "read_experiment", lambda path: experiment)

    def call(jobs: int, option: str) -> None:
        monkeypatch.setattr(counts, "planned_jobs", lambda path: [None] * jobs)
        monkeypatch.setattr(sys, "argv", ["counts", "--config", str(config), option, str(file)])
        counts.main()

    with pytest.raises(UserError, match="holds no counts: write them by --keep"):
        call(5, "--against")
    call(5, "--keep")
    call(5, "--against")
    with pytest.raises(UserError, match="does more than it did: jobs: 6, and 5 before"):
        call(6, "--against")


def test_an_unfinished_experiment_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no finished experiment"):
        counts.counts(Folder(str(tmp_path)), 1)
