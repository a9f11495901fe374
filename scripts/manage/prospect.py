"""An experiment's jobs and what they take: what plan and status both start from."""

import argparse
from pathlib import Path
from typing import NamedTuple

from scripts.common.cli import UserError
from scripts.common.config.experiment import Experiment
from scripts.common.config.load import read_experiment
from scripts.common.layout import Layout
from scripts.manage.estimate import Cost, Line, job_costs, lines
from scripts.manage.graph import Job, planned_jobs
from scripts.manage.measured import benchmark_files, seconds_by_rule, training_seconds
from scripts.manage.rates import Book, add_rate_options, rates_from
from scripts.manage.sizes import Sizes
from scripts.manage.work import Workload


class Prospect(NamedTuple):
    """An experiment, its jobs, and what those left take."""

    experiment: Experiment
    jobs: list[Job]
    costs: list[Cost]
    table: list[Line]
    workload: Workload


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that plan and status share."""
    parser.add_argument("--config", type=Path, default=Path("config.yaml"), help="the experiment file")
    parser.add_argument("--target", help="up to a target: pool, subsets, models or scores (default: the report)")
    parser.add_argument("--rows", type=int, help="rows of the data set, where the experiment file does not tell")
    parser.add_argument("--parameters", type=float, metavar="BILLIONS", help="of the experiment's model")
    add_rate_options(parser)


def look_ahead(arguments: argparse.Namespace) -> Prospect:
    """Return the jobs of the experiment that `arguments` name, and what those left take."""
    for option in ("rows", "parameters"):
        if (value := getattr(arguments, option)) is not None and not value > 0:
            raise UserError(f"--{option} {value:g} must be above 0")
    experiment = read_experiment(arguments.config)
    book = Book(rates_from(arguments))
    jobs = planned_jobs(arguments.config, arguments.target)
    parameters = arguments.parameters * 1e9 if arguments.parameters else None
    paths, logs = Layout(experiment.name), Path("logs")
    results = Path(paths.results)
    sizes = Sizes(experiment, results, book, arguments.rows, parameters)
    workload = Workload(experiment, sizes, book)
    own = benchmark_files(Path(paths.logs))
    own |= {name: max(spent, own.get(name, 0.0)) for name, spent in training_seconds(results).items()}
    costs = job_costs(jobs, workload, own, seconds_by_rule(logs))
    return Prospect(experiment, jobs, costs, lines(jobs, costs, workload), workload)
