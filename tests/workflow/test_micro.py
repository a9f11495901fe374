"""One whole run of experiments/micro.yaml: what its tables hold, recounted from the tables before them."""

import json
import platform
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pandas as pd
import polars as pl
import pypdf
import pytest

from scripts.common.tables import Table, read_table
from scripts.compare.tables import read_csv
from scripts.data.tables import CONTAMINATED, POOL, RAW, REJECTED
from scripts.evaluate.tables import ANSWERS
from scripts.select.tables import SAMPLES, STEP_SCORES, STEPS, SUBSET
from tests.workflow.conftest import Checkout

pytestmark = pytest.mark.workflow


@pytest.fixture(scope="module")
def results(micro: Checkout) -> Path:
    return micro.folder / "results" / "micro"


def frame(name: Table, path: Path) -> pl.DataFrame:
    return pl.DataFrame(read_table(name, path))


def test_every_row_is_accounted_for(results: Path) -> None:
    raw, pool, rejected, clean, contaminated = (
        frame(table, results / f"data/{file}.parquet")
        for table, file in [(RAW, "raw"), (POOL, "pool"), (REJECTED, "rejected"), (POOL, "clean"),
                            (CONTAMINATED, "contaminated")]
    )  # fmt: skip
    assert len(raw) == len(pool) + len(rejected) == 160
    assert set(pool["id"]) == set(clean["id"]) | set(contaminated["id"])
    assert not set(clean["id"]) & set(contaminated["id"])
    # The demo plants what must be found: broken rows, and questions of its own benchmark.
    assert rejected["reason"].n_unique() > 1 and rejected["reason"].null_count() == 0
    assert len(contaminated) > 0


def test_the_truth_of_the_demo_never_leaves_raw(results: Path) -> None:
    assert "truth" in frame(RAW, results / "data/raw.parquet").columns
    for table in (POOL, STEPS, STEP_SCORES, SAMPLES, SUBSET):
        assert "truth" not in table.schema.names


def test_steps_join_to_the_reasoning(results: Path) -> None:
    steps = frame(STEPS, results / "select/steps.parquet")
    clean = frame(POOL, results / "data/clean.parquet")
    joined = steps.sort("id", "step").group_by("id").agg(pl.col("text").str.join("")).join(clean, on="id")
    assert len(joined) == 120
    assert joined.filter(pl.col("text") != pl.col("reasoning")).is_empty()


def test_every_functional_step_is_scored_once(results: Path) -> None:
    steps = frame(STEPS, results / "select/steps.parquet").filter(pl.col("pattern") != "progressive")
    scores = frame(STEP_SCORES, results / "select/scores.parquet")
    samples = frame(SAMPLES, results / "select/samples.parquet")
    assert set(scores.select("id", "step").rows()) == set(steps.select("id", "step").rows())
    assert scores.select("id", "step").is_duplicated().sum() == 0
    assert (scores["pir"] - (scores["nll_without"] - scores["nll_full"])).abs().max() < 1e-12
    means = scores.group_by("id").agg(pl.col("pir").mean()).join(samples, on="id")
    assert (means["pir"] - means["mean_pir"]).abs().max() < 1e-9


def test_subsets_prune_and_controls_match_them(results: Path) -> None:
    limopro = frame(SUBSET, results / "select/subsets/limopro.parquet")
    assert len(limopro) == 48
    assert limopro["pruned_steps"].list.len().sum() > 0, "the run prunes nothing"
    assert limopro.filter(pl.col("tokens") > pl.col("tokens_before")).is_empty()
    shorter = limopro.filter(pl.col("pruned_steps").list.len() > 0)
    assert (shorter["tokens"] < shorter["tokens_before"]).all()
    controls = [frame(SUBSET, results / f"select/subsets/random-48-scored-t{seed}.parquet") for seed in (1, 2)]
    assert [len(control) for control in controls] == [48, 48]
    assert set(controls[0]["id"]) != set(controls[1]["id"]), "each training seed has its own draw"
    assert all(control["pruned_steps"].list.len().sum() == 0 for control in controls)


def test_runs_train_on_what_their_subset_holds(results: Path) -> None:
    summaries = [json.loads(path.read_text()) for path in (results / "train").glob("*/summary.json")]
    assert len(summaries) == 6
    for summary in summaries:
        draw = summary["arm"] if summary["arm"] in ("limopro", "few") else summary["run"]
        subset = frame(SUBSET, results / f"select/subsets/{draw}.parquet")
        assert summary["tokens"] == subset["tokens"].sum()
        assert summary["trained_tokens"] + summary["masked_tokens"] == summary["tokens"]
        assert 0 < summary["trained_tokens"] < summary["tokens"]
        log = pd.read_csv(results / f"train/{summary['run']}/log.csv")
        assert list(log["step"]) == list(range(1, summary["steps"] + 1))


def test_scores_equal_a_recount_of_the_answers(results: Path) -> None:
    scores = read_csv("scores", results / "compare/scores.csv").set_index(["model", "benchmark"])
    answers = read_table(ANSWERS, results / "compare/answers.parquet").to_pandas()
    assert len(scores) == 7 and len(answers) == 7 * 12 * 2
    for (model, benchmark), group in answers.groupby(["model", "benchmark"]):
        per_question = group.groupby("question_id")["correct"].mean()
        row = scores.loc[(model, benchmark)]
        assert row["score"] == pytest.approx(per_question.mean(), abs=1e-12)
        assert row["se"] == pytest.approx(per_question.std(ddof=1) / len(per_question) ** 0.5, abs=1e-12)
        assert row["truncated_rate"] == pytest.approx(group["truncated"].mean())
        result = json.loads((results / f"evaluate/{model}/{benchmark}.json").read_text())
        metrics = next(value for key, value in result["results"].items() if key != "all")
        assert any(value == pytest.approx(per_question.mean()) for value in metrics.values())


def test_comparisons_ask_the_questions_of_this_experiment(results: Path) -> None:
    comparisons = read_csv("comparisons", results / "compare/comparisons.csv")
    pairs = set(comparisons[["question", "subset", "reference"]].itertuples(index=False, name=None))
    assert pairs == {
        ("base", "limopro", "base"),
        ("base", "random-48-scored", "base"),
        ("base", "few", "base"),
        ("rows", "limopro", "random-48-scored"),
    }
    # Three arms of two seeds: three degrees of freedom, too few to speak of the method.
    assert set(comparisons["level"]) == {"these runs"}


HEADINGS = ["Findings", "Scores", "Comparisons", "Costs", "Selection", "Training", "Data hygiene", "Example answers",
            "Disputed answers", "Methods",
            "Threats to validity", "Provenance", "References"]  # fmt: skip


def test_the_pdf_has_its_headings(results: Path) -> None:
    document = pypdf.PdfReader(results / "report/report.pdf")
    titles = [entry.title for entry in document.outline if not isinstance(entry, list)]
    assert [re.sub(r"^[\d.]+ ", "", title) for title in titles][: len(HEADINGS)] == HEADINGS
    text = "\n".join(page.extract_text() for page in document.pages)
    assert "Every stage once" in text and "elicitation" in text
    assert 5 <= len(document.pages) <= 20


def test_the_html_has_its_headings_and_figures(results: Path) -> None:
    html = (results / "report/report.html").read_text(encoding="utf-8")
    titles = re.findall(r"<h1[^>]*>(.*?)</h1>", html, flags=re.DOTALL)
    plain = [" ".join(re.sub(r"<[^>]+>", " ", title).split()) for title in titles]
    assert [re.sub(r"^\d+ ", "", title) for title in plain][1 : len(HEADINGS) + 1] == HEADINGS
    assert html.count("<figure") >= 4
    needed = re.search(r'(?:src|href)="(?!data:|#|https://|\.\./browse/index\.html)', html)
    assert not needed, "one file, nothing beside it but the answers' browser, which it links to"


def test_every_artefact_says_where_it_comes_from(results: Path) -> None:
    for artefact in ["data/raw.parquet", "select/scores.parquet", "train/few-t1/model", "evaluate/base/chains.parquet"]:
        record = json.loads(Path(f"{results / artefact}.provenance.json").read_text())
        assert record["code_digest"] and record["packages"]["python"] == platform.python_version()
        assert record["seconds"] >= 0 and record["program"].startswith("scripts/")


def test_a_second_run_does_nothing(micro: Checkout) -> None:
    assert micro.plan("--configfile", "experiments/micro.yaml") == {}


def test_the_same_config_gives_the_same_tables(checkout: Checkout, results: Path) -> None:
    tables = ["results/micro/compare/scores.csv", "results/micro/compare/comparisons.csv"]
    checkout.snakemake(*tables, "--configfile", "experiments/micro.yaml")
    for table in ("scores.csv", "comparisons.csv"):
        again = (checkout.folder / "results/micro/compare" / table).read_bytes()
        assert again == (results / "compare" / table).read_bytes(), table


def test_a_program_runs_by_hand(results: Path, tmp_path: Path) -> None:
    """As a user would, without Snakemake: the same options, the same table."""
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-m", "scripts.select.segment_steps", "--clean", str(results / "data/clean.parquet"),
               "--score-rows", "120", "--seed", "1", "--steps", str(tmp_path / "steps.parquet")]  # fmt: skip
    subprocess.run(command, cwd=root, check=True, capture_output=True)
    by_hand, by_graph = (frame(STEPS, path) for path in (tmp_path / "steps.parquet", results / "select/steps.parquet"))
    assert by_hand.equals(by_graph)


def test_other_tools_get_their_files(micro: Checkout, results: Path) -> None:
    """By the rule; that the tools read them is tested in tests/evaluate/test_export_logs.py."""
    from inspect_ai.log import read_eval_log  # seconds

    micro.snakemake("--configfile", "experiments/micro.yaml", "--", "results/micro/evaluate/inspect/base")
    answers = frame(ANSWERS, results / "evaluate/base/chains.parquet")
    log = read_eval_log(str(results / "evaluate/inspect/base/chains.eval"))
    assert log.samples is not None and len(log.samples) == len(answers)
    assert (results / "evaluate/lighteval/results/base/results_chains.json").is_file()
    assert (results / "evaluate/lighteval/details/base/micro/details_chains|0_micro.parquet").is_file()


def test_snakemakes_own_report_shows_figures_tables_and_document(micro: Checkout, results: Path) -> None:
    micro.snakemake("--configfile", "experiments/micro.yaml", "--report", "report.zip")
    with zipfile.ZipFile(micro.folder / "report.zip") as archive:
        held = {Path(name).name for name in archive.namelist()}
        page = archive.read("report/report.html").decode("utf-8")
    figures = {path.name for path in (results / "report/figures").glob("*.svg")}
    tables = {f"{name}.csv" for name in ("scores", "arms", "subjects", "reliability", "comparisons", "power", "costs")}
    assert figures and held >= figures | tables | {"report.pdf", "report.html"}
    assert page.count("The document has it with its caption") == len(figures)
    for category in ("Figures", "Tables", "Documents"):
        assert category in page
