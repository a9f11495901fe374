"""What a figure says of itself: what it is drawn from, which experiments have it, what stands under it, and where."""

from collections.abc import Callable
from typing import Any, NamedTuple

from scripts.common.config.experiment import Experiment
from scripts.common.layout import Layout
from scripts.common.program import Program, flag_of
from scripts.compare.tables import read_csv
from scripts.report.needs import always


class Figure(NamedTuple):
    """One figure; the program of its file draws it, with options named as the files and settings below."""

    caption: str | Callable[[Experiment], str]
    """Markdown, maybe by experiment. What is data in it must be escaped (scripts.report.markdown)."""
    alt: str
    """What the picture shows, as plain text, for who cannot see it."""
    section: str | None = None
    """The section of report.qmd at whose end it stands (its anchor); None where report.qmd or a section places it."""
    tables: tuple[str, ...] = ()
    """Tables of the comparison."""
    files: Callable[[Layout, Experiment], dict[str, Any]] = lambda paths, experiment: {}
    """Other files, by option."""
    settings: Callable[[Experiment], dict[str, Any]] = lambda experiment: {}
    """Settings, by option."""
    when: Callable[[Experiment], bool] = always

    def inputs(self, paths: Layout, experiment: Experiment) -> dict[str, Any]:
        """Return the figure's files by option."""
        return {name: paths.table(name) for name in self.tables} | self.files(paths, experiment)

    def markdown(self, name: str, experiment: Experiment) -> str:
        """Return the figure called `name` as Markdown: `@fig-name` refers to it (an underscore becomes a dash)."""
        caption = self.caption if isinstance(self.caption, str) else self.caption(experiment)
        alt = self.alt.replace("\\", "\\\\").replace('"', '\\"')
        return f'![{caption}](figures/{name}.svg){{#fig-{name.replace("_", "-")} fig-alt="{alt}"}}'

    def draw(self, docstring: str | None, plot: Callable[..., None]) -> None:
        """Be the program of a figure that is drawn from tables alone: `plot` gets them in their order, then the path.

        A figure with other files or settings has a program of its own.
        """
        program = Program(docstring)
        for name in self.tables:
            program.add_input(flag_of(name), f"{name}.csv")
        program.add_output("--figure", "the SVG to write")
        arguments = program.parse()
        with program.recording():
            plot(*(read_csv(name, getattr(arguments, name)) for name in self.tables), arguments.figure)
