"""The appendix of settings."""

from collections.abc import Iterator
from typing import Any

from scripts.report.facts import Facts
from scripts.report.markdown import breakable, escape, table
from scripts.report.sections.base import Section


def _flat(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield (dotted key, value) of nested settings; what is not set is left out."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _flat(part, f"{key}.{name}" if key else name)
    elif isinstance(value, list) and value and all(isinstance(part, dict) for part in value):  # sources, by their names
        for part in value:
            yield from _flat(
                {name: inner for name, inner in part.items() if name != "name"}, f"{key}.{part.get('name')}"
            )
    elif value is not None and value != []:
        yield (
            key,
            ", ".join(map(str, value))
            if isinstance(value, list)
            else str(value).lower()
            if isinstance(value, bool)
            else str(value),
        )


def settings(facts: Facts) -> str:
    """Return every setting of the experiment, defaults filled in."""
    values = facts.experiment.model_dump(mode="json", exclude={"resources", "title", "authors", "name"})
    rows = [[breakable(key), escape(value)] for key, value in _flat(values)]
    caption = "The experiment's settings, defaults filled in."
    return table(["Setting", "Value"], rows, "ll", [42, 58], caption, "tbl-settings")


SECTIONS = (Section("_settings.md", settings),)
