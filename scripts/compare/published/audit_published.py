"""Audit published numbers: which of them cannot be, do not fit their own log or average, or compare two people's runs.

--published is a CSV with a row per printed number: model, benchmark, score (0 to 1, or 43.3%), and optionally source,
run_by, metric, n_questions, stderr, samples (answers a question; ? for several). Rows whose source has the word "log"
are what the evaluation itself wrote; the others are held against them. Or it has a model a row and a benchmark a
column. --markdown takes the tables of a Markdown file, such as a README; --n says how many questions they are of:

    python -m scripts.compare.published.audit_published --markdown README.md --n AIME24=30 MATH500=500

docs/statistics.md describes the forms and the checks. With --training, also the figures of a trainer's summary
(train_results.json) against its log (trainer_log.jsonl).
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from math import sqrt
from typing import Any, NamedTuple

import pandas as pd

from scripts.common import cli
from scripts.common.program import Program
from scripts.compare.labels import points
from scripts.compare.published import audit_tables
from scripts.compare.published.audit_training import training_faults
from scripts.compare.published.published import Printed, Row, agree
from scripts.compare.published.read_tables import (
    csv_table,
    is_wide,
    key_of,
    markdown_tables,
    published_rows,
    table_rows,
)
from scripts.compare.tables import COLUMNS, write_csv

FAR = 2.0  # a standard error so many times too large is that of another number of questions
MOST_SAMPLES = 64  # answers a question up to which a number of them is looked for
CHECKS = {
    "grim": "impossible score",
    "truncated": "cut off, not rounded",
    "questions": "number of questions that does not fit",
    "samples": "number of samples not said",
    "average": "average that is not that of its scores",
    "rank": "place that does not fit the score",
    "copied row": "scores of another row",
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


def possible_scores(row: Row, samples: int = 1) -> list[float]:
    """Return the means of zeros and ones that round to the printed score (at most three of them)."""
    assert row.n is not None
    answers = row.n * samples
    nearest = round(row.score.value * answers)
    return [k / answers for k in (nearest - 1, nearest, nearest + 1) if k >= 0 and row.score.may_be(k / answers)]


def counts(row: Row) -> bool:
    """Whether a row is a mean of a known number of questions."""
    return row.n is not None and not row.is_average


def can_be(row: Row) -> bool:
    """GRIM (Brown and Heathers 2017): a mean of n answers, each right or wrong, is a multiple of 1/n."""
    return not counts(row) or bool(possible_scores(row, row.samples or 1))


def grim(row: Row, other: audit_tables.OtherCount | None) -> tuple[str, str] | None:
    """Return the check and message of a score that cannot be; `other`: with which number of questions it could."""
    if row.score.value - row.score.half > 1:
        return "grim", f"{row.text} is above {row.shown(1)}, the highest score"
    if can_be(row):
        return None
    assert row.n is not None
    if row.samples is None:
        several = [k for k in range(2, MOST_SAMPLES + 1) if possible_scores(row, k)]
        told = f"possible for k = {_ranges(several)}" if several else "possible for none"
        return (
            "samples",
            f"{row.text} of {row.n:,} questions is not of one answer each; of k up to {MOST_SAMPLES} it is {told}",
        )
    answers = row.n * row.samples
    below = int(row.score.value * answers + 1e-9)
    around = " and ".join(f"{k}/{answers} = {row.shown(k / answers)}" for k in (below, below + 1))
    hint = other.text if other else ""
    if other and other.column:
        return "questions", f"no number of right answers out of {answers:,} gives {row.text}{hint}"
    if row.score.cut_from((below + 1) / answers):
        exact = f"{(below + 1) / answers * (100 if row.percent else 1):.6g}"
        return "truncated", f"{row.text} is {below + 1}/{answers} = {exact} cut off, not rounded{hint}"
    return "grim", f"no number of right answers out of {answers:,} gives {row.text}: {around}{hint}{_as_share(row)}"


def _as_share(row: Row) -> str:
    """Return that a score of a table in percent may be a share."""
    share = row._replace(score=Printed.of(row.text), percent=False) if row.percent and "%" not in row.text else row
    return (
        "; is it a share, in a table in percent?" if share.score.value <= 1 and share != row and can_be(share) else ""
    )


def _ranges(numbers: Sequence[int]) -> str:
    """Return '3, 6 to 8, 12' of numbers in order."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ", ".join(f"{part[0]} to {part[-1]}" if len(part) > 2 else ", ".join(map(str, part)) for part in parts)


def standard_error(row: Row) -> str | None:
    """The standard error of a mean of n zeros and ones is sqrt(p (1 - p) / (n - 1)); samples only make it smaller."""
    if row.stderr is None or row.n is None or row.is_average:
        return None
    scores = possible_scores(row, row.samples or 1) or [
        row.score.value - row.score.half,
        row.score.value + row.score.half,
    ]
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
    hints = audit_tables.question_counts(rows, [can_be(row) for row in rows])
    faults = [Fault(found[0], row, found[1]) for k, row in enumerate(rows) if (found := grim(row, hints.get(k)))]
    faults += [Fault("standard error", row, text) for row in rows if (text := standard_error(row))]
    faults += [Fault(found[0], row, found[1]) for row in rows if (found := against_log(row, rows))]
    whole: tuple[Callable[[list[Row]], Iterator[audit_tables.Found]], ...] = (
        audit_tables.averages,
        audit_tables.ranks,
        audit_tables.copied,
    )
    faults += [Fault(*found) for check in whole for found in check(rows)]
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


def named_numbers(words: Sequence[str], flag: str) -> dict[str, str]:
    """Return the numbers of 'AIME24=30 MATH500=500' by benchmark (`key_of`)."""
    found = {}
    for word in words:
        name, _, number = word.rpartition("=")
        least = 2 if flag == "--n" else 1
        whole = number.isascii() and number.isdigit() and int(number) >= least
        if not name or not (whole or (number == "?" and flag != "--n")):
            raise cli.UserError(f"{flag} takes NAME=NUMBER, such as AIME24=30, not '{word}'")
        found[key_of(name)] = number
    return found


def read(arguments: argparse.Namespace) -> list[Row]:
    """Return the rows of all that is to be audited."""
    sizes, several = named_numbers(arguments.n, "--n"), named_numbers(arguments.samples, "--samples")
    rows, tables = [], []
    if arguments.published:
        if is_wide(arguments.published):
            tables.append(csv_table(arguments.published))
        else:
            rows = published_rows(arguments.published, arguments.percent)
    tables += markdown_tables(arguments.markdown) if arguments.markdown else []
    numbers = {name: int(count) for name, count in sizes.items()}
    of_tables = [row for table in tables for row in table_rows(table, numbers, several, arguments.percent)]
    columns = dict.fromkeys(row.benchmark for row in of_tables)
    for name in {**sizes, **several}:
        if tables and name not in map(key_of, columns):
            raise cli.UserError(
                f"--n or --samples: no column of scores is called '{name}' (there are: {', '.join(columns)})"
            )
    if tables and not of_tables:
        raise cli.UserError(f"{', '.join(table.name for table in tables)}: no column of scores was found")
    return rows + of_tables


def main() -> None:
    program = Program(__doc__)
    program.add_input("--published", "CSV of published numbers", optional=True)
    program.add_input("--markdown", "Markdown file with tables of scores", optional=True)
    program.add_argument("--n", nargs="+", default=[], metavar="NAME=NUMBER", help="questions of a table's benchmarks")
    program.add_argument(
        "--samples",
        nargs="+",
        default=[],
        metavar="NAME=NUMBER",
        help="answers a question, of a table's benchmarks; ?: several",
    )
    program.add_argument("--percent", action="store_true", help="scores are in percent, though they do not say so")
    program.add_input("--training", "folder of train_results.json and trainer_log.jsonl", optional=True)
    program.add_output("--audit", "audit.csv to write: a row per fault", optional=True)
    arguments = program.parse()
    if not arguments.published and not arguments.markdown:
        raise cli.UserError("there is nothing to audit: give --published or --markdown")
    rows = read(arguments)
    faults = audit(rows)
    training = training_faults(arguments.training) if arguments.training else []
    if arguments.audit:
        with program.recording():
            write_csv("audit", fault_table(faults, training), arguments.audit)
    for fault in faults:
        row, what = fault.row, CHECKS[fault.check]
        print(f"{row.source}, {row.model}, {row.benchmark}, {row.metric} {row.text}: {what}: {fault.message}")
    for text in training:
        print(f"training summary: {text}")
    unknown = dict.fromkeys(row.benchmark for row in rows if row.n is None and not row.is_average)
    if unknown:
        print(
            "How many questions they have is not said (--n NAME=NUMBER), so that their scores may be impossible: "
            f"{', '.join(unknown)}"
        )
    print(f"{len(rows):,} numbers, {len(faults) + len(training):,} faults")


if __name__ == "__main__":
    cli.run(main)
