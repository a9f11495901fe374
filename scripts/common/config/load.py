"""From the experiment file to an `Experiment`, or to all of its mistakes at once, a sentence each."""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from scripts.common.cli import UserError
from scripts.common.config.experiment import Experiment
from scripts.common.config.selection import sweep_names

ACCELERATE = Path(__file__).resolve().parents[3] / "profiles" / "accelerate"


class ConfigError(UserError):
    """The experiment file has mistakes; the message lists each on a line of its own."""


def load_experiment(config: Mapping[str, Any]) -> Experiment:
    """Check the experiment file `config` (as YAML gives it) and return it as an `Experiment`.

    Raises ConfigError with one sentence per mistake, each naming its key.
    """
    mistakes = [] if not config else _dangling_references(config)
    experiment = None
    try:
        experiment = Experiment.model_validate(dict(config))
    except ValidationError as error:
        mistakes = [_sentence(detail) for detail in error.errors()] + mistakes
    if experiment is None or mistakes:
        heading = "the experiment file has a mistake" if len(mistakes) == 1 else "the experiment file has mistakes"
        raise ConfigError("\n  - ".join([f"{heading}:", *dict.fromkeys(mistakes)]))
    return experiment


def _sentence(detail: ErrorDetails) -> str:
    # Under a subset's name pydantic puts the method, which tells its keys and is none itself.
    parts = [part for i, part in enumerate(detail["loc"]) if not (detail["loc"][0] == "subsets" and i == 2)]
    key = ".".join(map(str, parts))
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown_key(key, detail["loc"])
    if kind == "missing":
        return f"{key}: this key is required"
    if kind == "value_error":
        return f"{key}: {context['error']}"
    if kind == "union_tag_not_found":
        return f"{key}: the key 'method' is required (random, limopro or all)"
    if kind == "union_tag_invalid":
        return f"{key}.method: '{context['tag']}' is not one of {context['expected_tags']}"
    message = detail["msg"].removeprefix("Input should be ")
    return f"{key}: {detail['input']!r} should be {message}"


def _unknown_key(key: str, location: tuple[int | str, ...]) -> str:
    allowed = _allowed_keys(location[:-1])
    near = difflib.get_close_matches(str(location[-1]), allowed, n=1)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    return f"{key}: unknown key{hint} (allowed here: {', '.join(allowed)})"


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    """Return the settings models inside an annotation such as dict[str, Benchmark] or Lora | None."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models_in(part)]


def _allowed_keys(location: tuple[int | str, ...]) -> list[str]:
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
    names = set(_mapping(config, "subsets"))
    for name in list(names):
        ratios = _mapping(config, "subsets", name).get("prune_ratio")
        if isinstance(ratios, list):
            names.update(sweep_names(name, [r for r in ratios if isinstance(r, int | float) and 0 <= r <= 1]))
    return names


def _dangling_references(config: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each name that nothing bears; works on the raw file, to see them beside other mistakes."""
    mistakes = []
    benchmarks = list(_mapping(config, "evaluation", "benchmarks"))
    against = _mapping(config, "pool", "decontaminate").get("against")
    for name in against if isinstance(against, list) else []:
        if name not in benchmarks:
            mistakes.append(
                f"pool.decontaminate.against: there is no benchmark '{name}' (there are: {', '.join(benchmarks)})"
            )
    models = ["base", *_mapping(config, "models")]
    baseline = _mapping(config, "report").get("baseline", "base")
    if baseline not in models:
        mistakes.append(f"report.baseline: there is no model '{baseline}' (there are: {', '.join(models)})")
    shared = sorted(_subset_names(config) & set(_mapping(config, "models")))
    for name in shared:
        mistakes.append(f"models.{name}: the name '{name}' is already a subset's")
    profiles = sorted(path.stem for path in ACCELERATE.glob("*.yaml"))
    profile = _mapping(config, "training").get("accelerate", "single")
    if profile not in profiles:
        mistakes.append(f"training.accelerate: there is no profile '{profile}' (there are: {', '.join(profiles)})")
    return mistakes
