"""The finished default experiment: what `make report` promises. Run by `make test-demo`, which runs it first."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

from scripts.common.tables import read_table
from scripts.compare.tables import read_csv
from scripts.data.prepare_pool import row_id
from scripts.data.tables import RAW
from scripts.select.tables import STEP_SCORES, STEPS, SUBSET

ROOT = Path(__file__).resolve().parents[2]
RESULTS, LOGS = ROOT / "results" / "demo", ROOT / "logs" / "demo"
pytestmark = pytest.mark.demo


def test_the_selection_prunes() -> None:
    limopro = pl.DataFrame(read_table(SUBSET, RESULTS / "select/subsets/limopro.parquet"))
    assert limopro["pruned_steps"].list.len().sum() > 100
    assert limopro["tokens"].sum() < 0.95 * limopro["tokens_before"].sum()
    unpruned = pl.DataFrame(read_table(SUBSET, RESULTS / "select/subsets/limopro.unpruned-t1.parquet"))
    assert unpruned["id"].to_list() == limopro["id"].to_list()
    assert unpruned["tokens"].sum() == limopro["tokens_before"].sum()


def test_pir_finds_what_the_generator_knows() -> None:
    """AUC for needed against idle functional steps: PIR's against position's, which is poor by design."""
    raw = pl.DataFrame(read_table(RAW, RESULTS / "data/raw.parquet"))
    ids = [row_id(*row) for row in raw.select("system", "question", "response").iter_rows()]
    truth = raw.select("truth").with_columns(id=pl.Series(ids)).explode("truth").unnest("truth").unique(["id", "line"])
    scores = pl.DataFrame(read_table(STEP_SCORES, RESULTS / "select/scores.parquet"))
    steps = pl.DataFrame(read_table(STEPS, RESULTS / "select/steps.parquet"))
    lengths = steps.group_by("id").agg(n=pl.len())
    # A line of the generator is a step, but for a few that the segmenter takes together: by the line it begins in.
    breaks = pl.col("text").str.count_matches("\n").cast(pl.Int64)
    lines = steps.sort("id", "step").with_columns(line=(breaks.cum_sum() - breaks).over("id"))
    scored = scores.join(lines.select("id", "step", "line"), on=["id", "step"])
    known = scored.join(truth, on=["id", "line"]).join(lengths, on="id")
    assert len(known) > 0.99 * len(scores), "scored steps are functional lines of the generator"
    assert (known["pattern"] == known["pattern_right"]).mean() > 0.98
    needed = known["needed"].to_numpy()
    assert needed.sum() > 50
    assert roc_auc_score(needed, known["pir"]) >= 0.9
    assert roc_auc_score(needed, known["step"] / (known["n"] - 1)) <= 0.75


def test_fine_tuning_beats_the_base_and_the_words_say_so() -> None:
    comparisons = read_csv("comparisons", RESULTS / "compare/comparisons.csv")
    (row,) = comparisons[
        (comparisons["question"] == "base")
        & (comparisons["subset"] == "limopro")
        & (comparisons["benchmark"] == "chains")
    ].to_dict("records")
    assert row["ci_low"] > 0 and row["verdict"] == "better" and row["level"] == "method"
    findings = (RESULTS / "report/findings.md").read_text(encoding="utf-8")
    points = f"{100 * row['difference']:.1f} points above the base model (interval +{100 * row['ci_low']:.1f} to +{100 * row['ci_high']:.1f}"
    assert points in findings
    (caution,) = json.loads((RESULTS / "report/results.json").read_text(encoding="utf-8"))["cautions"]
    assert "elicitation" in caution


def test_no_job_needs_much_memory() -> None:
    peaks = {
        file.name: pd.read_csv(file, sep="\t", na_values="-")["max_rss"].max() for file in LOGS.rglob("*.benchmark.tsv")
    }
    assert len(peaks) > 40
    assert max(peaks.values()) < 3000, max(peaks, key=lambda name: peaks[name])


def test_a_second_run_has_nothing_to_do() -> None:
    command = [sys.executable, "-m", "snakemake", "--dry-run"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert "Nothing to be done" in done.stdout + done.stderr
