"""Write the answers and the training rows of an experiment as a folder to look through, in a browser, from disk.

The folder is results/<name>/browse; open its index.html. No server, no network, nothing to install. What has not been
answered yet is left out, and told.
"""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from scripts.common import cli
from scripts.common.atomic import replacing
from scripts.common.cli import UserError
from scripts.common.config.experiment import Experiment
from scripts.common.config.load import read_experiment
from scripts.common.layout import Layout
from scripts.common.program import Program
from scripts.manage.browsing.answers import arms_of, models_of, write_benchmarks
from scripts.manage.browsing.parts import write_part
from scripts.manage.browsing.rows import write_rows
from scripts.report.markdown import cut

PAGE = Path(__file__).parent / "browsing" / "page"
ROWS = 5000


def _missing(benchmarks: list[dict[str, Any]], names: Iterable[str], experiment: Experiment) -> list[str]:
    """Return which models have not answered which benchmarks, as 'model / benchmark'."""
    answered = {entry["name"]: set(entry["answers"]) for entry in benchmarks}
    return [
        f"{name} / {benchmark}"
        for benchmark in experiment.evaluation.benchmarks
        for place, name in enumerate(names)
        if place not in answered.get(benchmark, set())
    ]


def write_browser(folder: Path, experiment: Experiment, paths: Layout, rows: int = ROWS) -> dict[str, Any]:
    """Write the page and its data into an empty or absent folder; return the index.

    Raises UserError where nothing has been answered yet.
    """
    shutil.copytree(PAGE, folder)
    models = models_of(experiment)
    benchmarks = write_benchmarks(folder, experiment, paths)
    if not benchmarks:
        raise UserError(f"'{paths.results}' holds no answers yet: run snakemake first, then make browse again")
    index = {
        "name": experiment.name,
        "title": cut(experiment.title),
        "models": [model.name for model in models],
        "arms": arms_of(models, set(experiment.arms())),
        "benchmarks": benchmarks,
        "missing": _missing(benchmarks, [model.name for model in models], experiment),
        "rows": write_rows(folder, experiment, paths, benchmarks, rows),
    }
    write_part(folder, "index", index)
    return index


def main() -> None:
    program = Program(__doc__)
    program.add_argument("--config", type=Path, default=Path("config.yaml"), help="the experiment file")
    program.add_argument("--rows", type=int, default=ROWS, help=f"most training rows to show ({ROWS:,})")
    arguments = program.parse_args()
    experiment = read_experiment(arguments.config)
    paths = Layout(experiment.name)
    page = Path(paths.path("browse"))
    with replacing(page.parent) as folder:
        index = write_browser(folder, experiment, paths, arguments.rows)
    answers = sum(sum(found["answers"]) for entry in index["benchmarks"] for found in entry["answers"].values())
    rows = index["rows"]
    shown = f", {len(rows['ids']):,} of {rows['all']:,} training rows" if rows else ""
    print(f"{page}: {answers:,} answers{shown}. Open it in a browser.")
    if index["missing"]:
        print(f"Not answered yet: {', '.join(index['missing'])}")


if __name__ == "__main__":
    cli.run(main)
