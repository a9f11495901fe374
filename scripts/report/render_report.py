"""Render the report: report.qmd with what was found put in, as PDF (by typst) or as one self-contained HTML file.

The working folder is put together in a temporary place: the templates of report/, the figures, and a Markdown file for
every part that is computed. Quarto renders it where it is installed, else pandoc and typst do.
"""

import re
import shutil
import tempfile
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scripts.common import cli
from scripts.common.atomic import replacing
from scripts.common.program import Program
from scripts.compare.labels import counted, points
from scripts.report.document import figure_file, outline, with_front_matter
from scripts.report.facts import Facts
from scripts.report.figures import FIGURES, figures_of, picture
from scripts.report.figures.lettering import missing_in
from scripts.report.glyphs import prepare, sentence
from scripts.report.markdown import cut, escape
from scripts.report.rendering import chosen_engine, engine_version, render
from scripts.report.sections import SECTIONS
from scripts.report.sections.examples import PAGE


def metadata(facts: Facts) -> dict[str, Any]:
    """Return what the document's front matter and its `meta` shortcodes say, as Markdown."""
    experiment = facts.experiment
    return {
        "title": escape(cut(experiment.title)),
        "author": [escape(author) for author in experiment.authors],
        "date": datetime.now(UTC).strftime("%-d %B %Y, %H:%M UTC"),
        # Paragraphs, as the last line's end makes pandoc read them: a list that begins typst's content would be text.
        "abstract": "\n\n".join(line.removeprefix("- ") for line in facts.findings[0].splitlines()) + "\n",
        "baseline": escape(experiment.report.baseline),
        "alpha": f"{experiment.report.alpha:g}",
        "effect": points(experiment.report.interesting_effect, sign=False),
        "seeds": counted(len(experiment.training.seeds), "seed"),
        "engine": escape(facts.engine),
    }


def parts(facts: Facts) -> dict[str, str]:
    """Return the Markdown of every computed part and of every figure, by its file name."""
    figures = {figure_file(name): picture(name, facts.experiment) for name in figures_of(facts.experiment)}
    sections = {section.file: section.text(facts) for section in SECTIONS}
    texts = {"_findings.md": facts.findings[1], **sections, **figures}
    return {name: with_data(text, facts) for name, text in texts.items()}


_PICTURE = re.compile(r"^!\[.*\]\(figures/(\w+)\.svg\)\{.*\}$", re.MULTILINE)


def with_data(text: str, facts: Facts) -> str:
    """Return Markdown in which every figure is followed, in the HTML, by the tables that it is drawn from, as CSV.

    And by a link to the answers, where `make browse` has written them.
    """
    browse = f' · <a href="{PAGE}#">Every answer</a>' if (facts.results / "browse/index.html").is_file() else ""

    def links(match: re.Match[str]) -> str:
        names = FIGURES[match[1]].tables
        files = [facts.results / "compare" / f"{name}.csv" for name in names]
        codes = [b64encode(file.read_bytes()).decode() for file in files]
        found = [
            f'<a download="{file.name}" href="data:text/csv;base64,{code}">{file.name}</a>'
            for file, code in zip(files, codes, strict=True)
        ]
        return (
            f'{match[0]}\n\n```{{=html}}\n<p class="data">Data: {", ".join(found)}{browse}</p>\n```'
            if found
            else match[0]
        )

    return _PICTURE.sub(links, text)


def assemble(folder: Path, facts: Facts, figures: Sequence[Path], values: dict[str, Any]) -> None:
    """Put the working folder together: templates, figures, computed parts, and the document with `values` in front."""
    shutil.copytree(facts.templates, folder, dirs_exist_ok=True)
    (folder / "figures").mkdir()
    for figure in figures:
        shutil.copy2(figure, folder / "figures")
    texts = parts(facts)
    missing = prepare(folder, [*texts.values(), *map(str, values.values())])
    if missing:
        cli.log.warning(sentence(missing))
    drawn = sorted({letter for figure in figures for letter in missing_in(figure)})
    for name, text in {**texts, "_glyphs.md": said_of(missing, drawn)}.items():
        (folder / name).write_text(text, encoding="utf-8")
    document = folder / "report.qmd"
    qmd = outline(document.read_text(encoding="utf-8"), facts.experiment)
    document.write_text(with_front_matter(qmd, values), encoding="utf-8")


def said_of(missing: list[str], drawn: list[str]) -> str:
    """Return what the page says of characters without a glyph: in the PDF (`missing`), and in the figures (`drawn`)."""
    in_text = f'```{{=typst}}\n#par(text(8.5pt, "{sentence(missing)}"))\n```\n' if missing else ""
    return in_text + (f"\n{escape(sentence(drawn, 'figures show'))}\n" if drawn else "")


def main() -> None:
    program = Program(__doc__)
    program.add_argument("--results", type=Path, required=True, help="the experiment's results folder")
    program.add_input("--experiment", "experiment.json")
    program.add_input("--findings", "findings.md")
    program.add_input("--tables", "every table of the comparison", many=True)
    program.add_input("--checks", "what check_model found of each model", many=True, optional=True)
    program.add_input("--figures", "every figure, as SVG", many=True)
    program.add_input("--examples", "examples.json")
    program.add_input("--chains", "chains.json, where steps were scored", optional=True)
    program.add_input("--published", "CSV of published numbers", optional=True)
    program.add_input("--templates", "the folder of report.qmd, styles and references")
    program.add_argument("--engine", choices=["auto", "quarto", "pandoc"], default="auto", help="what renders")
    program.add_output("--report", "the document to write, .pdf or .html")
    arguments = program.parse()
    form = arguments.report.suffix.removeprefix(".")
    engine = chosen_engine(arguments.engine)
    facts = Facts(arguments.results, arguments.experiment, arguments.templates)
    facts.refuse_mixed(program.inputs)
    with program.recording() as recorded, tempfile.TemporaryDirectory() as temporary:
        folders = Path(temporary)
        try:
            document = rendered(folders / engine, facts, arguments.figures, form, engine)
        except (RuntimeError, OSError) as error:
            if arguments.engine != "auto" or engine != "quarto":
                raise
            cli.log.warning("Quarto failed, so pandoc and typst render the report: %s", last_line(str(error)))
            engine = "pandoc"
            document = rendered(folders / engine, facts, arguments.figures, form, engine, " (Quarto failed)")
        recorded["engine"] = engine
        with replacing(arguments.report) as target:
            shutil.copyfile(document, target)
    cli.log.info("%s by %s", arguments.report.name, facts.engine)


def rendered(folder: Path, facts: Facts, figures: Sequence[Path], form: str, engine: str, remark: str = "") -> Path:
    """Put a working folder together and return the document that an engine makes of it.

    `remark` follows the engine's name in the report's provenance.
    """
    facts.engine = f"{engine_version(engine)}{remark}"
    values = metadata(facts)
    assemble(folder, facts, figures, values)
    return render(folder, form, engine, values)


def last_line(text: str) -> str:
    """Return the last line of a program's words that says anything."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "it said nothing")


if __name__ == "__main__":
    cli.run(main)
