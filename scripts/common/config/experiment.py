"""The experiment file as a whole, and what follows from it: the subset files to draw and the runs to train."""

import datetime
from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from scripts.common.config.arms import (
    ControlArm,
    Draw,
    Run,
    check_draws,
    check_no_control,
    control_arms,
    draws_of,
    runs_of,
)
from scripts.common.config.base import Settings
from scripts.common.config.dataset import Dataset, Pool, Sources, check_sources
from scripts.common.config.evaluation import Evaluation
from scripts.common.config.kept import Kept, kept_models
from scripts.common.config.measures import Measure
from scripts.common.config.model import DATE, SECOND_SCORER, EvaluatedModel, Model, Scorer
from scripts.common.config.names import check_experiment_name, check_names
from scripts.common.config.publish import Publish
from scripts.common.config.report import Report
from scripts.common.config.resources import Resources
from scripts.common.config.segmenter import RULES, ModelSegmenter, Segmenter
from scripts.common.config.selection import Control, Subset, controls_in_words, expand_sweeps
from scripts.common.config.training import Training
from scripts.common.layout import Layout
from scripts.select.controls import CONTROLS
from scripts.select.methods.base import Band, Pruning


class Experiment(Settings):
    """An experiment: from one data set and one model to one report."""

    name: str
    """Names the result folder; two experiments never touch each other's files."""
    title: str
    """The report's title."""
    authors: Annotated[list[str], Field(min_length=1)] = ["sft-report"]
    """The report's authors."""
    seed: int = Field(default=1, ge=0, lt=2**32)
    """Seed of every draw that is not a training seed."""
    date: datetime.date = DATE
    """The date that every chat template which writes the day's date (Llama 3) writes, in training and evaluation alike:
    runs of different days see the same prompts."""
    dataset: Sources | None = None
    """Where the rows come from, one data set or a list of several (none: nothing is trained, `model` and `models` are
    evaluated and compared)."""
    pool: Pool = Pool()
    """Which rows are fit for training."""
    model: Model
    """The model that is fine-tuned; without a dataset the one that the others are held against."""
    models: dict[str, EvaluatedModel] = {}
    """More models that are evaluated and compared, without training."""
    segmenter: Segmenter = Field(
        default=RULES,
        description="What cuts chains into steps: rules, the trained rules that come with the project, or a language "
        "model.",
    )
    scorer: Scorer = Scorer()
    """The model that scores steps."""
    subsets: dict[str, Subset] = Field(default={}, validate_default=True)
    """The selections by name, of the dataset. A sweep (see prune_ratio) stands for several."""
    controls: list[Control] = Field(default=["rows", "unpruned"], description=controls_in_words())
    training: Training = Training()
    """Fine-tuning."""
    evaluation: Evaluation
    """Benchmarks and generation."""
    report: Report = Report()
    """What the report compares."""
    publish: Publish | None = None
    """Where the target `publish` pushes models and training sets (default: nowhere)."""
    cache_dir: Annotated[str, Field(min_length=1)] = "work/cache"
    """Where answers and scored chains are kept by content: none is computed twice, and experiments that name one folder
    share them."""
    resources: Resources = Resources()
    """What jobs may take."""

    @field_validator("name")
    @classmethod
    def _name_is_plain(cls, name: str) -> str:
        check_experiment_name(name)
        return name

    @field_validator("dataset")
    @classmethod
    def _sources_fit_together(cls, dataset: Dataset | list[Dataset] | None) -> Dataset | list[Dataset] | None:
        if dataset is not None:
            check_sources(dataset)
        return dataset

    @field_validator("subsets", "models")
    @classmethod
    def _names_are_plain(cls, named: dict[str, object]) -> dict[str, object]:
        check_names("subset or model", named)
        if "base" in named:
            raise ValueError("the name 'base' is taken by the experiment's own model")
        return named

    @field_validator("scorer")
    @classmethod
    def _no_shard_is_empty(cls, scorer: Scorer, info: ValidationInfo) -> Scorer:
        # How many rows are scored is known only from the file; fewer may enter the pool.
        limits = [
            getattr(info.data.get(key), name, None) for key, name in (("dataset", "limit"), ("pool", "score_rows"))
        ]
        rows = min((limit for limit in limits if limit), default=scorer.shards)
        if rows < scorer.shards:
            raise ValueError(f"{scorer.shards} shards are more than the {rows} rows that are scored at most")
        return scorer

    @field_validator("models")
    @classmethod
    def _scorer_is_no_other_model(cls, models: dict[str, EvaluatedModel]) -> dict[str, EvaluatedModel]:
        for name in ("scorer", SECOND_SCORER):
            if name in models:
                raise ValueError(f"the name '{name}' is taken by a model that scores steps")
        return models

    @field_validator("subsets")
    @classmethod
    def _something_is_compared(cls, subsets: dict[str, Subset], info: ValidationInfo) -> dict[str, Subset]:
        if "dataset" in info.data and bool(info.data["dataset"]) != bool(subsets):
            raise ValueError("a dataset needs subsets and subsets need a dataset; to evaluate only, leave out both")
        if "models" in info.data and not subsets and not info.data["models"]:
            raise ValueError("there is nothing to compare: name a dataset and subsets of it, or other models")
        return subsets

    @field_validator("subsets", "models")
    @classmethod
    def _names_are_no_controls(cls, named: dict[str, object]) -> dict[str, object]:
        check_no_control(named)
        return named

    @field_validator("subsets")
    @classmethod
    def _sweeps_are_expanded(cls, subsets: dict[str, Subset]) -> dict[str, Subset]:
        expanded = expand_sweeps(subsets)
        check_draws(expanded)
        return expanded

    @field_validator("evaluation")
    @classmethod
    def _served_models_only_answer(cls, evaluation: Evaluation, info: ValidationInfo) -> Evaluation:
        models = {"model": info.data.get("model")} | {f"models.{n}": m for n, m in info.data.get("models", {}).items()}
        served = [name for name, model in models.items() if model and model.served]
        if served and not evaluation.takes_messages():
            raise ValueError(f"{served[0]} is served, which takes the engine endpoint with endpoint.api: chat")
        if "model" in served and info.data.get("dataset"):
            raise ValueError("model is served: what is behind an endpoint cannot be fine-tuned here")
        return evaluation

    @field_validator("scorer")
    @classmethod
    def _scorer_is_here(cls, scorer: Scorer) -> Scorer:
        if any(model and model.served for model in (scorer.model, scorer.second)):
            raise ValueError("the scorer cannot be served: its likelihoods are computed here")
        return scorer

    @field_validator("training")
    @classmethod
    def _subsets_can_be_trained(cls, training: Training, info: ValidationInfo) -> Training:
        for name, subset in info.data.get("subsets", {}).items():
            try:
                training.of_subset(subset.training)
            except ValueError as error:
                raise ValueError(f"with subsets.{name}.training: {error}") from error
        return training

    @field_validator("controls")
    @classmethod
    def _controls_differ(cls, controls: list[Control]) -> list[Control]:
        if len(set(controls)) != len(controls):
            raise ValueError(f"the controls {controls} name one twice")
        return controls

    def segmenting_model(self) -> ModelSegmenter | None:
        """Return the language model that cuts chains into steps, None where rules do."""
        return None if isinstance(self.segmenter, str) else self.segmenter

    def sources(self) -> list[Dataset]:
        """Return the sources of the data set; none where nothing is trained."""
        return self.dataset if isinstance(self.dataset, list) else [self.dataset] if self.dataset else []

    def is_demo_data(self) -> bool:
        """Whether the rows are made by the demo's generator."""
        return any(source.source == "demo" for source in self.sources())

    def subset_controls(self, subset: str) -> list[Control]:
        """Return the controls of a subset: none that draw other rows of a method without, none of whole chains that
        are those of pruned ones."""
        settings = self.subsets[subset]
        whole = settings.pruning() is None
        return [
            name
            for name in self.controls
            if (settings.controlled or CONTROLS[name].of_pruned) and not (whole and CONTROLS[name].of_pruned)
        ]

    def scored_subsets(self) -> list[str]:
        """Return the subsets that need the steps' scores."""
        return [name for name, subset in self.subsets.items() if "scores" in subset.inputs(Layout(self.name), name)]

    def second_scorer(self) -> EvaluatedModel | None:
        """Return the model that scores the steps as well, where steps are scored and there is one."""
        return self.scorer.second if self.scored_subsets() else None

    def cut_subsets(self) -> list[str]:
        """Return the subsets that need chains cut into steps."""
        return [name for name, subset in self.subsets.items() if "steps" in subset.inputs(Layout(self.name), name)]

    def pruned_subsets(self) -> dict[str, Pruning]:
        """Return the subsets whose chains lose steps, and how."""
        return {name: how for name, subset in self.subsets.items() if (how := subset.pruning())}

    def bands(self) -> dict[str, Band]:
        """Return the subsets that are drawn from a band of the scored rows, and the bands."""
        return {name: band for name, subset in self.subsets.items() if (band := subset.draws_from())}

    def control_arms(self) -> dict[str, dict[str, ControlArm]]:
        """Return the arms that each subset is held against, by subset and control."""
        return control_arms(self.subsets, {name: self.subset_controls(name) for name in self.subsets})

    def references(self) -> dict[str, dict[str, str]]:
        """Return the names of the arms that each subset is held against, by subset and control."""
        return {name: {c: arm.name for c, arm in arms.items()} for name, arms in self.control_arms().items()}

    def sweeps(self) -> list[list[str]]:
        """Return the subsets of each sweep."""
        found: dict[str, list[str]] = {}
        for name, pruning in self.pruned_subsets().items():
            if pruning.sweep:
                found.setdefault(pruning.sweep, []).append(name)
        return [names for names in found.values() if len(names) > 1]

    def primary_target(self) -> str | None:
        """Return what methods are held against random rows on first: the first named average, or the only benchmark.

        None where there are several benchmarks and no average of them, or no such control.
        """
        if not any("rows" in of for of in self.references().values()):
            return None
        benchmarks = list(self.evaluation.benchmarks)
        return next(iter(self.report.averages), benchmarks[0] if len(benchmarks) == 1 else None)

    def measures(self) -> dict[str, Measure]:
        """Return what models find out about rows before methods choose, by the key that names its table."""
        every = (measure for subset in self.subsets.values() for measure in subset.measures().values())
        return {measure.key(): measure for measure in every}

    def measuring_models(self) -> dict[str, EvaluatedModel]:
        """Return the models that only measures use, by what the graph calls them."""
        named = ((measure.model_name(), measure.own_model()) for measure in self.measures().values())
        return {name: model for name, model in named if model}

    def draws(self) -> list[Draw]:
        """Return every subset file: one per subset, one per control and training seed; or one per draw of either."""
        return draws_of(self.subsets, self.control_arms(), self.training.seeds)

    def files_of(self, subset: str) -> list[str]:
        """Return the names of a subset's files: its own, or those of its draws."""
        return [draw.name for draw in self.draws() if draw.arm == subset]

    def has_draws(self) -> bool:
        """Whether the luck of a selection is measured: some subset is drawn several times."""
        return any(subset.draws for subset in self.subsets.values())

    def arms(self) -> list[str]:
        """Return what is trained: every subset, followed by those of its controls that did not come before."""
        return list(dict.fromkeys(arm for name, of in self.references().items() for arm in (name, *of.values())))

    def runs(self) -> list[Run]:
        """Return every fine-tuning run: each draw of each arm with each training seed."""
        return runs_of(self.arms(), self.draws(), self.training.seeds)

    def training_of(self, subset: str) -> Training:
        """Return the settings of training of a subset and of the controls that are its own."""
        return self.training.of_subset(self.subsets[subset].training)

    def kept_models(self) -> list[Kept]:
        """Return what is evaluated of every run before its end."""
        return kept_models(self.runs(), self.evaluation.percents())

    def decontaminated_benchmarks(self) -> list[str]:
        """Return the benchmarks whose questions are taken out of the pool."""
        against = self.pool.decontaminate.against
        return list(self.evaluation.benchmarks) if against is None else against

    def late_benchmarks(self) -> list[str]:
        """Return the benchmarks that came after the training data were fixed: their overlap is counted, not removed."""
        return [name for name in self.evaluation.benchmarks if name not in self.decontaminated_benchmarks()]

    def evaluated_models(self) -> list[str]:
        """Return every model that is evaluated: base, those of `models`, then the runs."""
        return ["base", *self.models, *(run.name for run in self.runs())]
