"""Gather the answers of every model to every benchmark in one table.

The table is what all scores and comparisons are computed from, so it is checked: no answer twice, and every model has
answered the same questions of a benchmark with the same samples.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from scripts.common import cli
from scripts.common.provenance import recording
from scripts.common.tables import TableWriter, iterate_table, read_table

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
        keys = read_table("answers", file).select(KEY).to_pandas()
        if not len(keys):
            raise cli.UserError(f"{file} holds no answers: delete it and evaluate that model again")
        yield keys


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument(
        "--evaluations", type=Path, nargs="+", required=True, help="evaluate/{model}/{benchmark}.parquet"
    )
    parser.add_argument("--answers", type=Path, required=True, help="the table to write")
    arguments = parser.parse_args()

    check_answers(pd.concat(_keys(arguments.evaluations), ignore_index=True))
    with (
        recording(outputs=[arguments.answers], inputs=arguments.evaluations),
        TableWriter("answers", arguments.answers) as all_answers,
    ):
        for file in arguments.evaluations:
            for batch in iterate_table("answers", file, BATCH):
                all_answers.write(batch)
    cli.log.info("%d answers of %d files", all_answers.rows, len(arguments.evaluations))


if __name__ == "__main__":
    cli.run(main)
