"""The experiment file: one sentence per mistake, all at once; names and runs that follow from it."""

import copy
import datetime
import json
import math
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.common.config.evaluation import Evaluation
from scripts.common.config.experiment import Experiment
from scripts.common.config.load import ConfigError, load_experiment
from scripts.common.program import as_json
from scripts.evaluate.engines import ENGINES
from scripts.select.methods.limopro import Limopro

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
    "no endpoint": (changed(evaluation__engine="endpoint"), "evaluation.engine: the engine endpoint needs evaluation.endpoint.base_url"),
    "endpoint with a key in it": (
        changed(evaluation__engine="endpoint", evaluation__endpoint={"base_url": "https://me:sk-1@host/v1"}),
        "evaluation.endpoint.base_url: the address holds more than host and path",
    ),
    "deterministic by an endpoint": (
        changed(evaluation__engine="endpoint", evaluation__endpoint={"base_url": "http://h/v1"}, evaluation__deterministic=True),
        "evaluation.engine: the engine endpoint cannot be made deterministic",
    ),
    "likelihoods by chat": (
        changed(
            evaluation__engine="endpoint",
            evaluation__endpoint={"base_url": "http://h/v1", "api": "chat"},
            evaluation__benchmarks={"letters": {"task": "mmlu_redux_2", "kind": "loglikelihood"}},
        ),
        "evaluation.benchmarks: 'letters' asks for likelihoods, which a chat gives none of",
    ),
    "served without chat": (
        changed(models={"big": {"name": "big-1", "served": True}}),
        "evaluation: models.big is served, which takes the engine endpoint with endpoint.api: chat",
    ),
    "served and trained": (
        changed(
            model={"name": "big-1", "served": True},
            evaluation__engine="endpoint",
            evaluation__endpoint={"base_url": "http://h/v1", "api": "chat"},
        ),
        "evaluation: model is served: what is behind an endpoint cannot be fine-tuned here",
    ),
    "served scorer": (changed(scorer={"model": {"name": "big-1", "served": True}}), "scorer: the scorer cannot be served"),
    "empty stop": (changed(evaluation__generation={"stop": [""]}), "evaluation.generation.stop.0: "),
    "no tokens": (changed(evaluation__generation={"top_k": 0}), "evaluation.generation.top_k: 0 should be greater than 0"),
    "segmenter by another name": (changed(segmenter="rule"), "segmenter: 'rule' should be 'rules'"),
    "segmenter without an endpoint": (changed(segmenter={"model": "big"}), "segmenter.endpoint: this key is required"),
    "segmenter's unknown key": (
        changed(segmenter={"model": "big", "endpoint": {"base_url": "http://h/v1"}, "windw": 3}),
        "segmenter.windw: unknown key; did you mean 'window'?",
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
    "a folder": (changed(dataset={"source": "file", "path": "docs"}), "dataset.path: 'docs' is a folder: name a file in it"),
    "home": (changed(dataset={"source": "file", "path": "~/a.jsonl"}), "~ and variables are taken as they stand"),
    "a path too long": (changed(dataset={"source": "file", "path": "a" * 5000}), "dataset.path: 'aaa"),
    "an address": (changed(dataset={"source": "file", "path": "https://h/a.jsonl"}), "that is an address"),
    "a hub's address": (
        changed(dataset={"source": "hub", "path": "https://huggingface.co/datasets/a/b", "revision": "main"}),
        "dataset.path: 'https://huggingface.co/datasets/a/b' is no repository of the hub: write owner/name",
    ),
    "configuration of a file": (
        changed(dataset={"source": "file", "path": "README.md", "config": "c"}), "dataset.config: a data set with source 'file'"
    ),
    "columns of the demo": (
        changed(dataset={"source": "demo", "columns": {"answer": "a"}}), "dataset.columns: a data set with source 'demo'"
    ),
    "a column twice": (
        changed(dataset={"source": "file", "path": "README.md", "columns": {"question": ["q", "r"], "response": "r"}}),
        "dataset.columns: 'r' is named for two things",
    ),
    "a column ignored": (
        changed(dataset={"source": "file", "path": "README.md", "columns": {"answer": "r", "ignore": ["r"]}}),
        "dataset.columns: 'r' is named, and ignored",
    ),
    "format beside columns": (
        changed(dataset={"source": "file", "path": "README.md", "format": "alpaca", "columns": {"question": "q"}}),
        "dataset.columns: format and columns.question both say",
    ),
    "minus left out": (changed(training__learning_rate="1e5"), "training.learning_rate: '1e5' should be less than 1"),
    "a date as name": (
        changed(name=datetime.date(2024, 1, 2)), "name: 2024-01-02 should be a text: put it in quotes"
    ),
    "no seeds": (changed(training__seeds=[]), "training.seeds: []: list should have at least 1 item"),
    "hub without revision": (changed(dataset={"source": "hub", "path": "a/b"}), "dataset.revision: a hub data set needs"),
    "a model's page": (changed(model={"name": "https://huggingface.co/a/b", "revision": "0" * 40}), "model.name: 'https://huggingface.co/a/b' is no model: write owner/name"),
    "a folder without ./": (changed(model={"name": "models/a/b", "revision": "0" * 40}), "model.name: 'models/a/b' is no model: write owner/name"),
    "nobody's folder": (changed(model={"name": "~nobody-here/m"}), "'~nobody-here/m': there is no such user here"),
    "a name too long": (changed(model={"name": "x" * 400, "revision": "0" * 40}), "is longer than that of any file or model"),
    "a folder too long": (changed(model={"name": "./" + "x" * 400}), "is longer than that of any file or model"),
    "model called as a control": (changed(models={"random-300": {"name": "a/b", "revision": "0" * 40}}), "models: the name 'random-300' is one of controls"),
    "model without revision": (changed(model={"name": "a/b"}), "model.revision: the hub model 'a/b' needs a revision"),
    "unknown method": (changed(subsets__q={"method": "best"}), "subsets.q.method: 'best' is not one of"),
    "choosing on nothing": (
        changed(report__choose_on="c"), "report.choose_on: there is no benchmark or average 'c' (there are: b)"
    ),
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
    "a demo of another kind": (
        changed(evaluation__benchmarks__b={"demo": {}, "kind": "choice"}),
        "evaluation.benchmarks.b.kind: the demo's generator makes no questions of kind choice, but of kind math",
    ),
    "a task of another kind": (
        changed(evaluation__benchmarks__b={"task": "lcb:codegeneration"}),
        "evaluation.benchmarks.b.kind: task 'lcb:codegeneration': kind code goes with lighteval's lcb tasks",
    ),
    "more shards than demo questions": (
        changed(evaluation__benchmarks__b={"demo": {"questions": 5}, "shards": 6}),
        "evaluation.benchmarks.b.shards: 6 shards are more than the benchmark's 5 questions",
    ),
    "more shards than lines": (
        changed(evaluation__benchmarks__b={"path": "CITATION.cff", "shards": 999}),
        "evaluation.benchmarks.b.shards: 999 shards are more than the benchmark's ",
    ),
    "long name": (
        changed(evaluation__benchmarks={"b" * 101: {"demo": {}}}),
        "evaluation.benchmarks: the benchmark name 'bbbbbbbbbbbbbbbbbbbb...' has 101 characters, more than 100",
    ),
    "long name of the experiment": (changed(name="n" * 101), "name: the experiment name 'nnnnnnnnnnnnnnnnnnnn...' has 101"),
    "name like an option": (changed(subsets={"-x": {"method": "all"}}), "the subset or model name '-x' begins with '-'"),
    "name of the scorer": (changed(models={"scorer": {"name": "demo"}}), "models: the name 'scorer' is taken"),
    "model named base": (changed(models={"base": {"name": "demo"}}), "models: the name 'base' is taken"),
    "large training seed": (changed(training__seeds=[2**70]), f"training.seeds: the seeds [{2**70}] must be different"),
    "budget without its number": (
        changed(training__budget="steps"),
        "training.budget: with budget: steps say how many: set training.steps",
    ),
    "number of another budget": (
        changed(training__tokens=1000),
        "training.budget: training.tokens is read with budget: tokens only, and the budget is epochs",
    ),
    "share of training": (
        changed(evaluation__checkpoints=[0.5, 1.5]),
        "evaluation.checkpoints: 1.5 is no share of training in whole percent, above 0 and up to 1",
    ),
    "shares that fall": (changed(evaluation__checkpoints=[0.5, 0.25]), "evaluation.checkpoints: the shares"),
    "training of a subset that does not fit": (
        changed(subsets__some__training={"per_device_batch": 5}),
        "training: with subsets.some.training: effective_batch 16 is not a multiple of per_device_batch 5",
    ),
    "true for a number": (changed(seed=True), "seed: true should be a number"),
    "true among numbers": (changed(training__seeds=[1, False]), "training.seeds: false should be a number"),
    "true for a method's number": (changed(subsets__some__size=True), "subsets.some.size: true should be a number"),
    "endless training": (changed(training__epochs=math.inf), "training.epochs: inf should be a finite number"),
    "no number": (changed(evaluation__generation={"top_p": math.nan}), "evaluation.generation.top_p: nan should be"),
    "text that ends a word": (changed(evaluation__system_prompt="a\0b"), "evaluation.system_prompt: the text holds a NUL"),
    "author that ends a word": (changed(authors=["a", "b\0"]), "authors: the text holds a NUL"),
    "unknown engine": (changed(evaluation__engine="vlm"), "evaluation.engine: 'vlm' should be 'vllm', 'transformers' or 'endpoint'"),
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
    assert experiment.arms() == ["limopro", "random-as-limopro", "limopro.unpruned", "some"]
    assert [run.name for run in experiment.runs()][:3] == ["limopro-t1", "limopro-t2", "random-as-limopro-t1"]
    by_name = {run.name: run for run in experiment.runs()}
    # Every training seed has its own draw of a control; a subset is one file for all seeds.
    assert by_name["random-as-limopro-t2"].draw == "random-as-limopro-t2" and by_name["limopro-t2"].draw == "limopro"
    assert {run.draw for run in experiment.runs()} == {draw.name for draw in experiment.draws()}
    assert experiment.evaluated_models() == ["base", *by_name]


def test_a_subset_is_trained_by_its_own_settings_and_its_controls_follow() -> None:
    experiment = load_experiment(changed(controls=["rows"], subsets__limopro__training={"learning_rate": 0.5}))
    plain, own = experiment.training, experiment.training_of("limopro")
    assert own.learning_rate == 0.5 and own.model_copy(update={"learning_rate": plain.learning_rate}) == plain
    assert experiment.training_of("some") == plain
    of = {draw.name: draw.subset for draw in experiment.draws()}
    trained = {run.arm: experiment.training_of(of[run.draw]).learning_rate for run in experiment.runs()}
    assert {arm for arm, rate in trained.items() if rate == 0.5} == set(experiment.arms()) - {"some"}
    assert experiment.subsets["limopro"].for_job() == load_experiment(MINIMAL).subsets["limopro"].for_job()


def test_a_subset_of_its_own_training_shares_no_control() -> None:
    """As many random rows, trained alike: the arm of a subset that is trained otherwise is another one."""
    alike = {"method": "limopro", "size": 100}
    subsets = {"one": alike, "two": alike, "fast": {**alike, "training": {"learning_rate": 0.5}}}
    experiment = load_experiment({**MINIMAL, "subsets": subsets, "controls": ["rows", "unpruned"]})
    against = experiment.references()
    assert against["one"]["rows"] == against["two"]["rows"] != against["fast"]["rows"]
    of = {draw.name: draw.subset for draw in experiment.draws()}
    fast = {run.arm for run in experiment.runs() if experiment.training_of(of[run.draw]).learning_rate == 0.5}
    assert fast == {"fast", *against["fast"].values()}


def test_what_is_kept_of_runs() -> None:
    experiment = load_experiment(changed(evaluation__checkpoints=[0.29, 1]))
    assert [kept.name for kept in experiment.kept_models()] == [f"{run.name}.at-29" for run in experiment.runs()]
    assert not load_experiment(MINIMAL).kept_models()


def test_a_sweep_stands_for_a_subset_a_ratio() -> None:
    config = changed(subsets__limopro__prune_ratio=[0.2, 0.29, 1], subsets__limopro__band=[0.5, 0.9], controls=["rows"])
    experiment = load_experiment(config)
    # They hold the same rows, so that one arm of random rows will do.
    assert experiment.arms() == ["limopro-p20", "random-as-limopro", "limopro-p29", "limopro-p100", "some"]
    assert experiment.scored_subsets() == ["limopro-p20", "limopro-p29", "limopro-p100"]
    swept = [experiment.subsets[name] for name in experiment.scored_subsets()]
    assert [subset.prune_ratio for subset in swept] == [0.2, 0.29, 1]
    # Nothing else differs, the seed of the draw of rows least of all.
    assert {subset.model_copy(update={"prune_ratio": 0.5}).model_dump_json() for subset in swept} == {
        Limopro(method="limopro", prune_ratio=0.5, band=(0.5, 0.9), drawn_as="limopro").model_dump_json()
    }
    assert "random-as-limopro-t2" in {draw.name for draw in experiment.draws()}
    # What the report reads is the expanded experiment, and stays as it is.
    assert Experiment.model_validate_json(experiment.model_dump_json()) == experiment


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("experiments/*.yaml")) + [ROOT / "config.yaml"], ids=lambda path: path.stem
)
def test_the_experiments_of_the_repository_are_valid(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    files = [benchmark["path"] for benchmark in config["evaluation"]["benchmarks"].values() if "path" in benchmark]
    files += [config["dataset"]["path"]] if config.get("dataset", {}).get("source") == "file" else []
    files += [config["model"]["name"]] if config["model"]["name"].endswith(".gguf") else []
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    (tmp_path / "report").symlink_to(ROOT / "report")
    (tmp_path / "experiments").mkdir(exist_ok=True)
    (tmp_path / "experiments" / "arena").symlink_to(ROOT / "experiments" / "arena")
    monkeypatch.chdir(tmp_path)
    assert isinstance(load_experiment(config), Experiment)


def test_a_gguf_file_is_a_model_without_a_revision_and_its_folder_is_none(tmp_path: Path) -> None:
    from scripts.common.config.model import Model, is_local

    file = tmp_path / "weights" / "Tiny-1B.Q4_1.GGUF"
    with pytest.raises(ValueError, match=r"there is no file '.*Tiny-1B"):
        Model(name=str(file))
    file.parent.mkdir()
    file.touch()
    assert Model(name=str(file)).revision is None and not is_local(str(file))
    lower = file.rename(file.with_suffix(".gguf"))
    with pytest.raises(ValueError, match=f"holds no model .*: name the file, '{lower}'"):
        Model(name=str(lower.parent))


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


def test_no_two_engines_share_a_key() -> None:
    """The keys stand side by side in the file: one name would have one default for both. `deterministic` has one."""
    keys = [key for engine in ENGINES.values() for key in engine.settings.model_fields if key != "deterministic"]
    assert len(set(keys)) == len(keys) and not set(keys) & set(Evaluation.__annotations__)


def test_a_job_of_evaluation_asks_for_the_gpus_that_a_model_is_spread_over() -> None:
    def gpus(wanted: int, **keys: Any) -> int:
        return load_experiment(changed(**keys)).evaluation.gpus(wanted)

    assert gpus(1) == 1 and gpus(1, evaluation__tensor_parallel=4) == 4 and gpus(8, evaluation__tensor_parallel=4) == 8
    assert gpus(1, evaluation__engine="transformers", evaluation__tensor_parallel=4) == 1
    endpoint = {"base_url": "http://h/v1"}
    assert gpus(1, evaluation__engine="endpoint", evaluation__endpoint=endpoint, evaluation__tensor_parallel=4) == 0


def test_a_new_key_of_an_engine_changes_no_command_that_does_not_use_it() -> None:
    """What a rule passes on is what it passed before there were deterministic, tensor_parallel and endpoint."""
    for engine, expected in {"transformers": {"batch_size": 64}, "vllm": {"gpu_memory_utilization": 0.9}}.items():
        evaluation = load_experiment(changed(evaluation__engine=engine)).evaluation
        settings = ENGINES[engine].settings_for(evaluation, "base", "owner/model")
        assert as_json(settings) == json.dumps(expected)
    assert as_json(evaluation.generation) == json.dumps({"temperature": 0.6, "top_p": 0.95, "max_new_tokens": 32768})


def test_a_served_model_needs_no_revision_and_no_folder() -> None:
    models = {"big": {"name": "/big", "served": True}}
    endpoint = {"base_url": "http://h/v1", "api": "chat"}
    config = changed(evaluation__engine="endpoint", evaluation__endpoint=endpoint, models=models)
    assert load_experiment(config).models["big"].served
