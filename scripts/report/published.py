"""Published numbers: the CSV that states them, a row per printed number (docs/statistics.md says which columns)."""

import re
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from scripts.common.cli import UserError

PUBLISHED = ["source", "model", "run_by", "benchmark", "metric", "n_questions", "score", "stderr"]


class Printed(NamedTuple):
    """A number as it was printed: it stands for all that round to it."""

    value: float
    half: float
    """Half a unit of its last decimal."""

    @classmethod
    def of(cls, text: str) -> "Printed":
        decimal = Decimal(text)
        return cls(float(decimal), 0.5 * 10.0 ** int(decimal.as_tuple().exponent))

    def may_be(self, low: float, high: float | None = None) -> bool:
        """Whether some number that rounds to this one lies in [low, high]."""
        slack = self.half * (1 + 1e-6) + 1e-12
        return self.value - slack <= (low if high is None else high) and low <= self.value + slack


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
    n: int
    text: str
    score: Printed
    stderr: Printed | None
    samples: int

    @property
    def is_log(self) -> bool:
        return bool(re.search(r"\blogs?\b", self.source.lower()))

    @property
    def metric_name(self) -> str:
        """The metric without what versions of lighteval append to it: `x_n` and `x&n` are `x`."""
        return re.sub(r"[_&]n$", "", self.metric)


def read_published(path: Path) -> pd.DataFrame:
    """Read the CSV as text, empty cells as ''. Raises UserError where it lacks a column or a cell is no number."""
    published = pd.read_csv(path, dtype=str, keep_default_na=False)
    missing = [column for column in PUBLISHED if column not in published.columns]
    if missing:
        raise UserError(f"{path} lacks the columns {', '.join(missing)} (it needs: {', '.join(PUBLISHED)})")
    for line, row in enumerate(published.to_dict("records"), start=2):
        for column, low, high in (("n_questions", 2, 10**9), ("score", 0, 1), ("stderr", 0, 1), ("samples", 1, 10**6)):
            text = str(row.get(column, "")).strip()
            whole = column in ("n_questions", "samples")
            if not text and column in ("stderr", "samples"):
                continue
            if not re.fullmatch(r"\d+" if whole else r"\d*\.?\d+([eE]-?\d+)?", text) or not low <= float(text) <= high:
                raise UserError(f"{path}, line {line}: '{text}' is no {column} ({low} to {high:,})")
    return published


def rows_of(published: pd.DataFrame) -> list[Row]:
    """Return the rows of the CSV."""
    return [
        Row(
            row["source"].strip(),
            row["model"].strip(),
            row["run_by"].strip(),
            row["benchmark"].strip(),
            row["metric"].strip(),
            int(row["n_questions"]),
            row["score"].strip(),
            Printed.of(row["score"].strip()),
            Printed.of(row["stderr"].strip()) if row["stderr"].strip() else None,
            int(row.get("samples", "").strip() or 1),
        )
        for row in published.to_dict("records")
    ]
