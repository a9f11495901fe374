"""How large an experiment is: rows, tokens, questions, parameters. Real files count where they are; else the config."""

import json
import re
from functools import cache, cached_property
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from scripts.common.cli import UserError, log
from scripts.common.config.arms import Draw
from scripts.common.config.dataset import Dataset
from scripts.common.config.experiment import Experiment
from scripts.common.config.model import DEMO, SECOND_SCORER, is_local
from scripts.data.files import open_rows
from scripts.manage.rates import Book

# docs/benchmarks.md; a task that is not here counts as UNKNOWN_QUESTIONS.
TASK_QUESTIONS = {
    "aime24": 30,
    "aime25": 30,
    "math_500": 500,
    "gsm8k": 1319,
    "gpqa:diamond": 198,
    "mmlu_redux_2": 5700,
    "lcb:codegeneration": 268,
}
UNKNOWN_QUESTIONS = 500
UNKNOWN_ROWS = 100_000
UNKNOWN_PARAMETERS = 1.1e8  # of a model that embeds: BERT base
DEMO_PARAMETERS = 147_008
BYTES = {"bfloat16": 2, "float16": 2, "float32": 4, "F32": 4, "BF16": 2, "F16": 2}


class Amount(NamedTuple):
    """Rows, and the tokens of all of them."""

    rows: float
    tokens: float


class Sizes:
    """The sizes of `experiment` whose results lie, or will lie, under `results`."""

    def __init__(
        self,
        experiment: Experiment,
        results: Path,
        book: Book,
        rows: int | None = None,
        parameters: float | None = None,
    ) -> None:
        self.experiment, self.results, self.book = experiment, results, book
        self._rows, self._parameters = rows, parameters
        self._known: dict[str, Amount] = {}

    @cached_property
    def raw(self) -> Amount:
        """The data set as it comes."""
        rows = _rows(self.results / "data" / "raw.parquet")
        rows = self._stated_rows() if rows is None else rows
        return Amount(rows, rows * self.row_tokens)

    @cached_property
    def clean(self) -> Amount:
        """The rows that training may draw from; every raw row until they are told apart."""
        counted = _rows(self.results / "data" / "clean.parquet")
        rows = self.raw.rows if counted is None else counted
        return Amount(rows, rows * self.row_tokens)

    @cached_property
    def scored(self) -> Amount:
        """The rows whose steps are scored."""
        rows = min(self.experiment.pool.score_rows or self.clean.rows, self.clean.rows)
        return Amount(rows, rows * self.row_tokens)

    @cached_property
    def row_tokens(self) -> float:
        """Mean tokens of a row."""
        pool = self.results / "data" / "clean.parquet"
        if (tokens := _column(pool, "response_tokens")) is not None:
            mean = sum(tokens) / max(1, len(tokens))
            return self.book.note("tokens of a row", mean, "", f"counted in {pool.name}")
        demo = self.experiment.is_demo_data()
        mean = self.book["demo_tokens_per_row" if demo else "tokens_per_row"]
        return min(mean, self.experiment.pool.max_tokens)

    def drawn(self, draw: Draw) -> Amount:
        """Return what a subset file holds, or is to hold (pruned steps are not taken off)."""
        if draw.name not in self._known:
            self._known[draw.name] = self._drawn(draw)
        return self._known[draw.name]

    def _drawn(self, draw: Draw) -> Amount:
        for name in (draw.name, draw.subset):
            file = self.results / "select" / "subsets" / f"{name}.parquet"
            if (tokens := _column(file, "tokens")) is not None:
                return Amount(len(tokens), sum(tokens))
        rows = self.experiment.subsets[draw.subset].expected_rows(self.clean.rows, self.scored.rows)
        return Amount(rows, rows * self.row_tokens)

    def questions(self, benchmark: str) -> int:
        """Return the number of questions of a benchmark."""
        settings = self.experiment.evaluation.benchmarks[benchmark]
        fetched = self.results / "data" / "benchmarks" / benchmark / "test.jsonl"
        file = fetched if fetched.is_file() else Path(settings.path) if settings.path else None
        if file:
            return _file_rows(file) or UNKNOWN_QUESTIONS
        if settings.demo:
            return settings.demo.questions
        known = TASK_QUESTIONS.get(settings.task or "")
        source = "docs/benchmarks.md" if known else "assumed: the task is not in docs/benchmarks.md"
        return int(self.book.note(f"questions of {settings.task}", known or UNKNOWN_QUESTIONS, "", source))

    def parameters(self, model: str) -> float:
        """Return the parameters of `base`, of a scorer, one of `models`, or a run (the base model's).

        Raises UserError where neither a folder nor a name tells them.
        """
        experiment = self.experiment
        named = {"base": experiment.model, "scorer": experiment.scorer.model or experiment.model, **experiment.models}
        named |= experiment.measuring_models()
        named |= {SECOND_SCORER: second} if (second := experiment.second_scorer()) else {}
        if model not in named or (model == "scorer" and experiment.scorer.model is None):
            model = "base"
        settings, what = named[model], f"parameters of {named[model].name}"
        if settings.name == DEMO:
            return self.book.note("parameters of the demo model", DEMO_PARAMETERS, "", "docs/performance.md")
        if model == "base" and self._parameters:
            return self.book.note(what, self._parameters, "", "given by --parameters")
        folder = Path(settings.name).expanduser() if is_local(settings.name) else self.results / "data/models" / model
        if weights := folder_parameters(folder):
            return self.book.note(what, weights, "", "size of its files")
        if parameters := name_parameters(settings.name):
            return self.book.note(what, parameters, "", "its name")
        if model in experiment.measuring_models():
            return self.book.note(what, UNKNOWN_PARAMETERS, "", "assumed: neither its name nor its files tell")
        raise UserError(
            f"neither the name nor the files of '{settings.name}' tell its parameters: give them by --parameters, in "
            "billions, for the experiment's model"
        )

    def _stated_rows(self) -> int:
        sources = self.experiment.sources()
        if self._rows and sources:
            return int(self.book.note("rows of the data set", self._rows, "", "given by --rows"))
        return sum(map(self._rows_of, sources))

    def _rows_of(self, dataset: Dataset) -> int:
        what = f"rows of {dataset.name or 'the data set'}"
        counted = _file_rows(Path(dataset.path)) if dataset.source == "file" and dataset.path else None
        if dataset.source == "demo":
            return int(self.book.note(what, dataset.limit or 2000, "", "dataset.limit"))
        if counted is None and dataset.limit is None:
            return int(self.book.note(what, UNKNOWN_ROWS, "", "assumed: say --rows"))
        rows = min(value for value in (counted, dataset.limit) if value is not None)
        return int(self.book.note(what, rows, "", "counted in its file" if rows == counted else "dataset.limit"))


def name_parameters(name: str) -> float | None:
    """Return the parameters that a model's name tells: 3e9 for Qwen2.5-3B-Instruct; None for Mixtral-8x7B."""
    found = re.findall(r"(?<![A-Za-z0-9.])(\d+(?:\.\d+)?)([bBmM])(?![A-Za-z0-9])", name.rsplit("/", 1)[-1])
    return float(found[0][0]) * (1e9 if found[0][1] in "bB" else 1e6) if len(found) == 1 else None


def folder_parameters(folder: Path) -> float | None:
    """Return the parameters of the safetensors files of a model's folder, by their headers; None without such files."""
    total = 0.0
    for file in folder.glob("*.safetensors"):
        try:
            with file.open("rb") as stream:
                # Of a damaged file the length of the header may be any number.
                header = json.loads(stream.read(min(int.from_bytes(stream.read(8), "little"), file.stat().st_size)))
            tensors = [tensor for name, tensor in header.items() if name != "__metadata__"]
            total += sum(_parameters(**tensor) for tensor in tensors)
        except (OSError, ValueError, AttributeError, TypeError):
            _damaged(file)
    return total or None


def _parameters(dtype: str, data_offsets: list[int], shape: list[int]) -> float:
    return (data_offsets[1] - data_offsets[0]) / BYTES.get(dtype, 2)


def _rows(file: Path) -> int | None:
    """Return the rows of a table of the results, or None where it is not there, or damaged, which is said."""
    try:
        return int(pq.read_metadata(file).num_rows) if file.is_file() else None
    except (pa.ArrowException, OSError):
        return _damaged(file)


def _column(file: Path, column: str) -> list[int] | None:
    """Return a column of such a table, or None as `_rows` does."""
    try:
        return pq.read_table(file, columns=[column])[column].to_pylist() if file.is_file() else None
    except (pa.ArrowException, OSError, KeyError):
        return _damaged(file)


@cache
def _damaged(file: Path) -> None:
    log.warning("'%s' is damaged and its size is estimated: delete it, and the next run makes it again", file)


def _file_rows(path: Path) -> int | None:
    """Return the rows of a file of any form, or None where they cannot be counted."""
    try:
        if path.suffix == ".parquet":
            return int(pq.read_metadata(path).num_rows)
        if path.suffix == ".jsonl":
            with path.open("rb") as lines:
                return sum(1 for line in lines if line.strip())
        return sum(1 for _ in open_rows(path).rows)
    except (UserError, pa.ArrowException, OSError):  # fetching it will say what is wrong
        return None
