"""The experiment file as a whole, and what follows from it: the subset files to draw and the runs to train."""

from typing import Annotated, NamedTuple

from pydantic import Field, ValidationInfo, field_validator

from scripts.common.config.base import Settings
from scripts.common.config.dataset import Dataset, Pool
from scripts.common.config.evaluation import Evaluation
from scripts.common.config.model import EvaluatedModel, Model, Scorer
from scripts.common.config.names import check_experiment_name, check_names
from scripts.common.config.publish import Publish
from scripts.common.config.report import Report
from scripts.common.config.resources import Resources
from scripts.common.config.selection import All, Control, Limopro, Random, Subset, expand_sweeps
from scripts.common.config.training import Training


class Draw(NamedTuple):
    """One subset file: a subset itself, or a control of it drawn for one training seed."""

    name: str
    """Stem of the file under select/subsets/."""
    subset: str
    """The subset in the config."""
    control: str | None
    """The control, or None for the subset itself."""
    training_seed: int | None
    """The training seed that a control is drawn for, or None."""


class Run(NamedTuple):
    """One fine-tuning run."""

    name: str
    """{arm}-t{seed}, the folder under train/ and the model's name under evaluate/."""
    arm: str
    """What its training data is called in the tables: {subset} or {subset}.{control}."""
    draw: str
    """The subset file that it is trained on."""
    seed: int
    """Training seed."""


class Experiment(Settings):
    """An experiment: from one data set and one model to one report."""

    name: str
    """Names the result folder; two experiments never touch each other's files."""
    title: str
    """The report's title."""
    authors: Annotated[list[str], Field(min_length=1)] = ["sft-report"]
    """The report's authors."""
    seed: int = Field(default=1, ge=0)
    """Seed of every draw that is not a training seed."""
    dataset: Dataset | None = None
    """Where the rows come from (none: nothing is trained, `model` and `models` are evaluated and compared)."""
    pool: Pool = Pool()
    """Which rows are fit for training."""
    model: Model
    """The model that is fine-tuned; without a dataset the one that the others are held against."""
    models: dict[str, EvaluatedModel] = {}
    """More models that are evaluated and compared, without training."""
    scorer: Scorer = Scorer()
    """The model that scores steps."""
    subsets: dict[str, Subset] = Field(default={}, validate_default=True)
    """The selections by name, of the dataset. A sweep (see prune_ratio) stands for several."""
    controls: list[Control] = ["rows", "unpruned"]
    """What every subset that is not random or all is held against: rows, as many random rows; tokens, random rows up
    to as many tokens; unpruned, the same rows whole; random_prune, the same rows with as many functional steps per
    pattern left out at random."""
    training: Training = Training()
    """Fine-tuning."""
    evaluation: Evaluation
    """Benchmarks and generation."""
    report: Report = Report()
    """What the report compares."""
    publish: Publish | None = None
    """Where the target `publish` pushes models and training sets (default: nowhere)."""
    resources: Resources = Resources()
    """What jobs may take."""

    @field_validator("name")
    @classmethod
    def _name_is_plain(cls, name: str) -> str:
        check_experiment_name(name)
        return name

    @field_validator("subsets", "models")
    @classmethod
    def _names_are_plain(cls, named: dict[str, object]) -> dict[str, object]:
        check_names("subset or model", named)
        if "base" in named:
            raise ValueError("the name 'base' is taken by the experiment's own model")
        return named

    @field_validator("subsets")
    @classmethod
    def _something_is_compared(cls, subsets: dict[str, Subset], info: ValidationInfo) -> dict[str, Subset]:
        if "dataset" in info.data and bool(info.data["dataset"]) != bool(subsets):
            raise ValueError("a dataset needs subsets and subsets need a dataset; to evaluate only, leave out both")
        if "models" in info.data and not subsets and not info.data["models"]:
            raise ValueError("there is nothing to compare: name a dataset and subsets of it, or other models")
        return subsets

    @field_validator("subsets")
    @classmethod
    def _sweeps_are_expanded(cls, subsets: dict[str, Subset]) -> dict[str, Subset]:
        return expand_sweeps(subsets)

    @field_validator("controls")
    @classmethod
    def _controls_differ(cls, controls: list[Control]) -> list[Control]:
        if len(set(controls)) != len(controls):
            raise ValueError(f"the controls {controls} name one twice")
        return controls

    def subset_controls(self, subset: str) -> list[Control]:
        """Return the controls of a subset: none for random and all."""
        return [] if isinstance(self.subsets[subset], All | Random) else self.controls

    def scored_subsets(self) -> list[str]:
        """Return the subsets that need the steps' scores."""
        return [name for name, subset in self.subsets.items() if isinstance(subset, Limopro)]

    def draws(self) -> list[Draw]:
        """Return every subset file: one per subset, one per control and training seed."""
        draws = [Draw(name, name, None, None) for name in self.subsets]
        for name in self.subsets:
            for control in self.subset_controls(name):
                for seed in self.training.seeds:
                    draws.append(Draw(f"{name}.{control}-t{seed}", name, control, seed))
        return draws

    def arms(self) -> list[str]:
        """Return what is trained: every subset, followed by its controls."""
        return [
            arm
            for name in self.subsets
            for arm in (name, *(f"{name}.{control}" for control in self.subset_controls(name)))
        ]

    def runs(self) -> list[Run]:
        """Return every fine-tuning run: each arm with each training seed."""
        return [
            Run(f"{arm}-t{seed}", arm, arm if arm in self.subsets else f"{arm}-t{seed}", seed)
            for arm in self.arms()
            for seed in self.training.seeds
        ]

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
