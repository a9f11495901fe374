"""From a folder with report.qmd to one document: by Quarto, or by the parts it is made of (pandoc and typst).

Both read the same source. The fallback does by itself what Quarto does: it puts in includes and metadata, numbers
cross-references (report/filter.lua), and calls pandoc, then typst for the PDF.
"""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scripts.common.cli import UserError

_INCLUDE = re.compile(r"^\{\{< include (\S+) >\}\}$", re.MULTILINE)
_META = re.compile(r"\{\{< meta (\S+) >\}\}")
_LABEL = re.compile(r"\{#((?:fig|tbl|sec|eq)-[\w-]+)")
_CITED = re.compile(r"(?<![\w\\])@([A-Za-z][\w-]*)")
_HEIGHT = re.compile(r'<svg [^>]*?height="([\d.]+)pt"')
TALL = 190.0  # points of a figure that floats: with its caption, a third of a page
_ENTRY = re.compile(r"^@\w+\{([^,\s]+),", re.MULTILINE)


def chosen_engine(engine: str) -> str:
    """Return quarto or pandoc for a setting, maybe auto. Raises UserError where Quarto is asked for and missing."""
    if engine == "quarto" and not shutil.which("quarto"):
        raise UserError("report.engine: quarto is not on the PATH; install it, or set the engine to auto or pandoc")
    return "pandoc" if engine == "pandoc" or not shutil.which("quarto") else "quarto"


def engine_version(engine: str) -> str:
    """Return the name and version of what renders."""
    if engine == "quarto":
        return f"Quarto {_run(['quarto', '--version'], Path.cwd()).strip()}"
    import importlib.metadata

    import pypandoc

    return f"pandoc {pypandoc.get_pandoc_version()} and typst {importlib.metadata.version('typst')}"


def expand(folder: Path, metadata: dict[str, Any]) -> str:
    """Return report.qmd of `folder` with its includes and metadata put in."""

    def included(match: re.Match[str]) -> str:
        return (folder / match[1]).read_text(encoding="utf-8")

    def value(match: re.Match[str]) -> str:
        if match[1] not in metadata:
            raise UserError(
                f"report.qmd: there is no metadata key '{match[1]}' (there are: {', '.join(sorted(metadata))})"
            )
        return str(metadata[match[1]])

    # One pass: what an include brings in is not searched for includes.
    return _META.sub(value, _INCLUDE.sub(included, (folder / "report.qmd").read_text(encoding="utf-8")))


def check_references(text: str, bibliography: str) -> None:
    """Raise UserError for the first cross-reference or citation in `text` that nothing bears."""
    known = set(_LABEL.findall(text)) | set(_ENTRY.findall(bibliography))
    for name in _CITED.findall(text):
        if name.rstrip("-_") not in known and name not in known:
            raise UserError(
                f"report: '@{name}' refers to nothing: no figure, table, section, equation or bibliography entry has "
                "that name"
            )


def render(folder: Path, form: str, engine: str, metadata: dict[str, Any]) -> Path:
    """Render report.qmd of `folder` as `form` (pdf or html) and return the document, a file in `folder`."""
    text = expand(folder, metadata)
    check_references(text, (folder / "references.bib").read_text(encoding="utf-8"))
    let_float(folder)
    if engine == "quarto":
        return _quarto(folder, form)
    makers: dict[str, Callable[[Path, str], Path]] = {"pdf": _pandoc_pdf, "html": _pandoc_html}
    return makers[form](folder, text)


def let_float(folder: Path) -> None:
    """Tell the PDF's template in `folder` which figures float: the front page's, and tall ones."""
    labels = ["fig-differences"]
    for file in sorted((folder / "figures").glob("*.svg")):
        height = _HEIGHT.search(file.read_text(encoding="utf-8"))
        if height and float(height[1]) > TALL:
            labels.append(f"fig-{file.stem.replace('_', '-')}")
    template = folder / "typst-template.typ"
    selector = f"#let tall = selector(<{labels[0]}>).or({', '.join(f'<{label}>' for label in labels)})\n"
    template.write_text(selector + template.read_text(encoding="utf-8"), encoding="utf-8")


def _run(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed with exit code {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done.stdout


def _quarto(folder: Path, form: str) -> Path:
    target = {"pdf": "typst", "html": "html"}[form]
    _run(["quarto", "render", "report.qmd", "--to", target, "--output", f"report.{form}"], folder)
    return folder / f"report.{form}"


def _pandoc(folder: Path, text: str, target: str, options: list[str]) -> Path:
    import pypandoc

    source, document = folder / "expanded.md", folder / f"report.{'typ' if target == 'typst' else target}"
    source.write_text(text, encoding="utf-8")
    # Pandoc itself and not its Python wrapper: paths are then those of the folder, and warnings are errors.
    common = [
        "--from=markdown",
        f"--to={target}",
        "--standalone",
        "--lua-filter=filter.lua",
        "--citeproc",
        "--fail-if-warnings",
    ]
    _run([pypandoc.get_pandoc_path(), source.name, f"--output={document.name}", *common, *options], folder)
    return document


def _pandoc_pdf(folder: Path, text: str) -> Path:
    import typst

    source = _pandoc(folder, text, "typst", ["--template=pandoc-template.typ"])
    typst.compile(source, output=folder / "report.pdf", root=folder)
    return folder / "report.pdf"


def _pandoc_html(folder: Path, text: str) -> Path:
    options = [
        "--embed-resources",
        "--css=report.css",
        "--include-in-header=head.html",
        "--mathml",
        "--number-sections",
        "--toc",
        "--toc-depth=2",
        "--section-divs",
    ]
    return _pandoc(folder, text, "html", options)
