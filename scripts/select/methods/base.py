"""What every selection method is: a group of settings that knows what follows from them.

docs/extending.md shows how to write one. Heavy packages are imported inside `select`: planning loads every method.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

from pydantic import Field

from scripts.common.cli import UserError
from scripts.common.config.base import Settings
from scripts.common.config.measures import WHO_MEASURES, Measure
from scripts.common.config.training import SubsetTraining
from scripts.common.layout import FILES, Layout
from scripts.select.among import AMONG
from scripts.select.selection import Selection, Source

if TYPE_CHECKING:
    import polars as pl

    from scripts.common.config.experiment import Experiment

PRUNED = "scripts/select/pruned.py"
"""What `prune` of a subset runs."""
STEPS_SCORED = ("steps", "scores", "samples")
"""What it reads."""


class Pruning(NamedTuple):
    """How steps are left out."""

    ratio: float
    """Share of the functional steps that go, in each chain and pattern."""
    sweep: str | None
    """The sweep that the subset is part of."""


class Band(NamedTuple):
    """Which of the scored rows a method draws from."""

    sample_score: str
    """The column of the table `samples` that the band is taken on."""
    band: tuple[float, float]
    """Its quantiles, the lower one first."""


class Prune(Settings):
    """LIMOPro's pruning of whatever rows were chosen: the steps that the answer feels least are left out."""

    ratio: float = Field(gt=0, le=1)
    """Share of a chain's functional steps that is removed, for each pattern, those with the lowest PIR first."""


class Method(Settings, ABC):
    """A way to choose rows of the clean pool; its keys are those of a subset in the experiment file."""

    needs: ClassVar[tuple[str, ...]] = ()
    """The files that `select` reads beside the clean pool, by their names in the layout. A path that holds {subset} is
    a file of the subset's own."""
    controlled: ClassVar[bool] = True
    """Whether its subsets are held against controls that draw other rows."""

    prune: Prune | None = None
    """Leave out steps of the chosen rows as LIMOPro does (default: chains stay whole). The steps are scored for it. A
    row without scored steps (see pool.score_rows) stays whole, and the report counts such rows."""

    training: SubsetTraining | None = None
    """Settings of training that this subset has otherwise than the experiment; its controls follow, and are its own."""

    draws: int | None = Field(default=None, ge=2)
    """How many times the rows are drawn, each draw trained with every training seed (runs {subset}-d{draw}-t{seed}),
    and its controls as often: the draw is then what a verdict counts, so that it speaks of the selection and not of one
    draw. Default: the subset is drawn once for all training seeds, and random rows anew for every seed, so that the
    luck of their draw and of their training is one."""

    @abstractmethod
    def select(self, source: Source, name: str, seed: int) -> Selection:
        """Return what the subset `name` holds; `seed` is the experiment's."""

    def measures(self) -> Mapping[str, Measure]:
        """Return what models have to find out about rows before `select`, by the names that it reads the tables under
        (one of `OPTIONS`); none for most."""
        return {}

    def strata(self) -> str | None:
        """Return the column of the pool within whose values rows are drawn, None for a draw from all at once."""
        return None

    def among(self) -> str | None:
        """Return which rows it could take, as a name in AMONG ('': every clean row): what subsets that share a control
        have in common. None: only its own `unfit` says, and its controls are its own."""
        return "" if type(self).unfit is Method.unfit else None

    def exact_rows(self) -> int | None:
        """Return how many rows it selects, where that is known before any file is read: its key `size`. A method with
        that key selects as many or raises UserError, since its random control is drawn without it."""
        return getattr(self, "size", None)

    def by_chance(self) -> bool:
        """Return whether another seed would select other rows, ties aside: what `draws` takes."""
        return False

    def drawn_by(self, name: str) -> str:
        """Return the name that seeds its draw of rows: that of the subset, or of a sweep."""
        return getattr(self, "drawn_as", None) or name

    def rows_settings(self) -> dict[str, Any]:
        """Return the settings that decide which rows it holds: all but those of pruning and of the draw's name."""
        return self.model_dump(exclude={"prune", "prune_ratio", "drawn_as"})

    def unfit(self, source: Source) -> "pl.DataFrame | None":
        """Return (id, reason) of the clean rows that the method cannot take, for want of what it needs of a row; None
        where it could take every row. What it may take and does not choose is not among them."""
        find = AMONG[self.among() or ""].unfit
        return find(source) if find else None

    def candidates(self, source: Source) -> "pl.DataFrame":
        """Return the table `candidates`: every clean row with its stratum, and why it cannot be taken, if it cannot.

        Raises UserError where no row has what it is to be drawn by.
        """
        import polars as pl

        column, unfit = self.strata(), self.unfit(source)
        rows = source.pool("id", *([column] if column else []))
        if column and rows[column].null_count() == len(rows):
            raise UserError(f"stratify: {column}: no row of the clean pool has a {column}; leave the key out")
        stratum = pl.col(column).fill_null("none") if column else pl.lit(None, pl.String)
        rows = rows.select("id", stratum=stratum)
        if unfit is None:
            return rows.with_columns(reason=pl.lit(None, pl.String))
        return rows.join(unfit.select("id", "reason"), on="id", how="left", maintain_order="left")

    @abstractmethod
    def describe(self) -> str:
        """Return in words how rows were chosen, as sentences of Markdown for data set cards and the report."""

    @abstractmethod
    def expected_rows(self, clean: float, scored: float) -> float:
        """Return how many rows the subset will hold, of so many clean and scored ones: an estimate for the plan."""

    def pruning(self) -> Pruning | None:
        """Return how steps are left out, None where chains stay whole."""
        return Pruning(self.prune.ratio, None) if self.prune else None

    def draws_from(self) -> Band | None:
        """Return the band of scored rows that the subset is drawn from, None where there is not one for all of them."""
        return None

    def expand(self, name: str) -> "Mapping[str, Method]":
        """Return the subsets that a subset called `name` stands for: itself, or the parts of a sweep."""
        return {name: self}

    def inputs(self, paths: Layout, name: str) -> dict[str, Any]:
        """Return the files that drawing the subset `name` reads beside the clean pool, by option: those of `needs`,
        the scores of steps where it prunes, and what models measure for it."""
        needed = dict.fromkeys((*self.needs, *(STEPS_SCORED if self.prune else ())))
        files = {need: paths.path(need, **({"subset": name} if "{subset}" in FILES[need] else {})) for need in needed}
        measured = {option: paths.path(one.file, asked=one.key()) for option, one in self.measures().items()}
        return files | measured

    def own_file(self) -> str | None:
        """Return the path of the user's own file that `select` reads as `source.path("file")`, None for none. It is the
        value of the key `file`, and enters the job by its content."""
        return getattr(self, "file", None)

    def for_job(self, file: str = "(given by --file)") -> "Method":
        """Return the settings as a job of selection gets them: where the user's own file lies is no setting of it, nor
        which model has made a table that it reads, and how the subset is trained changes nothing of what it holds."""
        other = dict.fromkeys(name for name in WHO_MEASURES if self.measures() and name in type(self).model_fields)
        own = {"file": file} if self.own_file() else {}
        return self.model_copy(update={"training": None, "draws": None, **other, **own})

    def for_card(self) -> "Method":
        """Return the settings as others may read them: of the user's own file just the name."""
        return self.for_job(Path(self.own_file() or "").name)

    def misfits(self, experiment: "Experiment") -> Iterable[str]:
        """Return what is wrong with the settings beside the others of the experiment, or with the user's own file: a
        sentence each. They are told before any job starts."""
        return ()

    def in_words(self) -> str:
        """Return in words how the subset was made: `describe`, and how it was pruned."""
        if not self.prune:
            return self.describe()
        return (
            f"{self.describe()} Then, in each chain whose steps were scored, the share {self.prune.ratio:g} of the "
            "functional steps of each pattern, those whose absence the answer feels least, was removed "
            "([2505.19187](https://arxiv.org/abs/2505.19187))."
        )

    @classmethod
    def module_file(cls) -> str:
        """Return the method's own file, from the project's root."""
        return f"{cls.__module__.replace('.', '/')}.py"

    def code(self) -> list[str]:
        """Return the files whose code draws the subset, from the project's root."""
        return [self.module_file(), *([PRUNED] if self.prune else [])]


class Stratified(Method):
    """A method that can draw its rows within the values of a column."""

    stratify: Literal["category", "source"] | None = None
    """Draw rows of each category (or source) in proportion to how many there are, exactly; controls hold as many of
    each. Default: a draw from all rows at once."""

    def strata(self) -> str | None:
        return self.stratify

    def within(self) -> str:
        """Return the words that say so, to follow what is drawn; empty for a draw from all at once."""
        return f", within each {self.stratify} in proportion to its rows" if self.stratify else ""
