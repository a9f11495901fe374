"""The account of a reading: which form the rows had, which columns were taken for what, which were left out, and why
rows could not be read. It stands in the log, in the record beside raw.parquet, and in the report."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

NAMES = 200
"""Names that are counted one by one; a broken file may have millions."""
LONG = 200
"""Characters from which on a text that was left out may be a chain."""


def _count(counter: Counter[str], name: str) -> None:
    counter[name if name in counter or len(counter) < NAMES else "(others)"] += 1


@dataclass
class Account:
    """What was read, counted in rows."""

    rows: int = 0
    layouts: list[str] = field(default_factory=list)
    """What the files are: "JSON lines"."""
    formats: Counter[str] = field(default_factory=Counter)
    taken: dict[str, Counter[str]] = field(default_factory=dict)
    """For each thing taken (question, reasoning, ...) the columns."""
    left_out: Counter[str] = field(default_factory=Counter)
    """Columns that hold something and were not taken."""
    longer: Counter[str] = field(default_factory=Counter)
    """Columns that were left out though they hold more text than the response."""
    notes: Counter[str] = field(default_factory=Counter)
    """Choices that were made, in words."""
    defects: Counter[str] = field(default_factory=Counter)
    """Rows that could not be read, by reason."""
    examples: dict[str, str] = field(default_factory=dict)
    """The first row of each reason: where it stands, and what is wrong."""

    def add_layout(self, layout: str) -> None:
        """Note what a file is."""
        if layout not in self.layouts:
            self.layouts.append(layout)

    def add_row(
        self,
        row: Mapping[str, Any],
        form: str,
        taken: Mapping[str, str],
        left_out: list[str],
        notes: list[str],
        size: int,
    ) -> None:
        """Count a row that was read; `size` is the length of its response in characters."""
        self.rows += 1
        _count(self.formats, form)
        for column, role in taken.items():
            _count(self.taken.setdefault(role, Counter()), str(column))
        for column in left_out:
            _count(self.left_out, column)
            text = row.get(column)
            if isinstance(text, str) and len(text) > max(LONG, size):
                _count(self.longer, column)
        for note in notes:
            _count(self.notes, note)

    def add_defect(self, reason: str, detail: str, place: str) -> None:
        """Count a row that could not be read."""
        self.rows += 1
        self.defects[reason] += 1
        self.examples.setdefault(reason, f"{place}: {detail}")

    def refusal(self, what: str) -> str:
        """Return the sentence that says why no row at all could be read."""
        reason, count = self.defects.most_common(1)[0]
        whole = f"none of the {self.rows:,} rows of {what} can be read"
        return f"{whole}; reason '{reason}' ({count:,} rows), the first is {self.examples[reason]}"

    def lines(self) -> Iterator[str]:
        """Yield the account in words."""
        yield f"{self.rows:,} rows; read as {', '.join(self.layouts) or 'nothing'}"
        yield f"forms: {_listed(self.formats)}"
        for role, columns in self.taken.items():
            yield f"{role}: from {_listed(columns)}"
        yield f"columns left out: {_listed(self.left_out)}"
        if self.longer:
            yield f"WARNING: left out, though longer than the response: {_listed(self.longer)}"
        for note, count in self.notes.most_common():
            yield f"{note} ({count:,} rows)"
        for reason, count in self.defects.most_common():
            yield f"not read: {count:,} rows {reason}, the first is {self.examples[reason]}"

    def as_dict(self) -> dict[str, Any]:
        """Return the account as it stands in a record of provenance."""
        return {
            "rows": self.rows,
            "layouts": self.layouts,
            "formats": dict(self.formats),
            "taken": {role: dict(columns) for role, columns in self.taken.items()},
            "left_out": dict(self.left_out),
            "longer": dict(self.longer),
            "notes": dict(self.notes),
            "defects": dict(self.defects),
            "examples": self.examples,
        }


def _listed(counter: Counter[str]) -> str:
    return ", ".join(f"{name} ({count:,})" for name, count in counter.most_common()) or "none"
