"""A kind of question, an engine and a training option of one's own, as docs/extending.md has them: two files each."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from scripts.common.tables import read_table
from scripts.evaluate.tables import ANSWERS
from tests.extending import put_in
from tests.workflow.conftest import Checkout

pytestmark = pytest.mark.long
EXPERIMENT = {
    "name": "toy",
    "title": "An engine and a kind of one's own",
    "model": {"name": "./model", "dtype": "float32"},
    "models": {"other": {"name": "./model"}},
    "evaluation": {
        "engine": "constant",
        "says": " I do not know.",
        "generation": {"max_new_tokens": 50},
        "max_model_length": 512,
        "benchmarks": {
            "riddles": {"path": "riddles.jsonl", "kind": "exact", "samples": 2},
            "sums": {"demo": {"questions": 4}},
        },
    },
    "resources": {"evaluate_model": {"gpus": 1}},
}
RIDDLES = [{"question": "Who?", "answer": "I do not know."}, {"question": "What?", "answer": "I do not KNOW."}]


def test_an_engine_and_a_kind_of_ones_own(checkout: Checkout, tiny_model: Path) -> None:
    assert put_in(checkout.folder, "A kind of question") == [
        "scripts/evaluate/kinds/exact.py",
        "scripts/evaluate/kinds/__init__.py",
    ]
    assert put_in(checkout.folder, "An engine") == [
        "scripts/evaluate/engines/constant.py",
        "scripts/evaluate/engines/__init__.py",
    ]
    shutil.copytree(tiny_model, checkout.folder / "model")
    (checkout.folder / "riddles.jsonl").write_text("\n".join(map(json.dumps, RIDDLES)), encoding="utf-8")
    (checkout.folder / "toy.yaml").write_text(yaml.safe_dump(EXPERIMENT), encoding="utf-8")
    config = ("--configfile", "toy.yaml")

    checkout.run("scripts.manage.plan", "--config", "toy.yaml")
    shown = checkout.snakemake("scores", "--dry-run", "--printshellcmds", *config)
    assert """--engine constant --engine-settings '{"says": " I do not know."}'""" in shown
    assert "gpu=1" not in shown, "it takes none, whatever resources say"
    checkout.snakemake("scores", *config)
    results = checkout.folder / "results/toy/evaluate/base"
    riddles = read_table(ANSWERS, results / "riddles.parquet").to_pylist()
    assert [row["correct"] for row in riddles] == [1, 1, 0, 0]
    assert {(row["text"], row["extracted"]) for row in riddles} == {(" I do not know.", "I do not know.")}
    scores = json.loads((results / "riddles.json").read_text(encoding="utf-8"))["results"]["riddles|0"]
    assert scores["exact_pass@k:k=1&n=2"] == scores["maj@n:n=2"] == 0.5
    assert not any(row["correct"] for row in read_table(ANSWERS, results / "sums.parquet").to_pylist())
    assert checkout.plan("scores", *config) == {}

    # A change of a kind or an engine reruns its own evaluations alone; other words rerun none.
    checkout.edit("scripts/evaluate/engines/constant.py", "see what its tokenizer says", "look at its tokenizer")
    checkout.edit("scripts/evaluate/engines/vllm.py", "time.sleep(1)", "time.sleep(2)")
    checkout.edit("scripts/evaluate/kinds/code.py", "return question.id", "return question.id + ''")
    assert checkout.plan("scores", *config) == {}
    checkout.edit("scripts/evaluate/kinds/exact.py", "float(text ==", "1.0 - float(text ==")
    assert checkout.plan("scores", *config)["evaluate_model"] == 2
    checkout.edit("scripts/evaluate/engines/constant.py", '"length")', '"stop")')
    assert checkout.plan("scores", *config)["evaluate_model"] == 4


def test_a_training_option_of_ones_own(checkout: Checkout) -> None:
    assert put_in(checkout.folder, "A training option") == [
        "scripts/common/config/training.py",
        "scripts/train/trainer.py",
    ]
    config = checkout.experiment("option", training__adam_beta2=0.95)
    for file, named in ((config, True), ("experiments/micro.yaml", False)):
        shown = checkout.snakemake("models", "--dry-run", "--printshellcmds", "--configfile", file)
        training = [line for line in shown.splitlines() if "-m scripts.train.train_sft" in line]
        assert training and all(('"adam_beta2": 0.95' in line) == named for line in training)
        assert named or "adam_beta2" not in "".join(training), "a run that does not name it has the same command"
    (checkout.folder / "look.py").write_text(
        "from pathlib import Path\n"
        "from scripts.common.config.training import Optimisation\n"
        "from scripts.train.trainer import BY_MACHINE, sft_arguments\n"
        "for beta in (None, 0.95):\n"
        "    found = sft_arguments(Optimisation(adam_beta2=beta), 'float32', 1, Path('out'), 1, BY_MACHINE)\n"
        "    print('beta2', found.adam_beta2)\n",
        encoding="utf-8",
    )
    assert [line for line in checkout.run("look").splitlines() if line.startswith("beta2")] == [
        "beta2 0.999",
        "beta2 0.95",
    ]
