"""Count a model's answers to questions of the pool: pass_rates, a row for every clean row."""

from pathlib import Path

import polars as pl

from scripts.common import cli
from scripts.common.program import Program
from scripts.common.questions import read_questions
from scripts.common.tables import read_table, write_table
from scripts.select.ask_pool import reasons
from scripts.select.measuring import NOT_DRAWN
from scripts.select.tables import ANSWERED, PASS_RATES


def count(answers: list[Path]) -> pl.DataFrame:
    """Return id, samples, correct, pass_rate, output_tokens and truncated of every question that was answered."""
    columns = ANSWERED.schema.names
    table = pl.concat([pl.DataFrame(read_table(ANSWERED, path, columns)) for path in answers])
    return table.group_by(id="question_id").agg(
        samples=pl.len().cast(pl.Int64),
        correct=pl.col("correct").sum(),
        pass_rate=pl.col("correct").mean(),
        output_tokens=pl.col("output_tokens").mean(),
        truncated=pl.col("truncated").mean(),
    )


def main() -> None:
    program = Program(__doc__)
    program.add_input("--clean", "clean.parquet")
    program.add_input("--questions", "the questions that were asked")
    program.add_input("--answers", "answers of every shard", many=True)
    program.add_output("--pass-rates", "the table to write")
    arguments = program.parse()
    with program.recording() as facts:
        counted = count(arguments.answers)
        asked = {question.id for question in read_questions(arguments.questions)}
        if set(counted["id"]) != asked:
            raise RuntimeError(f"{len(asked)} questions were asked, {len(counted)} were answered, or others were")
        rows = reasons(arguments.clean).join(counted, on="id", how="left", maintain_order="left")
        missing = pl.col("reason").is_null() & pl.col("samples").is_null()
        rows = rows.with_columns(reason=pl.when(missing).then(pl.lit(NOT_DRAWN)).otherwise(pl.col("reason")))
        write_table(PASS_RATES, rows.select(PASS_RATES.schema.names), arguments.pass_rates)
        facts["mean_pass_rate"] = rows["pass_rate"].mean()
        facts["truncated"] = rows["truncated"].mean()
    cli.log.info("pass rate %.3f in the mean of %d questions", facts["mean_pass_rate"], len(asked))


if __name__ == "__main__":
    cli.run(main)
