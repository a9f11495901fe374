"""The sections on sources: as what each was read, and the account of rows by source."""

from collections.abc import Iterator, Mapping
from typing import Any

from scripts.common.config.experiment import Experiment
from scripts.common.layout import FILES
from scripts.compare.labels import counted
from scripts.report.facts import Facts
from scripts.report.markdown import escape, table
from scripts.report.sections.base import Section


def fetched(experiment: Experiment) -> bool:
    """Where rows were read from files."""
    return bool(experiment.sources()) and not experiment.is_demo_data()


def several(experiment: Experiment) -> bool:
    """Where the data set has several sources."""
    return len(experiment.sources()) > 1


def _readings(facts: Facts) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every source and the account of its reading, where its record has one."""
    for source in facts.experiment.sources():
        several_ = isinstance(facts.experiment.dataset, list)
        file = FILES["raw_source"].format(source=source.name) if several_ else FILES["raw"]
        if reading := facts.provenance.get(file, {}).get("reading"):
            yield source.name or source.path or source.source, reading


def _listed(counts: Mapping[str, int], rows: int) -> str:
    """Return names with how many rows each is of, where that is not all."""
    return ", ".join(
        escape(name) + ("" if count == rows else f" ({count:,})")
        for name, count in sorted(counts.items(), key=lambda item: -item[1])
    )


def reading(facts: Facts) -> str:
    """Return as what each source was read: its form, the columns taken and left out, the choices made."""
    rows, notes = [], []
    for name, account in _readings(facts):
        read = account["rows"] - sum(account["defects"].values())
        taken = "; ".join(f"{escape(role)}: {_listed(columns, read)}" for role, columns in account["taken"].items())
        form = f"{escape(', '.join(account['layouts']))}; {_listed(account['formats'], read)}"
        left_out = _listed(account["left_out"], read) or "none"
        rows.append([escape(name), f"{account['rows']:,}", form, taken, left_out])
        notes += [
            f"Of {escape(name)}: {escape(note)} ({counted(count, 'row')})." for note, count in account["notes"].items()
        ]
        if longer := account["longer"]:
            held = _listed(longer, read)
            notes.append(
                f"Of {escape(name)} these columns were left out though they hold more text than the response: {held}."
            )
        for reason, count in account["defects"].items():
            what = f"{counted(count, 'row')} could not be read ({escape(reason)})"
            notes.append(f"Of {escape(name)} {what}; the first is {escape(account['examples'][reason])}.")
    if not rows:
        return ""
    caption = "As what the sources were read. A number is of rows, where it is not all that could be read."
    headers = ["Source", "Rows", "Form", "Taken", "Left out"]
    listed = table(headers, rows, "lrlll", [15, 10, 20, 35, 20], caption, "tbl-reading")
    return "\n\n".join([listed, *notes])


def by_source(facts: Facts) -> str:
    """Return the account of rows by source."""
    rows = []
    for source, mine in facts.table("sources").groupby("source", sort=False):
        count = mine.groupby("stage", sort=False)["rows"].sum()
        why = mine[mine["stage"] == "rejected"]
        reasons = ", ".join(f"{escape(r.reason.replace('_', ' '))} {r.rows:,}" for r in why.itertuples())
        cells = [f"{int(count.get(stage, 0)):,}" for stage in ("raw", "rejected", "contaminated", "clean")]
        rows.append([escape(source), *cells, reasons])
    caption = "The account of rows by source."
    headers = ["Source", "Raw", "Rejected", "Contaminated", "Clean", "Rejected as"]
    return table(headers, rows, "lrrrrl", [18, 11, 11, 13, 11, 36], caption, "tbl-sources")


SECTIONS = (
    Section("_reading.md", reading, fetched),
    Section("_sources.md", by_source, several),
)
