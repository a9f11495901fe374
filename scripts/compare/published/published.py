"""Published numbers: rows of a CSV that states one a row, or of any table (docs/statistics.md says which forms)."""

import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from scripts.common.cli import UserError
from scripts.common.delimiter import delimiter_of

NEEDED = ["model", "benchmark", "score"]
OPTIONAL = ["source", "run_by", "metric", "n_questions", "stderr", "samples"]
_NUMBER = re.compile(r"(\d+\.?\d*|\.\d+)([eE]-?\d+)?")
_AVERAGE = re.compile(
    r"(macro|micro|overall)?[ _-]*(avg|average|mean|overall|平均(分|值|成绩|得分)?)[.]?([ _-](printed|score|all))?"
)
_AVERAGED = re.compile(r"\b(?:avg|mean|average)@\s*(\d+|[a-z])")


class Printed(NamedTuple):
    """A number as it was printed: it stands for all that round to it."""

    value: float
    half: float
    """Half a unit of its last decimal."""

    @classmethod
    def of(cls, text: str, percent: bool = False) -> "Printed":
        decimal = Decimal(text.rstrip("%").strip()).scaleb(-2 if percent or text.endswith("%") else 0)
        return cls(float(decimal), 0.5 * 10.0 ** int(decimal.as_tuple().exponent))

    def may_be(self, low: float, high: float | None = None) -> bool:
        """Whether some number that rounds to this one lies in [low, high]."""
        slack = self.half * (1 + 1e-6) + 1e-12
        return self.value - slack <= (low if high is None else high) and low <= self.value + slack

    def cut_from(self, value: float) -> bool:
        """Whether `value`, cut off after the last decimal and not rounded, is this number."""
        return self.value - 1e-9 <= value < self.value + 2 * self.half - 1e-9


def agree(a: Printed, b: Printed) -> bool:
    """Whether two printed numbers can be one, rounded."""
    return a.may_be(b.value - b.half, b.value + b.half)


class Row(NamedTuple):
    """One published number."""

    source: str
    model: str
    run_by: str
    benchmark: str
    metric: str
    n: int | None
    """Questions; None: not said."""
    text: str
    score: Printed
    stderr: Printed | None
    samples: int | None
    """Answers a question; None: several, it is not said how many."""
    percent: bool = False
    """Whether the number stands for so many percent."""
    place: int | None = None
    """The place that the table prints for its model."""

    @property
    def is_log(self) -> bool:
        return bool(re.search(r"\blogs?\b", self.source.lower()))

    @property
    def is_average(self) -> bool:
        """Whether it is a printed average of other benchmarks' scores."""
        return is_average(self.benchmark)

    @property
    def metric_name(self) -> str:
        """The metric without what versions of lighteval append to it: `x_n` and `x&n` are `x`."""
        return re.sub(r"[_&]n$", "", self.metric)

    def shown(self, value: float) -> str:
        """Return a share as this row's number is printed: in its unit, with its decimals."""
        digits = len(self.text.rstrip("%").partition(".")[2])
        sign = "%" if self.text.endswith("%") else ""
        return f"{value * (100 if self.percent else 1):.{digits}f}{sign}"


def is_average(name: str) -> bool:
    """Whether a benchmark's or a column's name is that of an average over benchmarks."""
    return bool(_AVERAGE.fullmatch(name.strip().lower()))


def samples_of(metric: str, said: str = "") -> int | None:
    """Return how many answers a question a score is of: as said, or as `avg@8` says; 1 where nothing does.

    None where there are several and it is not said how many (`avg@k`, or `?` for the number).
    """
    if said:
        return int(said) if said.isdigit() else None
    named = _AVERAGED.search(metric.lower())
    return 1 if not named else int(named[1]) if named[1].isdigit() else None


def read_published(path: Path, percent: bool = False) -> pd.DataFrame:
    """Read the CSV as text, empty cells and missing optional columns as ''.

    `percent`: numbers above 1 are in percent though they do not say so. Raises UserError where it lacks a column or a
    cell is no number.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            separator = delimiter_of(file.readline())
        published = pd.read_csv(path, sep=separator, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise UserError(f"{path} is no CSV of published numbers: {error}") from error
    heads = [name.removesuffix(".1").strip().lower() for name in published.columns]
    if twice := [column for column in NEEDED + OPTIONAL if heads.count(column) > 1]:
        raise UserError(f"{path} has the column {', '.join(twice)} twice: which one counts is not said")
    if published.empty:
        raise UserError(f"{path} has no rows")
    known = {name: name.strip().lower() for name in published.columns}
    published = published.rename(columns={name: low for name, low in known.items() if low in NEEDED + OPTIONAL})
    missing = [column for column in NEEDED if column not in published.columns]
    if missing:
        columns = f"it needs {', '.join(NEEDED)}; it may have {', '.join(OPTIONAL)}"
        raise UserError(f"{path} lacks the columns {', '.join(missing)} ({columns})")
    published = published.apply(lambda column: column.str.strip())
    for column in OPTIONAL:
        if column not in published.columns:
            published[column] = path.name if column == "source" else ""
    for line, row in enumerate(published.to_dict("records"), start=2):
        _check(f"{path}, line {line}", {str(name): text for name, text in row.items()}, percent)
    return published


def _check(where: str, row: Mapping[str, str], percent: bool) -> None:
    for column, low, high in (("n_questions", 2, 10**9), ("samples", 1, 10**6)):
        text = row[column]
        whole = text.isascii() and text.isdigit() and low <= int(text) <= high
        if text and not whole and not (text == "?" and column == "samples"):
            raise UserError(f"{where}: '{text}' is no {column} ({low} to {high:,})")
    for column in ("score", "stderr"):
        text = row[column]
        if not text and column == "stderr":
            continue
        if not _NUMBER.fullmatch(text.removesuffix("%").strip()):
            hint = "; write it with a point" if re.fullmatch(r"\d+,\d+ ?%?", text) else ""
            raise UserError(f"{where}: '{text}' is no {column} (0 to 1, or 0% to 100%){hint}")
        if Printed.of(text, percent and not text.endswith("%")).value > 1:
            hint = (
                ""
                if text.endswith("%") or float(text) > 100
                else f"; if it is in percent, write {text}%, or give --percent"
            )
            raise UserError(f"{where}: '{text}' is no {column} (0 to 1, or 0% to 100%){hint}")


def rows_of(published: pd.DataFrame, percent: bool = False) -> list[Row]:
    """Return the rows of the CSV; `percent` as for `read_published`."""
    rows = []
    for row in published.to_dict("records"):
        score, stderr = row["score"], row["stderr"]
        rows.append(
            Row(
                row["source"],
                row["model"],
                row["run_by"],
                row["benchmark"],
                row["metric"],
                int(row["n_questions"]) if row["n_questions"] else None,
                score,
                Printed.of(score, percent and not score.endswith("%")),
                Printed.of(stderr, percent and not stderr.endswith("%")) if stderr else None,
                samples_of(row["metric"], row["samples"]),
                percent or score.endswith("%"),
            )
        )
    return rows
