"""The experiment file: one sentence per mistake, all at once; names and runs that follow from it."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.common.config.experiment import Experiment
from scripts.common.config.load import ConfigError, load_experiment
from scripts.common.config.selection import Limopro

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
    "GPUs on nodes": (
        changed(training__gpus=3, training__nodes=2, training__accelerate="ddp"),
        "training.nodes: 3 GPUs cannot be dealt out evenly to 2 nodes",
    ),
    "several processes as one": (
        changed(training__gpus=2),
        "training.nodes: 2 GPUs on 1 nodes are several processes: set training.accelerate to ddp, fsdp2 or zero2",
    ),
    "unknown key": (changed(training__epoch=3), "training.epoch: unknown key; did you mean 'epochs'?"),
    "unknown key at the top": (changed(datset={}), "datset: unknown key; did you mean 'dataset'?"),
    "wrong type": (changed(training__epochs="many"), "training.epochs: 'many' should be a valid number"),
    "band upside down": (changed(subsets__limopro__band=[0.9, 0.5]), "subsets.limopro.band: the band [0.9, 0.5] must be"),
    "no ratio": (changed(subsets__limopro__prune_ratio="many"), "subsets.limopro.prune_ratio: 'many' is neither a share"),
    "ratio above one": (changed(subsets__limopro__prune_ratio=[0.2, 1.5]), "prune_ratio: [0.2, 1.5] is neither a share"),
    "empty sweep": (changed(subsets__limopro__prune_ratio=[]), "subsets.limopro.prune_ratio: [] is neither a share"),
    "ratio that names nothing": (
        changed(subsets__limopro__prune_ratio=[0.125, 0.5]),
        "subsets.limopro.prune_ratio: the ratio 0.125 of a sweep is not a whole number of percent",
    ),
    "ratio twice": (changed(subsets__limopro__prune_ratio=[0.5, 0.5]), "the sweep [0.5, 0.5] names one ratio twice"),
    "sweep on a subset": (
        changed(**{"subsets__limopro__prune_ratio": [0.2, 0.5], "subsets__limopro-p20": {"method": "all"}}),
        "subsets: the sweep 'limopro' makes a subset 'limopro-p20', and there is another of that name",
    ),
    "sweep on a model": (
        changed(subsets__limopro__prune_ratio=[0.2, 0.5], models={"limopro-p20": {"name": "demo"}}),
        "models.limopro-p20: the name 'limopro-p20' is already a subset's",
    ),
    "sweep named like a run": (
        changed(subsets={"a-t1": {"method": "limopro", "prune_ratio": [0.2, 0.5]}}),
        "must not end in -t and digits",
    ),
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
    "subsets of nothing": (
        {key: value for key, value in MINIMAL.items() if key != "dataset"},
        "subsets: a dataset needs subsets and subsets need a dataset",
    ),
    "a dataset for nothing": (changed(subsets={}), "subsets: a dataset needs subsets and subsets need a dataset"),
    "nothing to compare": (
        {key: value for key, value in MINIMAL.items() if key not in ("dataset", "subsets")},
        "subsets: there is nothing to compare",
    ),
    "samples of a likelihood": (
        changed(evaluation__benchmarks__b={"path": "README.md", "kind": "loglikelihood", "samples": 4}),
        "evaluation.benchmarks.b.samples: a benchmark of kind loglikelihood has one answer per question",
    ),
    "answers longer than the context": (
        changed(evaluation__max_model_length=4096),
        "evaluation.max_model_length: 4096 is less than generation.max_new_tokens (32768)",
    ),
    "no such template": (
        changed(models={"other": {"name": "demo", "chat_template": "no.jinja"}}),
        "models.other.chat_template: there is no file 'no.jinja'",
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


def test_a_sweep_stands_for_a_subset_a_ratio() -> None:
    config = changed(subsets__limopro__prune_ratio=[0.2, 0.29, 1], subsets__limopro__band=[0.5, 0.9], controls=["rows"])
    experiment = load_experiment(config)
    assert experiment.arms()[::2] == ["limopro-p20", "limopro-p29", "limopro-p100", "some"]
    assert experiment.scored_subsets() == ["limopro-p20", "limopro-p29", "limopro-p100"]
    swept = [experiment.subsets[name] for name in experiment.scored_subsets()]
    assert [subset.prune_ratio for subset in swept] == [0.2, 0.29, 1]
    # Nothing else differs, the seed of the draw of rows least of all.
    assert {subset.model_copy(update={"prune_ratio": 0.5}).model_dump_json() for subset in swept} == {
        Limopro(method="limopro", prune_ratio=0.5, band=(0.5, 0.9), drawn_as="limopro").model_dump_json()
    }
    assert "limopro-p29.rows-t2" in {draw.name for draw in experiment.draws()}
    # What the report reads is the expanded experiment, and stays as it is.
    assert Experiment.model_validate_json(experiment.model_dump_json()) == experiment


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("experiments/*.yaml")) + [ROOT / "config.yaml"], ids=lambda path: path.stem
)
def test_the_experiments_of_the_repository_are_valid(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    if config.get("dataset", {}).get("source") == "file":
        (tmp_path / config["dataset"]["path"]).touch()
    for benchmark in config["evaluation"]["benchmarks"].values():
        if "path" in benchmark:
            (tmp_path / benchmark["path"]).parent.mkdir(exist_ok=True)
            (tmp_path / benchmark["path"]).touch()
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
