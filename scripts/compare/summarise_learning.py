"""Scores at shares of training: learning.csv, a row per arm, benchmark and share.

Every share is summarised as the end is (summarise_scores): the unit is the question, and an interval covers the method
where there are runs enough to know how much they vary. Nothing is tested here: the comparison is that of the end.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from scripts.common import cli
from scripts.common.config.kept import percent_of
from scripts.common.config.report import Metric, Scoring
from scripts.common.decided import Decisions, read_decisions
from scripts.common.program import Program
from scripts.common.questions import Question
from scripts.compare.answer_matrix import benchmark_questions, is_trained, read_answers
from scripts.compare.collect_answers import KEY, check_answers
from scripts.compare.summarise_scores import score_tables
from scripts.compare.tables import COLUMNS, write_csv

BASE = "base"


def decided(answers: pd.DataFrame, decisions: Decisions) -> pd.DataFrame:
    """Return answers with what a person has decided in the place of our verdict."""
    pairs = zip(answers["gold"], answers["extracted"], strict=True)
    found = pd.Series([decisions.get((gold, said)) for gold, said in pairs], index=answers.index, dtype=object)
    return answers.assign(correct=answers["correct"].where(found.isna(), found).astype(answers["correct"].dtype))


def shares(summaries: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Return steps and tokens_read by (arm, percent): means over the runs of their summary.json."""
    rows = [{"arm": summary["arm"], **share} for summary in summaries for share in summary["shares"]]
    found = pd.DataFrame(rows).rename(columns={"step": "steps"})
    return found.groupby(["arm", "percent"], sort=False)[["steps", "tokens_read"]].mean().reset_index()


def learning_table(
    answers: pd.DataFrame,
    made: pd.DataFrame,
    alpha: float,
    questions: dict[str, dict[str, Question]] | None = None,
    metric: Metric = "pass@1",
) -> pd.DataFrame:
    """Return the table `learning` from the answers of runs at all shares, and of the model that was fine-tuned."""
    answers = answers.assign(percent=answers["model"].map(percent_of))
    trained = answers["arm"].map(is_trained(answers))
    parts = [(0, answers[answers["model"] == BASE])]
    parts += [(int(percent), rows) for percent, rows in answers[trained].groupby("percent", sort=True)]
    tables = [score_tables(rows, alpha, questions, metric)[1].assign(percent=at) for at, rows in parts if len(rows)]
    table = pd.concat(tables, ignore_index=True).merge(made, on=["arm", "percent"], how="left", validate="m:1")
    start = table["percent"] == 0
    return table.assign(**{name: table[name].mask(start, 0) for name in ("steps", "tokens_read")})[COLUMNS["learning"]]


def main() -> None:
    program = Program(__doc__)
    program.add_input("--answers", "answers.parquet")
    program.add_input("--evaluations", "evaluate/{model}/{benchmark}.parquet of runs on their way", many=True)
    program.add_input("--summaries", "train/{run}/summary.json", many=True)
    program.add_input("--benchmarks", "test.jsonl of each benchmark", many=True)
    program.add_input("--decided", "CSV of what a person has decided: gold, answer, correct", optional=True)
    program.add_argument("--alpha", type=float, required=True, help="intervals have the level 1 - alpha")
    program.add_settings("--scoring", Scoring)
    program.add_output("--table", "learning.csv to write")
    arguments = program.parse()
    with program.recording():
        decisions = read_decisions(arguments.decided)
        ended = read_answers(arguments.answers)
        on_the_way = [decided(read_answers(path), decisions) for path in arguments.evaluations]
        answers = pd.concat([ended, *on_the_way], ignore_index=True)
        check_answers(answers[KEY])
        made = shares([json.loads(Path(path).read_text(encoding="utf-8")) for path in arguments.summaries])
        questions, metric = benchmark_questions(arguments.benchmarks), arguments.scoring.primary_metric
        write_csv("learning", learning_table(answers, made, arguments.alpha, questions, metric), arguments.table)


if __name__ == "__main__":
    cli.run(main)
