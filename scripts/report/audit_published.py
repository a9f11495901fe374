"""Audit published numbers: which of them cannot be, do not fit their own log, or compare two people's runs.

The CSV has a row per printed number, with the columns source, model, run_by (may be empty), benchmark, metric,
n_questions, score and stderr (0 to 1, as printed: the number of decimals counts; stderr may be empty), and optionally
samples (answers a question; 1 where there is no such column). Rows whose source has the word "log" are what the
evaluation itself wrote; the others are held against them. docs/statistics.md describes the format and the checks.

With --training, also the figures of a trainer's summary (train_results.json) against its log (trainer_log.jsonl).
"""

from collections.abc import Callable, Iterator
from itertools import combinations
from math import sqrt
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from scripts.common import cli
from scripts.common.provenance import recording
from scripts.report.audit_training import training_faults
from scripts.report.labels import points
from scripts.report.published import Row, agree, read_published, rows_of
from scripts.report.report_tables import COLUMNS, write_report_table

FAR = 2.0  # a standard error so many times too large is that of another number of questions
CHECKS = {
    "grim": "impossible score",
    "standard error": "standard error that does not fit",
    "label": "metric named wrongly",
    "log": "not what its log says",
    "mixed runs": "two people's runs compared",
    "training": "training figures of a resumed run",
}


class Fault(NamedTuple):
    """One fault of one row."""

    check: str
    row: Row
    message: str


def possible_scores(row: Row) -> list[float]:
    """Return the means of n zeros and ones that round to the printed score (at most three of them)."""
    answers = row.n * row.samples
    nearest = round(row.score.value * answers)
    return [k / answers for k in (nearest - 1, nearest, nearest + 1) if k >= 0 and row.score.may_be(k / answers)]


def grim(row: Row) -> str | None:
    """GRIM (Brown and Heathers 2017): a mean of n answers, each right or wrong, is a multiple of 1/n."""
    if possible_scores(row):
        return None
    answers = row.n * row.samples
    below = int(row.score.value * answers)
    around = " and ".join(
        f"{k}/{answers} = {k / answers:.{len(row.text.partition('.')[2])}f}" for k in (below, below + 1)
    )
    return f"no number of right answers out of {answers:,} gives {row.text}: {around}"


def standard_error(row: Row) -> str | None:
    """The standard error of a mean of n zeros and ones is sqrt(p (1 - p) / (n - 1)); samples only make it smaller."""
    if row.stderr is None:
        return None
    scores = possible_scores(row) or [row.score.value - row.score.half, row.score.value + row.score.half]
    fitting = [sqrt(max(p * (1 - p), 0) / (row.n - 1)) for p in scores]
    if row.stderr.may_be(min(fitting) if row.samples == 1 else 0.0, max(fitting)):
        return None
    p, error = row.score.value, row.stderr.value
    text = f"{error:g} is not sqrt(p (1 - p) / (n - 1)) = {sqrt(p * (1 - p) / (row.n - 1)):.4f}"
    if error > FAR * max(fitting):
        size = 1 + p * (1 - p) / error**2
        text += f", but that of about {size:,.0f} questions and not of {row.n:,}: so is a mean of subjects' errors"
    return text


def against_log(row: Row, rows: list[Row]) -> tuple[str, str] | None:
    """Hold a row against the evaluation's log: is the number the log's, and is it that of the metric it is named by?"""
    logged = [other for other in rows if other.is_log and _same(other, row)]
    own = [other for other in logged if other.metric_name == row.metric_name]
    if row.is_log or not own or any(agree(row.score, other.score) for other in own):
        return None
    nearest = min(logged, key=lambda other: abs(other.score.value - row.score.value))
    if nearest.metric_name != row.metric_name:
        return "label", (
            f"{row.text} is called {row.metric}, which is {own[0].text} in the log; it is close to the log's "
            f"{nearest.metric}, {nearest.text}"
        )
    return "log", f"{row.text} is {own[0].text} in the log"


def _same(a: Row, b: Row) -> bool:
    """Whether two rows are of one model on one benchmark."""
    return (a.model, a.benchmark) == (b.model, b.benchmark)


def whose(row: Row, rows: list[Row]) -> str:
    """Return who ran a row: as it says, else who ran the only log that has this number."""
    if row.run_by:
        return row.run_by
    same = {other.run_by for other in rows if other.is_log and _same(other, row) and agree(row.score, other.score)}
    return same.pop() if len(same) == 1 else ""


def mixed_runs(rows: list[Row]) -> Iterator[Fault]:
    """Yield the comparisons within a source whose two sides were run by two people."""
    for a, b in combinations(rows, 2):
        if (a.source, a.benchmark, a.metric_name) != (b.source, b.benchmark, b.metric_name) or a.model == b.model:
            continue
        people = whose(a, rows), whose(b, rows)
        if all(people) and people[0] != people[1]:
            gap = b.score.value - a.score.value
            message = f"{b.model} is {people[1]}'s run, {a.model} ({a.text}) {people[0]}'s: {points(gap)} points"
            same = [other for other in rows if _same(other, a) and other.run_by == people[1]]
            if same:
                own = b.score.value - same[0].score.value
                message += f"; against {people[1]}'s own {a.model} ({same[0].text}) it is {points(own)}"
            yield Fault("mixed runs", b, message)


def audit(rows: list[Row]) -> list[Fault]:
    """Return every fault of the published rows, in their order."""
    single: dict[str, Callable[[Row], str | None]] = {"grim": grim, "standard error": standard_error}
    faults = [Fault(check, row, text) for row in rows for check, test in single.items() if (text := test(row))]
    faults += [Fault(found[0], row, found[1]) for row in rows if (found := against_log(row, rows))]
    faults += mixed_runs(rows)
    return sorted(faults, key=lambda fault: rows.index(fault.row))


def fault_table(faults: list[Fault], training: list[str]) -> pd.DataFrame:
    """Return the table audit."""
    found: list[dict[str, Any]] = [
        {
            "check": fault.check,
            **{name: getattr(fault.row, name) for name in ("source", "model", "run_by", "benchmark", "metric")},
            "score": fault.row.text,
            "message": fault.message,
        }
        for fault in faults
    ]
    found += [{"check": "training", "source": "training summary", "message": text} for text in training]
    return pd.DataFrame(found, columns=COLUMNS["audit"])


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--published", type=Path, required=True, help="CSV of published numbers")
    parser.add_argument("--training", type=Path, help="folder of train_results.json and trainer_log.jsonl")
    parser.add_argument("--audit", type=Path, required=True, help="audit.csv to write: a row per fault")
    arguments = parser.parse_args()
    inputs = [arguments.published]
    if arguments.training:
        inputs += [arguments.training / name for name in ("train_results.json", "trainer_log.jsonl")]
    faults = audit(rows_of(read_published(arguments.published)))
    training = training_faults(arguments.training) if arguments.training else []
    with recording(outputs=[arguments.audit], inputs=inputs):
        write_report_table("audit", fault_table(faults, training), arguments.audit)
    for fault in faults:
        row, what = fault.row, CHECKS[fault.check]
        print(f"{row.source}, {row.model}, {row.benchmark}, {row.metric} {row.text}: {what}: {fault.message}")
    for text in training:
        print(f"training summary: {text}")


if __name__ == "__main__":
    cli.run(main)
