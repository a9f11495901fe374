"""Draw chains to print in the report, with the steps that pruning took out marked: chains.json.

They are drawn by a hash, not chosen, among the rows of a subset that lost a step. Of a long chain what stands next to
the removed steps is kept, and a word on how much is left out between.
"""

import json
from typing import Any

import pandas as pd
import polars as pl

from scripts.common import cli
from scripts.common.atomic import replacing
from scripts.common.program import Program
from scripts.common.seeds import derive_seed
from scripts.common.tables import read_table
from scripts.data.tables import POOL
from scripts.select.tables import STEP_SCORES, STEPS, SUBSET

CHAINS = 3
WHOLE = 24  # steps up to which a chain is printed whole
LONGEST = 500  # characters of a step
PLACES = 6  # removed steps of a long chain that are printed


def shorten(text: str, longest: int = LONGEST) -> str:
    """Return a text cut after `longest` characters, with a word on how much was left out."""
    left_out = len(text) - longest
    return text if left_out <= 50 else f"{text[:longest]} [… {left_out:,} characters left out …]"


def shown_steps(number: int, removed: list[int]) -> list[int]:
    """Return which of a chain's steps are printed: all of a short chain, else the first and last and those around the
    first removed ones."""
    if number <= WHOLE:
        return list(range(number))
    near = {step + beside for step in removed[:PLACES] for beside in (-1, 0, 1)}
    return sorted({0, number - 1} | {step for step in near if 0 <= step < number})


def chain_to_print(steps: pd.DataFrame, removed: list[int], question: str) -> dict[str, Any]:
    """Return the question, the counts, and the printed steps of one chain; `steps` are all of its, in order.

    A printed step has `text`, `pattern`, `removed` and, where steps before it are left out, how many in `skipped`.
    """
    printed, last = [], -1
    for step in shown_steps(len(steps), removed):
        row = steps.iloc[step]
        entry = {"text": shorten(row["text"]), "pattern": row["pattern"], "removed": step in removed}
        printed.append({**entry, "skipped": step - last - 1})
        last = step
    pir = {str(step): value for step, value in zip(steps["step"], steps["pir"], strict=True) if step in removed}
    return {
        "id": steps["id"].iloc[0],
        "question": shorten(question),
        "steps": len(steps),
        "removed": len(removed),
        "largest_pir_removed": max(pir.values()),
        "printed": printed,
    }


def main() -> None:
    program = Program(__doc__)
    program.add_input("--subset", "the subset whose chains are drawn")
    for name in ("clean", "steps", "scores"):
        program.add_input(f"--{name}", f"{name}.parquet")
    program.add_output("--chains", "chains.json to write")
    arguments = program.parse()
    with program.recording():
        subset = pl.DataFrame(read_table(SUBSET, arguments.subset).select(["id", "pruned_steps"]))
        pruned = dict(subset.filter(pl.col("pruned_steps").list.len() > 0).iter_rows())
        drawn = sorted(pruned, key=lambda identity: derive_seed("chains", identity))[:CHAINS]
        steps = pl.DataFrame(read_table(STEPS, arguments.steps)).filter(pl.col("id").is_in(drawn))
        scores = pl.DataFrame(read_table(STEP_SCORES, arguments.scores)).select("id", "step", "pir")
        steps = steps.join(scores, on=["id", "step"], how="left").sort("id", "step")
        clean = pl.DataFrame(read_table(POOL, arguments.clean)).filter(pl.col("id").is_in(drawn))
        questions = dict(clean.select("id", "question").iter_rows())
        chains = []
        for identity in drawn:
            own = pd.DataFrame(steps.filter(pl.col("id") == identity).to_dict(as_series=False))
            chains.append(chain_to_print(own, pruned[identity], questions[identity]))
        with replacing(arguments.chains) as temporary:
            text = json.dumps({"subset": arguments.subset.stem, "chains": chains}, indent=1, ensure_ascii=False)
            temporary.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    cli.run(main)
