"""From the experiment file to an `Experiment`, or to all of its mistakes at once, a sentence each."""

import datetime
import difflib
import reprlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from scripts.common.config.base import NOT_A_NUMBER
from scripts.common.config.experiment import Experiment
from scripts.common.config.reading import ConfigError, Document, Key, read_document
from scripts.common.config.selection import Subset
from scripts.select.methods import METHODS

ACCELERATE = Path(__file__).resolve().parents[3] / "profiles" / "accelerate"


_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxlist, _SHORT.maxstring, _SHORT.maxother = 3, 8, 80, 80


class Mistake(NamedTuple):
    """What is wrong with the value of a key."""

    key: Key
    what: str


def load_experiment(config: Mapping[str, Any], documents: Sequence[Document] = ()) -> Experiment:
    """Check the experiment `config` (as YAML gives it) and return it as an `Experiment`.

    Raises ConfigError with one sentence per mistake, each naming its key, and its line in the one of `documents`, the
    files that `config` was read from, that gives it.
    """
    mistakes = list(_dangling_references(config)) if config else []
    experiment = None
    try:
        experiment = Experiment.model_validate(dict(config))
    except ValidationError as error:
        mistakes = [_mistake(detail) for detail in error.errors()] + mistakes
    if experiment:
        for name, subset in experiment.subsets.items():
            mistakes += [Mistake(("subsets", name), what) for what in subset.misfits(experiment)]
            if subset.draws and not subset.by_chance():
                what = (
                    "draws: with these settings nothing is drawn, and every draw would hold the same rows: leave "
                    "draws out (training seeds tell how much the runs vary)"
                )
                mistakes.append(Mistake(("subsets", name), what))
    doubled = [sentence for document in documents for sentence in document.mistakes]
    if experiment is None or mistakes or doubled:
        raise ConfigError([*doubled, *(_sentence(mistake, config, documents) for mistake in mistakes)])
    return experiment


def read_experiment(path: Path) -> Experiment:
    """Read an experiment file. Raises ConfigError (its mistakes), UserError where it is no such file."""
    document = read_document(path)
    return load_experiment(document.config, [document])


def _sentence(mistake: Mistake, config: Mapping[str, Any], documents: Sequence[Document]) -> str:
    lines = [line for document in documents if (line := document.line(mistake.key, config))]
    # Of several files the last one that gives a key counts.
    return ".".join(map(str, mistake.key)) + (f" (line {lines[-1]})" if lines else "") + f": {mistake.what}"


def _mistake(detail: ErrorDetails) -> Mistake:
    # Under a subset's name pydantic puts the method, under the segmenter its kind, under `dataset` if it is a list:
    # they tell keys and are none themselves.
    tag = {"subsets": 2, "segmenter": 1, "dataset": 1}.get(str(detail["loc"][0]) if detail["loc"] else "")
    key = tuple(part for i, part in enumerate(detail["loc"]) if i != tag)
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        return Mistake(key, _unknown_key(detail["loc"]))
    if kind == "missing":
        return Mistake(key, "this key is required")
    if kind == NOT_A_NUMBER:
        return Mistake(
            (*key, context["key"]), f"{context['said']} should be a number (YAML reads yes, no, on and off so)"
        )
    if kind == "value_error":
        return Mistake(key, str(context["error"]))
    if kind == "union_tag_not_found":
        return Mistake(key, f"the key 'method' is required (one of {', '.join(METHODS)})")
    if kind == "union_tag_invalid":
        return Mistake((*key, "method"), f"'{context['tag']}' is not one of {context['expected_tags']}")
    given, message = _SHORT.repr(detail["input"]), detail["msg"]
    if kind == "string_type" and isinstance(detail["input"], bool | int | float | datetime.date):
        return Mistake(key, f"{detail['input']} should be a text: put it in quotes")
    if not message.startswith("Input should be "):
        return Mistake(key, f"{given}: {message[:1].lower()}{message[1:]}")
    return Mistake(key, f"{given} should be {message.removeprefix('Input should be ')}")


def _unknown_key(location: Key) -> str:
    allowed = _allowed_keys(location[:-1])
    near = difflib.get_close_matches(str(location[-1]), allowed, n=1)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    return f"unknown key{hint} (allowed here: {', '.join(allowed)})"


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    """Return the settings models inside an annotation such as dict[str, Benchmark] or Lora | None."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models_in(part)]


def _allowed_keys(location: Key) -> list[str]:
    models: list[type[BaseModel]] = [Experiment]
    for part in location:
        fields = [model.model_fields[str(part)] for model in models if str(part) in model.model_fields]
        if fields:
            models = [model for field in fields for model in _models_in(field.annotation)]
        elif tagged := [
            m for m in models if "method" in m.model_fields and part in get_args(m.model_fields["method"].annotation)
        ]:
            models = tagged
    return list(dict.fromkeys(key for model in models for key in model.model_fields))


def _mapping(config: Any, *keys: str) -> Mapping[str, Any]:
    for key in keys:
        config = config.get(key) if isinstance(config, Mapping) else None
    return config if isinstance(config, Mapping) else {}


def _subset_names(config: Mapping[str, Any]) -> set[str]:
    """Return the names of the subsets, and of those that sweeps stand for."""
    subsets = _mapping(config, "subsets")
    names = set(subsets)
    for name, settings in subsets.items():
        try:
            names.update(TypeAdapter(Subset).validate_python(settings).expand(name))
        except ValidationError:
            continue  # its mistakes are listed elsewhere
    return names


def _dangling_references(config: Mapping[str, Any]) -> Iterable[Mistake]:
    """Yield a mistake for each name that nothing bears; works on the raw file, to see them beside other mistakes."""
    benchmarks = list(map(str, _mapping(config, "evaluation", "benchmarks")))
    against = _mapping(config, "pool", "decontaminate").get("against")
    for name in against if isinstance(against, list) else []:
        if name not in benchmarks:
            what = f"there is no benchmark {_named(name)} (there are: {', '.join(benchmarks)})"
            yield Mistake(("pool", "decontaminate", "against"), what)
    choose_on = _mapping(config, "report").get("choose_on")
    targets = [*benchmarks, *map(str, _mapping(config, "report", "averages"))]
    if choose_on is not None and choose_on not in targets:
        what = f"there is no benchmark or average {_named(choose_on)} (there are: {', '.join(targets)})"
        yield Mistake(("report", "choose_on"), what)
    models = ["base", *map(str, _mapping(config, "models"))]
    baseline = _mapping(config, "report").get("baseline", "base")
    if baseline not in models:
        what = f"there is no model {_named(baseline)} (there are: {', '.join(models)})"
        yield Mistake(("report", "baseline"), what)
    for average, of in _mapping(config, "report", "averages").items():
        if average in benchmarks:
            yield Mistake(("report", "averages", average), f"the name '{average}' is already a benchmark's")
        for name in of if isinstance(of, list | Mapping) else ():
            if name not in benchmarks:
                what = f"there is no benchmark {_named(name)} (there are: {', '.join(benchmarks)})"
                yield Mistake(("report", "averages", average), what)
    for name in sorted(_subset_names(config) & set(_mapping(config, "models")), key=str):
        yield Mistake(("models", name), f"the name '{name}' is already a subset's")
    profiles = sorted(path.stem for path in ACCELERATE.glob("*.yaml"))
    profile = _mapping(config, "training").get("accelerate", "single")
    if profile not in profiles:
        what = f"there is no profile {_named(profile)} (there are: {', '.join(profiles)})"
        yield Mistake(("training", "accelerate"), what)


def _named(name: Any) -> str:
    return _SHORT.repr(name) if isinstance(name, str) else f"'{_SHORT.repr(name)}'"
