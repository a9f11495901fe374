"""The outline of the document: what is left out, what is put in where nothing names a place."""

import pytest
import yaml

from scripts.common.config.experiment import Experiment
from scripts.common.digest import ROOT
from scripts.report import document
from scripts.report.document import OF_TRAINING, at_the_end_of, include, outline, with_front_matter, without_sections
from scripts.report.markdown import escape
from scripts.report.sections import SECTIONS
from scripts.report.sections.base import Section

QMD = (ROOT / "report/report.qmd").read_text(encoding="utf-8")


def test_sections_are_left_out_whole() -> None:
    document = (
        "# A {#a}\n\none\n\n# B {#b}\n\ntwo\n\n## C {#c}\n\nthree\n\n# D {#d}\n\n## E {#e}\n\nfour\n\n## F\n\nfive\n"
    )
    assert without_sections(document, ("b", "e")) == "# A {#a}\n\none\n\n# D {#d}\n\n## F\n\nfive\n"
    shorter = without_sections(QMD, OF_TRAINING)
    assert all(f"{{#{anchor}}}" in QMD and anchor not in shorter for anchor in OF_TRAINING)
    assert "{#sec-evaluation}" in shorter and "{#sec-threats}" in shorter


def test_front_matter_keeps_hostile_values() -> None:
    text = with_front_matter("---\nlang: en\n---\nbody\n", {"title": escape('a: "b" --- #c'), "lang": "fr"})
    assert yaml.safe_load(text.split("---\n")[1]) == {"lang": "en", "title": escape('a: "b" --- #c')}


def test_the_end_of_a_section_is_before_the_next_of_its_level() -> None:
    qmd = "# A {#a}\n\none\n\n## B {#b}\n\ntwo\n\n# C {#c}\n\nthree\n"
    assert at_the_end_of(qmd, "a", ["x", "y"]) == qmd.replace("# C", "x\n\ny\n\n# C")
    assert at_the_end_of(qmd, "b", ["x"]) == qmd.replace("# C", "x\n\n# C")
    assert at_the_end_of(qmd, "c", ["x"]) == qmd + "\nx\n"
    with pytest.raises(ValueError, match=r"no section \{#d\}"):
        at_the_end_of(qmd, "d", ["x"])


def test_a_section_that_the_document_does_not_include_stands_after_the_provenance(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [section.file for section in SECTIONS if include(section.file) not in QMD] == []
    monkeypatch.setattr(document, "SECTIONS", (*SECTIONS, Section("_new.md", lambda facts: "")))
    headings = [line for line in outline(QMD, experiment).splitlines() if line.startswith(("# ", "{{< include _new"))]
    place = headings.index(include("_new.md"))
    assert headings[place - 1].startswith("# Provenance") and headings[place + 1].startswith("# References")
