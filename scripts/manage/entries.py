"""Finished experiments as entries of one leaderboard: what each scored, and what must be the same to compare them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, Field, ValidationError

from scripts.common.cli import UserError
from scripts.common.config.report import Scoring
from scripts.common.provenance import refuse_edited
from scripts.compare.labels import control_of, is_control, listed
from scripts.report.plain import model_label
from scripts.select.controls import CONTROLS

ANSWERS = "compare/answers.parquet"
MEAN = "mean"
"""What the mean of all benchmarks is called, where no experiment names an average."""


class _Arm(BaseModel):
    """What is read of a row of the table `arms`."""

    arm: str
    benchmark: str
    trained: bool
    runs: int
    score: float = Field(ge=0, le=1, allow_inf_nan=False)
    output_tokens: float = Field(ge=0, allow_inf_nan=False)


class _Hours(BaseModel):
    arm: str
    gpu_hours: float | None


class _Tables(BaseModel):
    arms: list[_Arm]
    training_arms: list[_Hours] = []


class _Provenance(BaseModel):
    judge: Any
    artefacts: dict[str, dict[str, Any]]


class _Evaluation(BaseModel):
    system_prompt: Any
    max_model_length: Any
    generation: dict[str, Any]
    benchmarks: dict[str, dict[str, Any]]


class _Report(BaseModel):
    primary_metric: Any
    averages: dict[str, Any]


class _Experiment(BaseModel):
    name: str
    model: dict[str, Any]
    models: dict[str, dict[str, Any]]
    subsets: dict[str, dict[str, Any]]
    evaluation: _Evaluation
    report: _Report


class _Results(BaseModel):
    """What is read of a results.json; what else it has does not matter."""

    experiment: _Experiment
    tables: _Tables
    provenance: _Provenance


class Finished(NamedTuple):
    """A finished experiment: its folder and its results.json."""

    folder: Path
    found: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.found["experiment"]["name"])

    @property
    def answers(self) -> Path | None:
        """The experiment's answers, where they are at hand."""
        path = self.folder / ANSWERS
        return path if path.is_file() else None

    @property
    def questions(self) -> dict[str, Path]:
        """The files of questions that are at hand, by benchmark."""
        names = self.found["experiment"]["evaluation"]["benchmarks"]
        files = {name: self.folder / f"data/benchmarks/{name}/test.jsonl" for name in names}
        return {name: file for name, file in files.items() if file.is_file()}


class Entry(NamedTuple):
    """One line of the leaderboard: an arm of an experiment, or a model that was only evaluated."""

    experiment: str
    arm: str
    model: str
    """What people call the model."""
    trained: bool
    runs: int
    random: bool
    """Whether it learnt from random rows: such entries make the band, and have no rank."""
    scores: dict[str, dict[str, Any]]
    """The rows of the table `arms` by benchmark."""
    gpu_hours: float | None
    """Of all its training runs; None where nothing was trained."""
    source: tuple[str, str | None]
    """The model's name and revision in its experiment: of a trained arm those of what was trained."""
    run_df: int
    """Degrees of freedom of the variance between its experiment's runs."""

    @property
    def key(self) -> str:
        return f"{self.experiment}/{self.arm}"

    @property
    def tokens(self) -> float:
        """Mean length of an answer, over benchmarks."""
        return sum(float(row["output_tokens"]) for row in self.scores.values()) / len(self.scores)

    @property
    def level(self) -> str:
        """What its printed standard errors speak of: the method, or these runs only."""
        levels = [str(row.get("level", "method")) for row in self.scores.values()]
        return "these runs" if "these runs" in levels else "method"

    @property
    def df(self) -> int:
        """Degrees of freedom of its printed standard errors: the fewer of the questions' and the runs'."""
        questions = min(int(row["n_questions"]) for row in self.scores.values()) - 1
        return min(questions, self.run_df) if self.trained and self.level == "method" else questions


def _where(error: ValueError) -> str:
    """Return which key is not as it should be, where it is known."""
    place = error.errors()[0]["loc"] if isinstance(error, ValidationError) else ()
    return f" ({'.'.join(map(str, place))})" if place else ""


def read(folders: Iterable[Path]) -> list[Finished]:
    """Read the results.json of each experiment's folder. Raises UserError for one that has none or is of another form.

    Folders of experiments that are not finished are refused by name: a leaderboard without them would be another one.
    """
    found = []
    for folder in folders:
        file = folder / "report/results.json"
        if not file.is_file():
            raise UserError(f"'{folder}' holds no report/results.json: run that experiment to its end, or leave it out")
        refuse_edited([file, folder / ANSWERS])
        try:
            results = json.loads(file.read_text(encoding="utf-8"))
            arms = _Results.model_validate(results).tables.arms
        except ValueError as error:
            what = f"'{file}' is damaged or from an earlier version{_where(error)}"
            raise UserError(f"{what}: make it again (snakemake --force {file})") from error
        if len({(row.arm, row.benchmark) for row in arms}) < len(arms):
            raise UserError(f"'{file}' has two rows of one arm and benchmark: make it again (snakemake --force {file})")
        found.append(Finished(folder, results))
    names = [one.name for one in found]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UserError(f"two experiments are called '{twice[0]}': a leaderboard names its entries by experiment")
    return found


def weights_of(experiments: Sequence[Finished], average: str | None) -> tuple[str, dict[str, float]]:
    """Return what is ranked by: a named average (the first that any experiment names, unless one is asked for), else
    the mean of all benchmarks of the first experiment. Name, and weights by benchmark that sum to 1."""
    named: dict[str, dict[str, float]] = {}
    for one in experiments:
        report = one.found["experiment"]["report"]
        scoring = Scoring(primary_metric=report["primary_metric"], averages=report["averages"])
        for name, weights in scoring.weights().items():
            if named.setdefault(name, weights) != weights:
                raise UserError(f"the average '{name}' has other benchmarks or weights in '{one.name}' than before it")
    if average is None and not named:
        names = list(experiments[0].found["experiment"]["evaluation"]["benchmarks"])
        return MEAN, {name: 1 / len(names) for name in names}
    chosen = average or next(iter(named))
    if chosen not in named:
        raise UserError(f"no experiment has an average '{chosen}' (report.averages); there are: {listed(list(named))}")
    return chosen, named[chosen]


def conditions(one: Finished, benchmarks: Iterable[str]) -> dict[str, str]:
    """Return what two experiments must share to be compared on these benchmarks, each by what people call it."""
    experiment, provenance = one.found["experiment"], one.found["provenance"]
    evaluation = experiment["evaluation"]
    values: dict[str, Any] = {
        "the judge": provenance["judge"],
        "report.primary_metric": experiment["report"]["primary_metric"],
        "evaluation.system_prompt": evaluation["system_prompt"],
        "evaluation.max_model_length": evaluation["max_model_length"],
    }
    # What an earlier version did not know is not set.
    given = {key: value for key, value in evaluation["generation"].items() if value is not None}
    values |= {f"evaluation.generation.{key}": value for key, value in given.items()}
    for name in benchmarks:
        asked = evaluation["benchmarks"].get(name)
        artefact = provenance["artefacts"].get(f"data/benchmarks/{name}/test.jsonl", {})
        # Questions of which no hash is known are not known to be the same.
        values[f"the questions of {name}"] = asked and (artefact.get("sha256") or f"unknown in {one.name}")
        values[f"the kind of {name}"] = asked and asked["kind"]
        values[f"the samples of {name}"] = asked and asked["samples"]
    return {key: json.dumps(value, ensure_ascii=False) for key, value in values.items()}


def differing(a: Mapping[str, str], b: Mapping[str, str]) -> list[str]:
    """Return what differs between two experiments' conditions, in words: 'temperature (0.6 and 1.0)'."""
    found = []
    for key in {**a, **b}:
        one, other = (side.get(key, "null") for side in (a, b))
        if one == other:
            continue
        hidden = key.startswith(("the judge", "the questions of ")) or max(len(one), len(other)) > 30
        if "null" in (one, other) and key.startswith("the questions of "):
            found.append(f"{key} (not asked in one of them)")
        elif not key.startswith(("the kind of ", "the samples of ")) or "null" not in (one, other):
            told = ["not set" if value == "null" else value for value in (one, other)]
            found.append(key if hidden else f"{key} ({told[0]} and {told[1]})")
    return found


def compatible(experiments: Sequence[Finished], benchmarks: Sequence[str]) -> list[list[Finished]]:
    """Return the experiments in groups that may be compared, the largest first (of equal ones the one met first)."""
    groups: dict[tuple[tuple[str, str], ...], list[Finished]] = {}
    for one in experiments:
        groups.setdefault(tuple(conditions(one, benchmarks).items()), []).append(one)
    return sorted(groups.values(), key=len, reverse=True)


def entries_of(one: Finished, benchmarks: Sequence[str]) -> list[Entry]:
    """Return an experiment's entries: what was evaluated on all of the benchmarks. Controls other than random rows are
    in its own report only."""
    tables, experiment = one.found["tables"], one.found["experiment"]
    hours = {row["arm"]: row["gpu_hours"] for row in tables.get("training_arms", [])}
    rows: dict[str, dict[str, dict[str, Any]]] = {}
    for row in tables["arms"]:
        rows.setdefault(row["arm"], {})[row["benchmark"]] = row
    run_df = sum(int(own[benchmarks[0]]["runs"]) - 1 for own in rows.values() if _is_run(own, benchmarks[0]))
    found = []
    for arm, scores in rows.items():
        random = is_random(arm, experiment)
        if (is_control(arm) and not random) or not set(benchmarks) <= set(scores):
            continue
        first = scores[benchmarks[0]]
        own = experiment["models"].get(arm, experiment["model"])
        own_scores = {name: scores[name] for name in benchmarks}
        label, source = model_label(own["name"]), (own["name"], own.get("revision"))
        trained, runs = bool(first["trained"]), int(first["runs"])
        found.append(Entry(one.name, arm, label, trained, runs, random, own_scores, hours.get(arm), source, run_df))
    return found


def _is_run(rows: Mapping[str, Mapping[str, Any]], benchmark: str) -> bool:
    """Whether an arm was trained, and evaluated on a benchmark."""
    return benchmark in rows and bool(rows[benchmark]["trained"])


def is_random(arm: str, experiment: Mapping[str, Any]) -> bool:
    """Whether an arm learnt from random rows: a subset of that method, or a control that draws rows."""
    if arm in experiment["subsets"]:
        return bool(experiment["subsets"][arm].get("method") == "random")
    known = CONTROLS.get(control_of(arm))
    return arm not in experiment["models"] and known is not None and not known.of_pruned
