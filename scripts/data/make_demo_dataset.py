"""Make the demo's raw data set: labelled sums with R1-like chains, and with the faults that real data sets have.

Of every 200 rows five are broken on purpose: an exact duplicate, one that differs in case and spacing, a chain that is
cut off, a response without a boxed answer, an empty question. A few rows hold questions of the demo's benchmarks. So
the account of what left the pool is not empty. The column `truth` says for each functional line of a chain whether the
answer depends on it; it stays in raw.parquet and is never shown to the scorer. With --hurtful some rows hurt, and the
column `worth` says which (scripts/data/hurtful.py).
"""

import json
import random
from typing import Any

from scripts.common import cli
from scripts.common.config.dataset import Hurtful
from scripts.common.program import Program
from scripts.common.seeds import derive_seed
from scripts.common.tables import write_table
from scripts.data.demo_world import Habits, Problem, draw_benchmark, draw_chain, draw_problem, write_response
from scripts.data.hurtful import HELPS, Spoiler
from scripts.data.tables import RAW

OPERATIONS = (3, 4, 5)  # in a problem
LEAKED = 3  # questions of each benchmark
FAULTS = {37: "duplicate", 74: "cut_off", 111: "no_box", 148: "no_question", 185: "respaced"}  # by row modulo 200


def make_row(number: int, problem: Problem, rng: random.Random) -> dict[str, Any]:
    """Return a row of `raw` with a fresh chain for `problem`, and the truth about its functional lines."""
    lines = draw_chain(rng, problem, Habits())
    truth = [
        {"line": place, "pattern": line.pattern, "needed": line.needed}
        for place, line in enumerate(lines)
        if line.needed is not None
    ]
    return {
        "row": number,
        "question": problem.question,
        "response": write_response(lines, problem.answer),
        "answer": problem.answer,
        "system": None,
        "source": "demo",
        "category": "arithmetic",
        "truth": truth,
    }


def break_row(row: dict[str, Any], before: dict[str, Any], fault: str) -> dict[str, Any]:
    """Return `row` with one of FAULTS; `before` is the row that a duplicate repeats."""
    if fault == "duplicate":
        return {**before, "row": row["row"]}
    if fault == "respaced":
        question = f" {before['question'].upper()}".replace(". ", ".  ")
        return {**before, "row": row["row"], "question": question}
    if fault == "cut_off":
        return {**row, "response": row["response"].partition("</think>")[0]}
    if fault == "no_box":
        return {**row, "response": row["response"].replace("\\boxed{", "").replace("}", "")}
    return {**row, "question": ""}


def make_rows(
    rows: int, seed: int, leaks: dict[str, dict[str, int]], hurtful: Hurtful | None = None
) -> list[dict[str, Any]]:
    """Return `rows` rows of `raw`; `leaks` names the benchmarks, with the keys of their specification, to leak from.

    With `hurtful` some rows hurt, and each says what it is `worth`.
    """
    rng = random.Random(derive_seed(seed, "dataset"))
    leaked = [p for spec in leaks.values() for p in draw_benchmark(seed, **spec)[:LEAKED]]
    places = dict(zip(range(20, rows, max(1, rows // (len(leaked) + 1))), leaked, strict=False))
    spoiler = Spoiler(hurtful, seed, OPERATIONS) if hurtful else None
    made: list[dict[str, Any]] = []
    for number in range(rows):
        problem, worth = places.get(number) or draw_problem(rng, rng.choice(OPERATIONS)), HELPS
        if spoiler and number not in places:
            worth, problem = spoiler.draw(problem)
        row = make_row(number, problem, rng) | ({"worth": worth} if spoiler else {})
        fault = FAULTS.get(number % 200)
        made.append(break_row(row, made[-1], fault) if fault else row)
    return made


def main() -> None:
    program = Program(__doc__)
    program.add_argument("--rows", type=int, required=True, help="how many rows to make")
    program.add_argument("--seed", type=int, required=True, help="the experiment's seed")
    program.add_argument(
        "--leak", default="{}", help='benchmarks to leak from, as JSON: {"name": {"operations": 4, ...}}'
    )
    program.add_settings("--hurtful", Hurtful)
    program.add_output("--output", "raw.parquet")
    arguments = program.parse()
    with program.recording(seed=arguments.seed, rows=arguments.rows):
        hurtful = arguments.hurtful if arguments.hurtful.total() else None
        rows = make_rows(arguments.rows, arguments.seed, json.loads(arguments.leak), hurtful)
        write_table(RAW, rows, arguments.output)


if __name__ == "__main__":
    cli.run(main)
