"""Render the report: report.qmd with what was found put in, as PDF (by typst) or as one self-contained HTML file.

The working folder is put together in a temporary place: the templates of report/, the figures, and a Markdown file for
every part that is computed. Quarto renders it where it is installed, else pandoc and typst do.
"""

import json
import re
import shutil
import tempfile
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from scripts.common import cli
from scripts.common.atomic import replacing
from scripts.common.config.selection import Limopro
from scripts.common.provenance import recording
from scripts.report import (
    section_costs,
    section_data,
    section_methods,
    section_provenance,
    section_pruning,
    section_published,
    section_results,
)
from scripts.report.facts import Facts
from scripts.report.labels import counted, listed, points
from scripts.report.markdown import escape
from scripts.report.rendering import chosen_engine, engine_version, render
from scripts.report.write_findings import split_findings

# The sections of report.qmd that say nothing where nothing is trained.
OF_TRAINING = ("sec-selection", "sec-training", "sec-hygiene", "sec-limopro")
NO_STEPS = "No subset of this experiment is selected by the importance of steps.\n"


def parts(facts: Facts, findings: str, templates: Path, engine: str) -> dict[str, str]:
    """Return the Markdown of every computed part by its file name."""
    scored = any(isinstance(subset, Limopro) for subset in facts.experiment.subsets.values())
    trained = {
        "_selection.md": section_data.selection,
        "_pruning.md": section_pruning.pruning,
        "_training.md": section_data.training,
        "_training_runs.md": section_data.training_runs,
        "_rejected.md": section_data.rejection_text,
        "_account.md": section_data.account,
        "_contamination.md": section_data.contamination,
    }
    return {
        **{name: section(facts) if facts.experiment.subsets else "" for name, section in trained.items()},
        "_findings.md": findings,
        "_scores.md": section_results.scores(facts),
        "_failures.md": section_results.failures(facts),
        "_subjects.md": section_results.subjects(facts),
        "_reliability.md": section_results.reliability(facts),
        "_comparisons.md": section_results.comparisons(facts),
        "_costs.md": section_costs.costs(facts),
        "_runs.md": section_results.runs(facts),
        "_examples.md": section_results.examples(facts),
        "_limopro.md": (templates / "limopro.md").read_text(encoding="utf-8") if scored else NO_STEPS,
        "_threats.md": section_methods.threats(facts),
        "_published.md": section_published.published(facts),
        "_settings.md": section_methods.settings(facts),
        "_environment.md": section_provenance.environment(facts, engine),
        "_stages.md": section_provenance.stages(facts),
        "_artefacts.md": section_provenance.artefacts(facts),
    }


def metadata(facts: Facts, abstract: str, engine: str) -> dict[str, Any]:
    """Return what the document's front matter and its `meta` shortcodes say, as Markdown."""
    experiment = facts.experiment
    samples = sorted({benchmark.samples for benchmark in experiment.evaluation.benchmarks.values()})
    generation = experiment.evaluation.generation
    return {
        "title": escape(experiment.title),
        "author": [escape(author) for author in experiment.authors],
        "date": datetime.now(UTC).strftime("%-d %B %Y, %H:%M UTC"),
        "abstract": abstract,
        "baseline": escape(experiment.report.baseline),
        "alpha": f"{experiment.report.alpha:g}",
        "effect": points(experiment.report.interesting_effect, sign=False),
        "seeds": counted(len(experiment.training.seeds), "seed"),
        "samples": f"{listed([str(count) for count in samples])} {'sample' if samples == [1] else 'samples'}",
        "temperature": f"{generation.temperature:g}",
        "top-p": f"{generation.top_p:g}",
        "max-tokens": f"{generation.max_new_tokens:,}",
        "inference": escape(experiment.evaluation.engine),
        "engine": escape(engine),
    }


def without_sections(qmd: str, anchors: Collection[str]) -> str:
    """Return the document without the sections {#anchor}, each with all that is under its heading."""
    kept, dropped = [], 0  # dropped: the level of the heading that is left out, 0 for none
    for line in qmd.splitlines(keepends=True):
        if heading := re.match(r"(#+) .*?(?:\{#([\w-]+)\})?$", line):
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
    added = "".join(f"{key}: {json.dumps(value)}\n" for key, value in values.items() if key not in known)
    return f"---\n{front}{added}---\n{body}"


def assemble(
    folder: Path,
    templates: Path,
    figures: Path,
    files: dict[str, str],
    values: dict[str, Any],
    without: Collection[str] = (),
) -> None:
    """Put the working folder together, the document without some sections."""
    shutil.copytree(templates, folder, dirs_exist_ok=True)
    shutil.copytree(
        figures, folder / "figures", ignore=lambda _, names: [name for name in names if not name.endswith(".svg")]
    )
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    document = folder / "report.qmd"
    qmd = without_sections(document.read_text(encoding="utf-8"), without)
    document.write_text(with_front_matter(qmd, values), encoding="utf-8")


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--results", type=Path, required=True, help="the experiment's results folder")
    parser.add_argument("--experiment", type=Path, required=True, help="experiment.json")
    parser.add_argument("--findings", type=Path, required=True, help="findings.md")
    parser.add_argument("--templates", type=Path, required=True, help="the folder of report.qmd, styles and references")
    parser.add_argument("--engine", choices=["auto", "quarto", "pandoc"], default="auto", help="what renders")
    parser.add_argument("--report", type=Path, required=True, help="the document to write, .pdf or .html")
    arguments = parser.parse_args()
    form = arguments.report.suffix.removeprefix(".")
    engine = chosen_engine(arguments.engine)
    facts = Facts(arguments.results, arguments.experiment)
    inputs = [
        arguments.experiment,
        arguments.findings,
        *sorted(path for path in arguments.templates.iterdir() if path.is_file()),
    ]
    with (
        recording(outputs=[arguments.report], inputs=inputs, engine=engine),
        tempfile.TemporaryDirectory() as temporary,
    ):
        folder = Path(temporary)
        abstract, findings = split_findings(arguments.findings.read_text(encoding="utf-8"))
        version = engine_version(engine)
        values = metadata(facts, abstract, version)
        figures = arguments.results / "report" / "figures"
        files = parts(facts, findings, arguments.templates, version)
        without = () if facts.experiment.subsets else OF_TRAINING
        assemble(folder, arguments.templates, figures, files, values, without)
        document = render(folder, form, engine, values)
        with replacing(arguments.report) as target:
            shutil.copyfile(document, target)
    cli.log.info("%s by %s", arguments.report.name, version)


if __name__ == "__main__":
    cli.run(main)
