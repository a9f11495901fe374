"""What a section says of itself: its Markdown file, which experiments have it, what writes it."""

from collections.abc import Callable
from typing import NamedTuple

from scripts.common.config.experiment import Experiment
from scripts.report.facts import Facts
from scripts.report.needs import always


class Section(NamedTuple):
    """A part of the report that is computed. One that report.qmd does not include stands after the provenance."""

    file: str
    """The name that report.qmd includes it by: _name.md."""
    write: Callable[[Facts], str]
    """Returns Markdown; what is data in it is escaped (scripts.report.markdown)."""
    when: Callable[[Experiment], bool] = always
    otherwise: str = ""
    """The Markdown of an experiment that does not have it."""

    def text(self, facts: Facts) -> str:
        """Return the section's Markdown for an experiment."""
        return self.write(facts) if self.when(facts.experiment) else self.otherwise
