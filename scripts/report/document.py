"""The outline of the document: report.qmd without what an experiment does not have, with what it does not name."""

import json
import re
from collections.abc import Collection, Iterable
from typing import Any

import yaml

from scripts.common.config.experiment import Experiment
from scripts.report.figures import FIGURES, figures_of
from scripts.report.sections import SECTIONS

# The sections of report.qmd that say nothing where nothing is trained.
OF_TRAINING = ("sec-selection", "sec-training", "sec-hygiene", "sec-limopro")
LAST = "sec-provenance"
"""The section after which those stand that report.qmd does not include."""

_HEADING = re.compile(r"(#+) .*?(?:\{#([\w-]+)\})?\n?")


def outline(qmd: str, experiment: Experiment) -> str:
    """Return the document for an experiment: what it names no place for is put in, what says nothing is left out."""
    unplaced = [section.file for section in SECTIONS if f"include {section.file} " not in qmd]
    qmd = at_the_end_of(qmd, LAST, map(include, unplaced))
    for name in figures_of(experiment):
        if anchor := FIGURES[name].section:
            qmd = at_the_end_of(qmd, anchor, [include(figure_file(name))])
    return qmd if experiment.subsets else without_sections(qmd, OF_TRAINING)


def include(file: str) -> str:
    """Return what puts a Markdown file into the document."""
    return f"{{{{< include {file} >}}}}"


def figure_file(name: str) -> str:
    """Return the Markdown file of a figure, with its caption."""
    return f"_figure_{name}.md"


def at_the_end_of(qmd: str, anchor: str, blocks: Iterable[str]) -> str:
    """Return the document with paragraphs added at the end of a section, before the next heading of its level.

    Raises ValueError where no heading is {#anchor}.
    """
    lines, level = qmd.splitlines(keepends=True), 0  # level: that of the section, 0 before it
    for place, line in enumerate(lines):
        if heading := _HEADING.fullmatch(line):
            if level and len(heading[1]) <= level:
                return "".join([*lines[:place], *(f"{block}\n\n" for block in blocks), *lines[place:]])
            level = len(heading[1]) if heading[2] == anchor else level
    if not level:
        raise ValueError(f"report.qmd has no section {{#{anchor}}}")
    return "".join([*lines, *(f"\n{block}\n" for block in blocks)])


def without_sections(qmd: str, anchors: Collection[str]) -> str:
    """Return the document without the sections {#anchor}, each with all that is under its heading."""
    kept, dropped = [], 0  # dropped: the level of the heading that is left out, 0 for none
    for line in qmd.splitlines(keepends=True):
        if heading := _HEADING.fullmatch(line):
            level = len(heading[1])
            if not dropped or level <= dropped:
                dropped = level if heading[2] in anchors else 0
        if not dropped:
            kept.append(line)
    return "".join(kept)


def with_front_matter(qmd: str, values: dict[str, Any]) -> str:
    """Return the document with `values` added to its front matter. JSON strings are YAML strings."""
    _, front, body = qmd.split("---\n", 2)
    known = yaml.safe_load(front)
    added = "".join(
        f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in values.items() if key not in known
    )
    return f"---\n{front}{added}---\n{body}"
