"""What was edited, cut off, made from something else, or lost its record is told; nothing right is."""

import shutil
from pathlib import Path

import pytest
import yaml

from tests.workflow.conftest import Checkout
from tests.workflow.test_places import copy_made

pytestmark = pytest.mark.workflow
MICRO = ("--configfile", "experiments/micro.yaml")


@pytest.fixture
def finished(micro: Checkout, tmp_path: Path) -> Checkout:
    """A copy of the finished run, to be spoilt."""
    copy = Checkout(tmp_path)
    copy_made(micro.folder, copy.folder)
    return copy


def verify(checkout: Checkout, *options: str) -> str:
    return checkout.run("scripts.manage.verify", "--config", "experiments/micro.yaml", *options, check=False)


def test_what_is_wrong_is_told_and_nothing_else(finished: Checkout) -> None:
    assert " 0 not\n" in verify(finished)
    results = finished.folder / "results/micro"
    scores = results / "compare/scores.csv"
    scores.write_text(scores.read_text().replace("0.", "0.9", 1))
    (results / "evaluate/base/chains.json").write_text("")
    weights = next((results / "train/limopro-t1/model").glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-100])
    said = verify(finished)
    edited = {line.split()[1] for line in said.splitlines() if line.startswith("edited")}
    assert edited == {f"results/micro/{name}" for name in ("compare/scores.csv", "evaluate/base/chains.json",
                                                           "train/limopro-t1/model")}  # fmt: skip
    assert "results/micro/report/results.json" in said, "what was made from them is stale"
    assert "error: the results are not all of one state" in said


def test_the_report_is_not_rendered_over_an_edited_table(finished: Checkout) -> None:
    scores = finished.folder / "results/micro/compare/scores.csv"
    scores.write_text(scores.read_text().replace("0.", "0.9", 1))
    said = finished.snakemake("results/micro/report/results.json", "--force", *MICRO, check=False)
    log = (finished.folder / "logs/micro/report/write_results.log").read_text()
    assert "Error in rule write_results" in said
    assert "error: these results cannot be shown in one report" in log and "compare/scores.csv" in log


def test_a_lost_snakemake_is_told_and_what_is_right_is_kept(finished: Checkout) -> None:
    shutil.rmtree(finished.folder / ".snakemake")
    config = yaml.safe_load((finished.folder / "experiments/micro.yaml").read_text())
    config["training"]["epochs"] = 2
    (finished.folder / "experiments/micro.yaml").write_text(yaml.safe_dump(config))
    said = finished.snakemake("--dry-run", *MICRO, check=False)
    assert "are gone" in said and "make verify ADOPT=1" in said and "Traceback" not in said
    assert "made with another --training" in verify(finished)
    verify(finished, "--adopt")
    plan = finished.plan(*MICRO)
    assert plan["train_sft"] == 6 and plan["evaluate_model"] == 6
    assert not {"make_demo_model", "prepare_pool", "score_steps", "select_subset"} & plan.keys()
