"""Draw one subset of the clean pool, as its method says, its rows as conversations without the steps it leaves out."""

import importlib
from collections import Counter

from scripts.common import cli
from scripts.common.config.selection import Subset
from scripts.common.program import Program
from scripts.common.seeds import derive_seed
from scripts.common.tables import write_table
from scripts.select.selection import Selection
from scripts.select.subset import add_source, source_from, write_subset
from scripts.select.tables import CANDIDATES


def seed_of(seed: int, draw: int | None) -> int:
    """Return the seed of a draw of the rows: the experiment's where there is one, of several one of its own."""
    return seed if draw is None else derive_seed(seed, "draw", draw)


def check_size(selection: Selection, settings: Subset, name: str) -> None:
    """Raise UserError unless a method with a size chose exactly as many different rows: its random control holds as
    many, and is drawn without looking at it."""
    size = settings.exact_rows()
    if size is None or selection.ids is None:
        return
    if (chosen := len(set(selection.ids))) != size:
        raise cli.UserError(
            f"subset '{name}' holds {chosen:,} different rows and its size is {size:,}, which is how many its random "
            "control holds: its method has to choose exactly as many, or say by `exact_rows` that it does not"
        )


def main() -> None:
    program = Program(__doc__)
    program.add_argument("--name", required=True, help="the subset's name")
    program.add_settings("--settings", Subset, "the subset's settings")
    program.add_argument("--seed", type=int, required=True, help="the experiment's seed")
    program.add_argument("--draw", type=int, help="which of several draws (default: there is one)")
    add_source(program)
    program.add_input("--file", "the user's own file, where the method reads one", optional=True)
    program.add_input("--parts", "the subsets that a mix is made of", many=True, optional=True)
    program.add_input("--part-candidates", "of each, the rows that it could have taken", many=True, optional=True)
    program.add_output("--subset", "the subset's Parquet file")
    program.add_output("--candidates", "Parquet file of the rows it could be drawn from", optional=True)
    arguments = program.parse()
    settings: Subset = arguments.settings
    program.runs(*settings.code())

    with program.recording(seed=arguments.seed, settings=settings.model_dump()) as facts:
        source = source_from(arguments, "file", "parts", "part_candidates")
        candidates = settings.candidates(source)
        left = Counter(candidates["reason"].drop_nulls().to_list())
        facts["candidates"] = {"rows": len(candidates) - left.total(), **left}
        cli.log.info("%s: rows that could be taken, and why others could not: %s", arguments.name, facts["candidates"])
        selection = settings.select(source, arguments.name, seed_of(arguments.seed, arguments.draw))
        if settings.prune:
            # Not imported by name: a subset whose chains stay whole does not depend on how chains are pruned.
            pruning = importlib.import_module("scripts.select.pruned")
            selection = pruning.pruned(selection, source, settings.prune.ratio, arguments.name)
        if selection.ids == []:
            raise cli.UserError(f"subset '{arguments.name}' is empty: no row fits its settings; widen them")
        check_size(selection, settings, arguments.name)
        facts |= selection.facts
        write_subset(selection, source, arguments.subset)
        if arguments.candidates:
            write_table(CANDIDATES, candidates, arguments.candidates)


if __name__ == "__main__":
    cli.run(main)
