"""The experiment file: one sentence per mistake, all at once; names and runs that follow from it."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.common.config.experiment import Experiment
from scripts.common.config.load import ConfigError, load_experiment

ROOT = Path(__file__).resolve().parents[2]
MINIMAL: dict[str, Any] = {
    "name": "x",
    "title": "X",
    "dataset": {"source": "demo"},
    "model": {"name": "demo"},
    "subsets": {"limopro": {"method": "limopro"}, "some": {"method": "random", "size": 3}},
    "training": {"seeds": [1, 2]},
    "evaluation": {"benchmarks": {"b": {"demo": {}}}},
}


def changed(**paths: Any) -> dict[str, Any]:
    """Return MINIMAL with values at dotted paths (`__` for the dot)."""
    config = copy.deepcopy(MINIMAL)
    for path, value in paths.items():
        *keys, last = path.split("__")
        place = config
        for key in keys:
            place = place.setdefault(key, {})
        place[last] = value
    return config


MISTAKES = {
    "unknown key": (changed(training__epoch=3), "training.epoch: unknown key; did you mean 'epochs'?"),
    "unknown key at the top": (changed(datset={}), "datset: unknown key; did you mean 'dataset'?"),
    "wrong type": (changed(training__epochs="many"), "training.epochs: 'many' should be a valid number"),
    "band upside down": (changed(subsets__limopro__band=[0.9, 0.5]), "subsets.limopro.band: the band [0.9, 0.5] must be"),
    "missing file": (changed(dataset={"source": "file", "path": "no.jsonl"}), "dataset.path: there is no file 'no.jsonl'"),
    "hub without revision": (changed(dataset={"source": "hub", "path": "a/b"}), "dataset.revision: a hub data set needs"),
    "model without revision": (changed(model={"name": "a/b"}), "model.revision: the hub model 'a/b' needs a revision"),
    "unknown method": (changed(subsets__q={"method": "best"}), "subsets.q.method: 'best' is not one of"),
    "unknown baseline": (changed(report__baseline="limo"), "report.baseline: there is no model 'limo'"),
    "unknown benchmark": (changed(pool__decontaminate__against=["z"]), "pool.decontaminate.against: there is no benchmark"),
    "name like a run": (changed(subsets={"a-t1": {"method": "all"}}), "must not end in -t and digits"),
    "name of the base": (changed(subsets={"base": {"method": "all"}}), "the name 'base' is taken"),
    "no such profile": (changed(training__accelerate="tpu"), "training.accelerate: there is no profile 'tpu'"),
    "batch that does not divide": (
        changed(training__effective_batch=16, training__per_device_batch=5),
        "training.per_device_batch: effective_batch 16 is not a multiple",
    ),
    "two sources of a benchmark": (
        changed(evaluation__benchmarks__b__task="aime24"),
        "evaluation.benchmarks.b.demo: a benchmark is exactly one of",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_one_sentence_names_the_key(name: str) -> None:
    config, sentence = MISTAKES[name]
    with pytest.raises(ConfigError) as caught:
        load_experiment(config)
    lines = str(caught.value).splitlines()
    assert len(lines) == 2, lines
    assert sentence in lines[1]


def test_all_mistakes_come_at_once() -> None:
    config = changed(
        training__epoch=3,
        subsets__limopro__band=[0.9, 0.5],
        dataset={"source": "hub", "path": "a/b"},
        report__baseline="limo",
        evaluation__benchmarks__c={"path": "no.jsonl"},
    )
    with pytest.raises(ConfigError) as caught:
        load_experiment(config)
    assert len(str(caught.value).splitlines()) == 6


def test_runs_and_draws() -> None:
    experiment = load_experiment(changed(controls=["rows", "unpruned"]))
    assert experiment.arms() == ["limopro", "limopro.rows", "limopro.unpruned", "some"]
    assert [run.name for run in experiment.runs()][:3] == ["limopro-t1", "limopro-t2", "limopro.rows-t1"]
    by_name = {run.name: run for run in experiment.runs()}
    # Every training seed has its own draw of a control; a subset is one file for all seeds.
    assert by_name["limopro.rows-t2"].draw == "limopro.rows-t2" and by_name["limopro-t2"].draw == "limopro"
    assert {run.draw for run in experiment.runs()} == {draw.name for draw in experiment.draws()}
    assert experiment.evaluated_models() == ["base", *by_name]


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("experiments/*.yaml")) + [ROOT / "config.yaml"], ids=lambda path: path.stem
)
def test_the_experiments_of_the_repository_are_valid(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    if config["dataset"]["source"] == "file":
        (tmp_path / config["dataset"]["path"]).touch()
    (tmp_path / "report").symlink_to(ROOT / "report")
    monkeypatch.chdir(tmp_path)
    assert isinstance(load_experiment(config), Experiment)


def test_the_documented_keys_are_those_of_the_models() -> None:
    from scripts.common.config.document import page, schema

    assert json.loads((ROOT / "docs/experiment.schema.json").read_text(encoding="utf-8")) == schema(), "run: make docs"
    assert (ROOT / "docs/experiment.md").read_text(encoding="utf-8") == page(), "run: make docs"


def test_every_key_has_a_description() -> None:
    from scripts.common.config.document import schema

    whole = schema()
    for name, model in {"Experiment": whole, **whole["$defs"]}.items():
        for key, field in model["properties"].items():
            assert field.get("description") or key == "method", f"{name}.{key}"
