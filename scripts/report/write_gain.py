"""What each method gained over random rows and what its selection cost, as CSV: the data of the figure `gain`."""

from pathlib import Path

import pandas as pd

from scripts.common import cli
from scripts.common.atomic import replacing
from scripts.common.program import Program
from scripts.report.facts import Facts
from scripts.report.figures.gain import DATA
from scripts.report.sections.results import against_random, hours_unit, on_gpu, selection_hours


def gain(facts: Facts) -> pd.DataFrame:
    """Return a row per method on the target of the first family, or on every benchmark where there is none."""
    target, gpu = facts.experiment.primary_target(), on_gpu(facts)
    rows = [
        {**row, "method": method, "target": name, "hours": selection_hours(facts, method, gpu), "unit": hours_unit(gpu)}
        for (method, name), row in against_random(facts).items()
        if target in (None, name)
    ]
    return pd.DataFrame(rows)[DATA]


def main() -> None:
    program = Program(__doc__)
    program.add_argument("--results", type=Path, required=True, help="the experiment's results folder")
    program.add_input("--experiment", "experiment.json")
    program.add_input("--tables", "every table of the comparison", many=True)
    program.add_output("--gain", "gain.csv to write")
    arguments = program.parse()
    facts = Facts(arguments.results, arguments.experiment)
    with program.recording(), replacing(arguments.gain) as temporary:
        gain(facts).to_csv(temporary, index=False)


if __name__ == "__main__":
    cli.run(main)
