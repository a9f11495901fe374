"""Draw one control of a subset for one training seed, as the control's own file says (scripts/select/controls/)."""

import importlib
from typing import get_args

import polars as pl

from scripts.common import cli
from scripts.common.config.selection import Control
from scripts.common.program import Program
from scripts.common.tables import read_table
from scripts.select.subset import add_source, drawn_for, source_from, write_subset
from scripts.select.tables import SUBSET


def main() -> None:
    program = Program(__doc__)
    program.add_argument("--control", choices=get_args(Control), required=True, help="which control")
    program.add_argument("--name", required=True, help="the subset's name")
    program.add_argument("--training-seed", type=int, help="the training seed that it is drawn for")
    program.add_argument("--draw", type=int, help="which of several draws, in the place of a training seed")
    program.add_argument("--seed", type=int, required=True, help="the experiment's seed")
    program.add_input("--of", "the subset's Parquet file")
    add_source(program)
    program.add_input(
        "--candidates", "the rows that the subset could have taken (default: the clean pool)", optional=True
    )
    program.add_output("--subset", "the control's Parquet file")
    arguments = program.parse()
    program.runs(f"scripts/select/controls/{arguments.control}.py")
    control = importlib.import_module(f"scripts.select.controls.{arguments.control}")

    luck, facts = drawn_for(arguments.training_seed, arguments.draw)
    with program.recording(seed=arguments.seed, **facts):
        source, subset = source_from(arguments, "candidates"), pl.DataFrame(read_table(SUBSET, arguments.of))
        seeds = (arguments.seed, luck, arguments.control, arguments.name)
        write_subset(control.draw(source, subset, seeds), source, arguments.subset)


if __name__ == "__main__":
    cli.run(main)
