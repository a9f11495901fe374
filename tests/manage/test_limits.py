"""The plan knows each rule's time limit as the rule itself asks for it."""

import json
from pathlib import Path

import pytest
import yaml

from scripts.common.config.load import load_experiment
from scripts.common.config.resources import JobResources, Resources
from tests.manage.made_up import workload
from tests.workflow.conftest import Checkout

# Behind the rules in a copy of the Snakefile: what each of them asks for at its first attempt.
LISTING = """
import json
asked = {rule.name: rule.resources["runtime"] for rule in workflow.rules if "runtime" in rule.resources}
asked = {name: limit.evaluate(None, attempt=1).value for name, limit in asked.items()}
Path("limits.json").write_text(json.dumps(asked))
"""


@pytest.mark.workflow
def test_limits_are_those_of_the_rules(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path)
    snakefile = checkout.folder / "Snakefile"
    snakefile.write_text(snakefile.read_text(encoding="utf-8") + LISTING, encoding="utf-8")
    entries = [name for name, field in Resources.model_fields.items() if field.annotation is JobResources]
    minutes = {entry: {"runtime": 11 + place} for place, entry in enumerate(entries)}
    file = checkout.experiment("limits", resources=minutes)
    checkout.snakemake("--dry-run", "--quiet", "all", "--configfile", file)
    asked = json.loads((checkout.folder / "limits.json").read_text())
    work = workload(load_experiment(yaml.safe_load((checkout.folder / file).read_text(encoding="utf-8"))), tmp_path)
    assert {"select_subset", "select_control", "score_steps", "train_sft", "measure_pir"} <= asked.keys()
    assert {rule: work.minutes(rule) for rule in asked} == asked and len(set(asked.values())) == len(entries)
