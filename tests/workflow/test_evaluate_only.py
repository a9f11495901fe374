"""An experiment that trains nothing: models that are there are evaluated, compared and reported."""

import json
import shutil

import pytest

from scripts.common.tables import read_table
from scripts.compare.tables import read_csv
from scripts.evaluate.tables import ANSWERS
from tests.workflow.conftest import Checkout

pytestmark = pytest.mark.workflow
LETTERS = [
    {"question": f"Which is {n}?", "choices": [str(n + i) for i in range(4)], "answer": str(n), "subject": "numbers"}
    for n in range(10)
]


def test_models_are_compared_without_training(checkout: Checkout, micro: Checkout) -> None:
    trained = micro.folder / "results/micro/train"
    shutil.copytree(trained / "demo-base", checkout.folder / "models/base")
    shutil.copytree(trained / "limopro-t1/model", checkout.folder / "models/tuned")
    (checkout.folder / "letters.jsonl").write_text("".join(json.dumps(row) + "\n" for row in LETTERS), encoding="utf-8")
    config = checkout.experiment(
        "compare",
        source="evaluate-only",
        model={"name": "./models/base", "dtype": "float32"},
        models={"tuned": {"name": "./models/tuned"}, "again": {"name": "./models/base"}},
        evaluation={
            "engine": "transformers",
            "generation": {"max_new_tokens": 48},
            "max_model_length": 512,
            "benchmarks": {
                "chains": {"demo": {"operations": 3, "questions": 12}, "samples": 2},
                "letters": {"path": "letters.jsonl", "kind": "loglikelihood", "shards": 2},
            },
        },
        resources={"default": {"memory": 2500, "runtime": 10}},
    )
    plan = checkout.plan("--configfile", config)
    assert plan["evaluate_model"] == 3 and plan["evaluate_shard"] == 6
    assert not {"prepare_pool", "select_subset", "train_sft", "summarise_training", "summarise_selection"} & plan.keys()

    checkout.snakemake("--configfile", config)
    results = checkout.folder / "results/evaluate-only"
    scores = read_csv("scores", results / "compare/scores.csv").set_index(["model", "benchmark"])
    assert set(scores.index) == {(m, b) for m in ("base", "tuned", "again") for b in ("chains", "letters")}
    # The same weights weigh the choices the same; sampled, they draw the same answers.
    for benchmark in ("chains", "letters"):
        assert scores.loc[("again", benchmark), "score"] == scores.loc[("base", benchmark), "score"]
    logprobs = read_table(ANSWERS, results / "evaluate/base/letters.parquet")["logprobs"].to_pylist()
    assert [len(row) for row in logprobs] == [4] * 10

    comparisons = read_csv("comparisons", results / "compare/comparisons.csv")
    pairs = comparisons[["question", "benchmark", "subset", "reference"]].itertuples(index=False, name=None)
    assert set(pairs) == {("base", b, m, "base") for b in ("chains", "letters") for m in ("tuned", "again")}
    assert (comparisons[comparisons["subset"] == "again"]["difference"] == 0).all()
    findings = (results / "report/findings.md").read_text(encoding="utf-8")
    assert "nothing was trained" in findings and "fine-tun" not in findings
    html = (results / "report/report.html").read_text(encoding="utf-8")
    assert "@tbl" not in html and "@fig" not in html and "@sec" not in html, "a reference to what was left out"
    assert "Training loss" not in html and "Data hygiene" not in html
    assert (results / "report/report.pdf").stat().st_size > 20_000
    assert checkout.plan("--configfile", config) == {}
