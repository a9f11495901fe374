"""Published numbers in any table: a model a row and a benchmark a column (or the other way about), in Markdown or CSV.

Cells may be bold, marked, in percent, with a spread or an interval behind the number; what is no number is left out.
A table that has a score above 1 is in percent. Numbers of a column have as many decimals as most of the table, where
one of them has so many.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from scripts.common.cli import UserError
from scripts.common.delimiter import delimiter_of
from scripts.compare.published.published import (
    NEEDED,
    Printed,
    Row,
    is_average,
    read_published,
    rows_of,
    samples_of,
)

_SEPARATOR = re.compile(r"\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*")
# After 0 a comma is decimal whatever follows; 1,234 is a thousand.
_CELL = re.compile(r"(0,\d+|\d{1,3}(?:\.\d+|,\d{1,2})?|\.\d+)\s*(%|\\%)?(?=$|\s|[±+(\[†‡*^<↑↓]|-(?!\d))")
# A note's number is none of the score's digits; ~43 is about 43, no printed score.
_DRESS = re.compile(
    r"<su[bp]>[^<]*</su[bp]>|\^\{?\w+\}?|~~|[*_`]|<[^>]*>|\\(?!%)|!?\[(?=[^\]]*\]\()|\]\([^)]*\)|🏆|🥇|🥈|🥉"
)
_LATEX = re.compile(r"\\(?:text|math)(?:bf|it|rm|tt|sf)\s*\{([^{}]*)\}|\\(?:underline|emph)\s*\{([^{}]*)\}|\$([^$]*)\$")
_BELOW = re.compile(r"[_^]\{[^{}]*\}")
_PLACES = r"#|rank(ing)?|pos(ition)?|place|排名|名次"
_PLACE = re.compile(_PLACES)
# Numbers of a table that are no scores.
_OTHER = re.compile(
    rf"{_PLACES}|no\.?|(mean|average|avg\.?) rank(ing)?|elo|[Δδ].*|delta|gains?|diff(erence)?|improvements?"
    r"|seed|runs?|year|date|n|size|(#\s*)?param(eter)?s?.*|tokens?.*|length|steps?|epochs?|samples|k|time.*|hours?|cost.*"
)
_FAILED = {"oom", "fail", "failed", "error", "timeout", "x", "✗", "×", "?"}
_NOTHING = {"", "nan", "na", "n/a", "none", "null", "tbd", "tba", *_FAILED}
_BENCHMARK = re.compile(
    r"aime|math|gpqa|mmlu|gsm|amc|olympiad|minerva|livecodebench|lcb|humaneval|mbpp|hmmt|kaoyan|arc|bbh"
)


class Table(NamedTuple):
    """A table as text."""

    name: str
    head: list[str]
    rows: list[list[str]]


def key_of(name: str) -> str:
    """Return a benchmark's name as it is compared: `AIME 2024 (avg@8)` is `aime24`."""
    plain = re.sub(r"\([^)]*\)|\b(?:avg|mean|pass|maj|cons)@\s*\w+", "", name.lower())
    return re.sub(r"(?<!\d)20(?=\d\d(?!\d))", "", re.sub(r"[^a-z0-9]", "", plain))


def markdown_tables(path: Path) -> list[Table]:
    """Return the tables of a Markdown file, named after the file, their number and the heading above them."""
    tables: list[Table] = []
    heading, lines = "", _text(path).splitlines()
    for number, line in enumerate(lines):
        if line.startswith("#"):
            heading = _plain(line.lstrip("#"))
        if number and "|" in line and "-" in line and _SEPARATOR.fullmatch(line) and "|" in lines[number - 1]:
            rows = []
            for following in lines[number + 1 :]:
                if "|" not in following:
                    break
                rows.append(_cells(following))
            name = f"{path.name}, table {len(tables) + 1}" + (f" ({heading})" if heading else "")
            tables.append(Table(name, _cells(lines[number - 1]), rows))
    if not tables:
        raise UserError(f"{path} has no Markdown table (a line of cells above a line of |---|)")
    return tables


def _csv_rows(path: Path) -> Iterator[list[str]]:
    """Return the cells of a CSV's rows, the header first."""
    lines = _text(path).splitlines()
    return csv.reader(lines, delimiter=delimiter_of("".join(lines[:1])))


def csv_table(path: Path) -> Table:
    """Return a CSV with a model a row and a benchmark a column."""
    rows = [row for row in _csv_rows(path) if any(cell.strip() for cell in row)]
    if len(rows) < 2:
        raise UserError(f"{path} has no rows")
    for row in rows[1:]:
        if any(cell.strip() for cell in row[len(rows[0]) :]):
            raise UserError(
                f"{path}: the row of '{row[0]}' has {len(row)} cells, the header {len(rows[0])}: a number with a "
                "decimal comma must be quoted, or its table kept apart by semicolons"
            )
    return Table(path.name, [cell.strip() for cell in rows[0]], [[_plain(cell) for cell in row] for row in rows[1:]])


def published_rows(path: Path, percent: bool = False) -> list[Row]:
    """Return the rows of a CSV of published numbers, a number or a model a row."""
    if is_wide(path):
        return table_rows(csv_table(path), {}, {}, percent)
    return rows_of(read_published(path, percent), percent)


def is_wide(path: Path) -> bool:
    """Whether a CSV has a benchmark a column, and not the columns of one number a row."""
    head = [name.strip().lower() for name in next(_csv_rows(path), [])]
    return not set(head) & {"benchmark", "score"} and len(head) > 2 and not set(NEEDED) <= set(head)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read as text: {error}") from error


def _cells(line: str) -> list[str]:
    inside = re.sub(r"^\s*\||(?<!\\)\|\s*$", "", line)
    return [_plain(cell.replace("\\|", "|")) for cell in re.split(r"(?<!\\)\|", inside)]


def _plain(cell: str) -> str:
    if "\\" in cell or "$" in cell:  # twice: bold numbers stand inside of dollars, and dollars inside of bold
        for _ in range(2):
            cell = _LATEX.sub(lambda found: next(filter(None, found.groups()), ""), cell.replace("\\pm", "±"))
            cell = _BELOW.sub("", cell)
    return " ".join(_DRESS.sub("", cell).split())


def score_in(cell: str) -> str | None:
    """Return the number that a cell begins with, as text (`43.3`, `43.3%`), or None: it is no score."""
    found = _CELL.match(cell.strip().replace("\\%", "%").replace("％", "%"))
    return None if found is None else found[1].replace(",", ".") + ("%" if found[2] else "")


def table_rows(table: Table, counts: Mapping[str, int], samples: Mapping[str, str], percent: bool = False) -> list[Row]:
    """Return the scores of a table. `counts` and `samples`: questions and answers a question, by name (`key_of`).

    Empty where no column has scores.
    """
    table = _benchmarks_across(table, counts)
    columns = [place for place, name in enumerate(table.head) if place and _holds_scores(table, place, name)]
    cells = {
        (number, place): text
        for number, row in enumerate(table.rows)
        for place in columns
        if place < len(row) and (text := score_in(row[place]))
    }
    in_percent = percent or _in_percent([float(text) for text in cells.values() if not text.endswith("%")])
    names, places = _models(table, columns), _places(table)
    usual = _usual_decimals(list(cells.values()))
    decimals = {}
    for place in columns:
        column = [text for (_, other), text in cells.items() if other == place]
        decimals[place] = usual if max(map(_decimals, column), default=0) >= usual else _usual_decimals(column)
    rows = []
    for (number, place), text in cells.items():
        name = table.head[place]
        metric = " ".join(re.findall(r"\(([^)]*)\)|(\w+@\s*\w+)", name)[0]).strip() if re.search(r"\(|@", name) else ""
        of_percent = in_percent or text.endswith("%")
        text = _with_zeros(text, decimals[place])
        score = Printed.of(text, in_percent and not text.endswith("%"))
        count, several = counts.get(key_of(name)), samples_of(name, samples.get(key_of(name), ""))
        rows.append(Row(table.name, names[number], "", name, metric, count, text, score, None, several, of_percent))
        rows[-1] = rows[-1]._replace(place=places.get(number))
    return rows


def _places(table: Table) -> dict[int, int]:
    """Return the printed places of the table's rows, by number of the row; of medals and words none."""
    column = next((place for place, name in enumerate(table.head) if _PLACE.fullmatch(name.strip().lower())), None)
    if column is None:
        return {}
    found = {number: row[column].rstrip(".") for number, row in enumerate(table.rows) if column < len(row)}
    return {number: int(text) for number, text in found.items() if text.isascii() and text.isdigit()}


def _in_percent(numbers: Sequence[float]) -> bool:
    """Return whether numbers are in percent: one is above 1. Beside many that are not, 1.01 is a share too large."""
    above = [number for number in numbers if number > 1]
    return bool(above) and not (max(above) < 1.5 and len(above) < len(numbers) / 2)


def _decimals(text: str) -> int:
    return len(text.rstrip("%").partition(".")[2])


def _usual_decimals(texts: Sequence[str]) -> int:
    """Return how many decimals most numbers have (of two as frequent: the more)."""
    counts = Counter(map(_decimals, texts))
    return max(counts, key=lambda digits: (counts[digits], digits), default=0)


def _with_zeros(text: str, decimals: int) -> str:
    """Return a number with so many decimals: spreadsheets leave out zeros at the end, 0.9 is 0.900."""
    number, sign = text.rstrip("%"), "%" * text.endswith("%")
    whole, _, digits = number.partition(".")
    return f"{whole}.{digits.ljust(decimals, '0')}{sign}" if decimals > len(digits) else text


def _holds_scores(table: Table, place: int, name: str) -> bool:
    if _OTHER.fullmatch(name.strip().lower()):
        return False
    cells = [row[place] for row in table.rows if place < len(row) and row[place].strip(" -–—").lower() not in _NOTHING]
    read = [text for cell in cells if (text := score_in(cell)) and float(text.rstrip("%")) <= 100]
    return len(read) > len(cells) / 2


def _benchmarks_across(table: Table, counts: Mapping[str, int]) -> Table:
    """Return the table with benchmarks as columns: turned where the first column has more names of benchmarks."""

    def known(names: Sequence[str]) -> int:
        return sum(key_of(name) in counts or bool(_BENCHMARK.match(key_of(name))) for name in names)

    first = [row[0] for row in table.rows if row]
    if known(first) <= known(table.head[1:]):
        return table
    width = len(table.head)
    square = [table.head, *([*row, *[""] * (width - len(row))][:width] for row in table.rows)]
    turned = [list(column) for column in zip(*square, strict=True)]
    return Table(table.name, turned[0], turned[1:])


def _models(table: Table, columns: Sequence[int]) -> list[str]:
    """Return what each row is called: its first cell of words, with the row's number where two are the same."""
    texts = [place for place in range(len(table.head)) if place not in columns and not is_average(table.head[place])]
    worded = [p for p in texts if any(re.search(r"[^\W\d]", row[p]) for row in table.rows if p < len(row))]
    place = next(iter(worded or texts or [0]))
    names = [row[place] if place < len(row) else "" for row in table.rows]
    return [f"{name} (row {k})" if names.count(name) > 1 or not name else name for k, name in enumerate(names, 1)]
