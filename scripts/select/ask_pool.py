"""Write the questions of the clean pool as those of a benchmark, so that a model can be asked them.

A row without a final answer, or whose answer is a program, is left out: nothing could say whether an answer is right.
"""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from scripts.common import cli
from scripts.common.program import Program
from scripts.common.questions import Question, write_questions
from scripts.common.tables import iterate_table
from scripts.data.tables import POOL
from scripts.select.limopro.chain import BOX, ending_of
from scripts.select.measuring import BATCH, add_rows, draw

NO_ANSWER = "no final answer"
PROGRAM = "its answer is a program, of which no test is known"


def reasons(clean: Path) -> pl.DataFrame:
    """Return (id, reason) of every clean row: why it cannot be asked, null where it can."""
    found: dict[str, list[str | None]] = {"id": [], "reason": []}
    for batch in iterate_table(POOL, clean, BATCH, ["id", "answer", "response"]):
        for row in batch.to_pylist():
            found["id"].append(row["id"])
            found["reason"].append(_reason(row["response"], row["answer"]))
    return pl.DataFrame(found, schema={"id": pl.String, "reason": pl.String})


def _reason(response: str, answer: str | None) -> str | None:
    if not answer:
        return NO_ANSWER
    return None if ending_of(response, answer) == BOX else PROGRAM


def questions(clean: Path, ids: list[str]) -> Iterator[Question]:
    """Yield the question of each of the rows `ids`, in the order of the pool, named by the row's id."""
    for batch in iterate_table(POOL, clean, BATCH, ["id", "question", "answer"], ids=ids):
        for row in batch.to_pylist():
            yield Question(id=row["id"], question=row["question"], answer=row["answer"])


def main() -> None:
    program = Program(__doc__)
    program.add_input("--clean", "clean.parquet")
    add_rows(program)
    program.add_output("--questions", "the questions, as a benchmark has them")
    arguments = program.parse()
    with program.recording(seed=arguments.seed) as facts:
        fit = reasons(arguments.clean).filter(pl.col("reason").is_null())["id"].to_list()
        if not fit:
            raise cli.UserError(
                f"no row of '{arguments.clean}' has a final answer that an answer could be held against: give the data "
                "set a column `answer`, or take a difficulty that needs none (by: response_length)"
            )
        ids = draw(fit, arguments.rows, arguments.seed)
        write_questions(questions(arguments.clean, ids), arguments.questions)
        facts["questions"] = len(ids)
    cli.log.info("%d questions", len(ids))


if __name__ == "__main__":
    cli.run(main)
