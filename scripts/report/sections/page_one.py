"""Page one below the summary: every answer as a mark with its difference, and what changes how the results read."""

from typing import Any

import pandas as pd

from scripts.compare.labels import FAMILIES, is_control, points
from scripts.compare.statistics import NOTHING
from scripts.report.cautions import cautions
from scripts.report.facts import Facts
from scripts.report.markdown import breakable, escape, table
from scripts.report.plain import NO_WORSE, asked_in_words, decided, reading
from scripts.report.sections.base import Section

# Shape and colour say the same; typst's are in report/typst-template.typ, the colours of HTML in report/report.css.
SHAPES = {"better": "▲", "worse": "▼", NO_WORSE: "◆", NOTHING: "○"}
WORDS = {"better": "better", "worse": "worse", NO_WORSE: "no worse", NOTHING: "cannot say"}
WHOLE, SHORT = 5, 10  # columns of differences up to which an interval, and up to which a difference, has room
MOST_ROWS = 14  # what leaves the page room for the figure


def mark(kind: str) -> str:
    """Return the mark of a reading (one of plain.VERDICTS) as Markdown, for both forms of the document."""
    name = WORDS[kind].replace(" ", "-")
    html = f'<span class="mark {name}" role="img" aria-label="{WORDS[kind]}">{SHAPES[kind]}</span>'
    return f"`#mark-{name};`{{=typst}}`{html}`{{=html}}"


def cell(row: "pd.Series[Any] | None", columns: int) -> str:
    """Return one answer: its mark, and the difference and its interval where so many columns leave room."""
    if row is None:
        return "–"
    text = mark(reading(row))
    if columns <= SHORT:
        text += f"\u00a0{points(row['difference'])}"
    if columns <= WHOLE:
        text += f" \\[{points(row['ci_low'])},\u00a0{points(row['ci_high'])}\\]"
    return text + ("" if row["level"] == "method" or columns > SHORT else "\u00a0†")


def questions(facts: Facts) -> tuple[pd.DataFrame, list[str], list[str]]:
    """Return all comparisons of page one, with `column` for where each stands, and the names of the columns:
    benchmarks and averages."""
    primary = facts.table("primary") if facts.experiment.primary_target() else None
    found = decided(facts.table("comparisons"), primary)
    found = found.rename(columns={"benchmark": "column"}).assign(average=False)
    parts = [found]
    if facts.experiment.report.averages:
        named = decided(facts.table("average_comparisons"), primary, "average").rename(columns={"average": "column"})
        parts.append(named.assign(average=True))
    whole = pd.concat(parts, ignore_index=True)
    whole = whole[~whole["subset"].map(is_control)]
    names = [list(dict.fromkeys(whole[whole["average"] == is_average]["column"])) for is_average in (False, True)]
    return whole, names[0], names[1]


def shown_rows(whole: pd.DataFrame) -> tuple[list[tuple[str, str]], int]:
    """Return (question, arm) of the rows that page one has room for, and how many it leaves to the tables.

    Where there are too many, what is held against the baseline goes first, unless nothing else is asked.
    """
    pairs = whole[["question", "subset"]].drop_duplicates().itertuples(index=False, name=None)
    rows = sorted(pairs, key=lambda pair: FAMILIES.index(pair[0]))
    if len(rows) > MOST_ROWS and any(question != "base" for question, _ in rows):
        kept = [pair for pair in rows if pair[0] != "base"]
    else:
        kept = rows
    return kept[:MOST_ROWS], len(rows) - len(kept[:MOST_ROWS])


def answers(facts: Facts) -> str:
    """Return the table of page one: a question (and arm) a row, a benchmark or average a column."""
    whole, benchmarks, averages = questions(facts)
    rows, left = shown_rows(whole)
    columns = [(name, False) for name in benchmarks] + [(name, True) for name in averages]
    several = whole["subset"].nunique() > 1
    cells = {(r["question"], r["subset"], r["column"], r["average"]): r for _, r in whole.iterrows()}
    lines, before = [], None
    for question, subset in rows:
        asked = escape(asked_in_words(question, facts.experiment)) if question != before else ""
        before = question
        values = [cell(cells.get((question, subset, *column)), len(columns)) for column in columns]
        lines.append([asked, *([breakable(subset)] if several else []), *values])
    first = [24, 14] if several else [30]
    width = max(5, round((100 - sum(first)) / len(columns)))
    widths = first + [width] * len(columns)
    heads = [f"Average, {escape(name)}" if average else escape(name) for name, average in columns]
    headers = ["Question", *(["Arm"] if several else []), *heads]
    return table(headers, lines, "l" * len(headers), widths, _caption(whole, len(columns), left, facts), "tbl-answers")


def _caption(whole: pd.DataFrame, columns: int, left: int, facts: Facts) -> str:
    kinds = [kind for kind in SHAPES if kind in set(whole.apply(reading, axis=1))]
    legend = ", ".join(f"{mark(kind)} {WORDS[kind]}" for kind in kinds)
    text = f"The answers: {legend}."
    if columns <= SHORT:
        text += " Numbers are differences in percentage points" + (
            " with their intervals." if columns <= WHOLE else "."
        )
    if NO_WORSE in kinds:
        margin = points(-facts.experiment.report.margin)
        text += f" No worse: the one-sided bound (@tbl-comparisons) is above {margin} points."
    if columns <= SHORT and (whole["level"] != "method").any():
        text += " † of these runs only."
    if left:
        text += f" {left} more rows are in @tbl-comparisons."
    return text


CARE = """::: {{.care}}

```{{=typst}}
#care[
```

**Read with care**

{items}

```{{=typst}}
]
```

:::
"""


def page_one(facts: Facts) -> str:
    """Return the table of answers and, where there are such, the box of cautions."""
    found = cautions(facts)
    box = CARE.format(items="\n".join(f"- {text}" for text in found)) if found else ""
    return f"{answers(facts)}\n{box}"


SECTIONS = (Section("_page_one.md", page_one),)
