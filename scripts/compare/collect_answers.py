"""Gather the answers of every model to every benchmark in one table.

The table is what all scores and comparisons are computed from, so it is checked: no answer twice, and every model has
answered the same questions of a benchmark with the same samples. What a person has decided of answers enters
here: scores follow, and nothing is generated again.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa

from scripts.common import cli
from scripts.common.decided import Decisions, read_decisions
from scripts.common.program import Program
from scripts.common.tables import TableWriter, iterate_table, read_table
from scripts.compare.tables import write_csv
from scripts.evaluate.tables import ANSWERS

KEY = ["model", "benchmark", "question_id", "sample"]
BATCH = 5000


def check_answers(keys: pd.DataFrame) -> None:
    """Raise UserError where an answer is there twice, or a model has not answered what the others have.

    `keys` has the columns model, benchmark, question_id and sample.
    """
    doubles = keys[keys.duplicated(KEY)]
    if len(doubles):
        model, benchmark, question, sample = doubles.iloc[0][KEY]
        raise cli.UserError(
            f"sample {sample} of question '{question}' of benchmark '{benchmark}' is there twice for model '{model}': "
            "delete that model's answers and evaluate it again"
        )
    for benchmark, of_benchmark in keys.groupby("benchmark", sort=True):
        asked = {
            model: set(zip(rows["question_id"], rows["sample"], strict=True))
            for model, rows in of_benchmark.groupby("model", sort=True)
        }
        first = next(iter(asked))
        for model, answered in asked.items():
            if answered != asked[first]:
                question, sample = sorted(answered ^ asked[first])[0]
                lacking = model if (question, sample) not in answered else first
                raise cli.UserError(
                    f"models '{first}' and '{model}' have not answered the same questions of benchmark '{benchmark}' "
                    f"('{lacking}' lacks sample {sample} of question '{question}'): evaluate both again"
                )
    _check_models(keys)


def _check_models(keys: pd.DataFrame) -> None:
    per_benchmark = keys.groupby("benchmark", sort=True)["model"].agg(set)
    for benchmark, models in per_benchmark.items():
        missing = sorted(set(keys["model"]) - models)
        if missing:
            raise cli.UserError(f"model '{missing[0]}' has no answers to benchmark '{benchmark}': evaluate it")


def _keys(files: Sequence[Path]) -> Iterator[pd.DataFrame]:
    for file in files:
        keys = read_table(ANSWERS, file).select(KEY).to_pandas()
        if not len(keys):
            raise cli.UserError(f"{file} holds no answers: delete it and evaluate that model again")
        yield keys


DECIDED = "decided"
"""The rule of an answer that a person has decided."""


def decide(answers: pa.Table, decisions: Decisions) -> list[dict[str, object]]:
    """Return the rows of answers, with what a person has decided in the place of our verdict."""
    rows = answers.to_pylist()
    for row in rows:
        person = decisions.get((row["gold"], row["extracted"]))
        if person is not None:
            row |= {"correct": person, "rule": DECIDED}
    return rows


class Disputed:
    """Counts disputed answers by benchmark, gold answer and answer."""

    def __init__(self) -> None:
        self._answers: Counter[tuple[object, ...]] = Counter()
        self._models: dict[tuple[object, ...], set[object]] = {}

    def add(self, rows: Sequence[dict[str, object]]) -> None:
        """Count the disputed ones of rows."""
        for row in rows:
            if row["disputed"]:
                decided = row["rule"] == DECIDED
                key = (row["benchmark"], row["gold"], row["extracted"], row["correct"], row["rule"], decided)
                self._answers[key] += 1
                self._models.setdefault(key, set()).add(row["model"])

    def table(self) -> pd.DataFrame:
        """Return the table `disputed`, the most frequent first, those that are decided last."""
        columns = ["benchmark", "gold", "answer", "correct", "rule", "decided"]
        rows = [(*key, number, len(self._models[key])) for key, number in self._answers.items()]
        found = pd.DataFrame(rows, columns=[*columns, "answers", "models"])
        order = ["decided", "answers", "benchmark", "gold", "answer"]
        return found.sort_values(order, ascending=[True, False, True, True, True], ignore_index=True)


def main() -> None:
    program = Program(__doc__)
    program.add_input("--evaluations", "evaluate/{model}/{benchmark}.parquet", many=True)
    program.add_input("--decided", "CSV of what a person has decided: gold, answer, correct", optional=True)
    program.add_output("--answers", "the table to write")
    program.add_output("--disputed", "disputed.csv to write")
    arguments = program.parse()

    decisions, disputed, used = read_decisions(arguments.decided), Disputed(), 0
    check_answers(pd.concat(_keys(arguments.evaluations), ignore_index=True))
    with (
        program.recording(),
        TableWriter(ANSWERS, arguments.answers) as all_answers,
    ):
        for file in arguments.evaluations:
            for batch in iterate_table(ANSWERS, file, BATCH):
                rows = decide(batch, decisions)
                used += sum(row["rule"] == DECIDED for row in rows)
                disputed.add(rows)
                all_answers.write(rows if decisions else batch)
        write_csv("disputed", disputed.table(), arguments.disputed)
    if decisions:
        cli.log.info("%d answers are judged as a person has decided (%d decisions)", used, len(decisions))
    cli.log.info("%d answers of %d files", all_answers.rows, len(arguments.evaluations))


if __name__ == "__main__":
    cli.run(main)
