"""The figure that docs/extending.md adds: its file, its line in the table, and it is in the report."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.common.digest import ROOT
from scripts.common.layout import Layout

TABLE = "scripts/report/figures/__init__.py"


def figure_of_the_page() -> tuple[str, str]:
    """Return the file and the line of the table, as they stand in the page."""
    page = (ROOT / "docs/extending.md").read_text(encoding="utf-8").split("\n## A figure\n")[1].split("\n## ")[0]
    file, line = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    return file, line


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what the report is made by, with the figure entered."""
    for folder in ("scripts", "report", "envs"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    file, line = figure_of_the_page()
    (tmp_path / "scripts/report/figures/lengths.py").write_text(file)
    table = (tmp_path / TABLE).read_text()
    table = table.replace("    loss,\n", "    lengths,\n    loss,\n").replace("\n}\n", f"\n{line}}}\n", 1)
    (tmp_path / TABLE).write_text(table)
    return tmp_path


def test_a_figure_takes_a_file_and_a_line(checkout: Path, results: Path) -> None:
    """The whole way, as the rules go it: inputs by the table, the program, the document."""
    shutil.copytree(results, checkout / "results/demo")
    script = """
from scripts.common.config.experiment import Experiment
from scripts.report.figures import FIGURES, figures_of
from tests.made_up_results import Folder, call, render
from pathlib import Path
root = Path("results/demo")
paths, name = Folder(str(root)), "lengths"
experiment = Experiment.model_validate_json(Path(paths.path("experiment")).read_text())
assert name in figures_of(experiment)
call(f"report.figures.{name}", **FIGURES[name].inputs(paths, experiment), figure=paths.path("figure", figure=name))
render(root, Path("report.html"), Path("report"))
"""
    shutil.copytree(ROOT / "tests", checkout / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    (checkout / "try_figure.py").write_text(script)
    run = subprocess.run(
        [sys.executable, "try_figure.py"],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(checkout)},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    assert (checkout / Layout("demo").path("figure", figure="lengths")).is_file()
    html = (checkout / "report.html").read_text(encoding="utf-8")
    assert 'id="fig-lengths"' in html and 'alt="Bars of the mean length of an answer, an arm a bar."' in html
    assert html.index('id="sec-costs"') < html.index('id="fig-lengths"') < html.index('id="sec-selection"')
    changed = subprocess.run(
        ["diff", "-rq", "-x", "__pycache__", ROOT / "scripts", checkout / "scripts"], capture_output=True, text=True
    ).stdout.splitlines()
    assert len(changed) == 2, changed
