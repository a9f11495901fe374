"""Draw the control that subsets of one size share for one training seed: as many random rows of the clean pool, or of
the part of it that they could have taken (scripts/select/among.py)."""

from scripts.common import cli
from scripts.common.program import Program
from scripts.select.among import AMONG
from scripts.select.selection import Selection, Source
from scripts.select.subset import add_source, draw_ids, drawn_for, source_from, write_subset


def fit_rows(source: Source, among: str) -> list[str]:
    """Return the ids of the clean rows that can be drawn, in the pool's order."""
    rows, find = source.pool("id"), AMONG[among].unfit
    if find is not None:
        rows = rows.join(find(source), on="id", how="anti", maintain_order="left")
    return rows["id"].to_list()


def main() -> None:
    program = Program(__doc__)
    program.add_argument("--name", required=True, help="the control's name")
    program.add_argument("--size", type=int, required=True, help="number of rows")
    program.add_argument("--among", choices=list(AMONG), default="", help="which rows are drawn (default: any)")
    program.add_argument("--training-seed", type=int, help="the training seed that it is drawn for")
    program.add_argument("--draw", type=int, help="which of several draws, in the place of a training seed")
    program.add_argument("--seed", type=int, required=True, help="the experiment's seed")
    add_source(program)
    program.add_output("--subset", "the control's Parquet file")
    arguments = program.parse()

    luck, facts = drawn_for(arguments.training_seed, arguments.draw)
    with program.recording(seed=arguments.seed, **facts):
        source = source_from(arguments)
        rows = fit_rows(source, arguments.among)
        ids = draw_ids(rows, arguments.size, arguments.seed, luck, arguments.name)
        write_subset(Selection(ids), source, arguments.subset)


if __name__ == "__main__":
    cli.run(main)
