"""The answers table as arrays: what every question scored (or took), run by run, arm by arm."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from scripts.common.questions import Question, read_questions
from scripts.common.tables import SCHEMAS
from scripts.report.variance import Floats, Questions


class Arm(NamedTuple):
    """What one arm (or one model that was not trained here) answered to one benchmark."""

    name: str
    models: list[str]
    means: Floats
    """(runs, questions): mean correctness over the samples, or another measure of them."""
    samples: int
    """Answers a question and run."""

    @property
    def run_scores(self) -> Floats:
        """(runs,): the score of each run."""
        return np.asarray(self.means.mean(axis=1))


def read_answers(path: Path) -> pd.DataFrame:
    """Read the answers table without its texts; arm = subset, or the model's name where nothing was trained."""
    columns = [name for name in SCHEMAS["answers"].names if name != "text"]
    answers = pq.read_table(path, columns=columns).to_pandas()
    answers["arm"] = answers["subset"].fillna(answers["model"])
    return answers


def arms_of(answers: pd.DataFrame, column: str = "correct") -> dict[str, Arm]:
    """Return the arms of one benchmark's answers by name, in order of appearance.

    Their `means` are over the samples' `column`; questions are in the order of their ids.
    """
    wide = answers.pivot_table(index="model", columns="question_id", values=column, aggfunc="mean", sort=True)
    arms = {}
    for name, rows in answers.groupby("arm", sort=False):
        models = list(dict.fromkeys(rows["model"]))
        samples = len(rows) // (len(models) * wide.shape[1])
        arms[str(name)] = Arm(str(name), models, wide.loc[models].to_numpy(float), samples)
    return arms


def is_trained(answers: pd.DataFrame) -> dict[str, bool]:
    """Return for each arm whether it was trained (has a training seed)."""
    return {str(arm): bool(rows.notna().all()) for arm, rows in answers.groupby("arm", sort=False)["train_seed"]}


def benchmark_questions(files: Sequence[Path]) -> dict[str, dict[str, Question]]:
    """Return the questions by benchmark and id from benchmarks/{benchmark}/test.jsonl."""
    return {file.parent.name: {question.id: question for question in read_questions(file)} for file in files}


def drawn(answers: pd.DataFrame, benchmark: str, questions: dict[str, dict[str, Question]] | None) -> Questions:
    """Return how the questions of one benchmark's answers were drawn, in the order of their ids.

    `questions` are by benchmark and id; None: each was drawn by itself.
    """
    ids = sorted(answers["question_id"].unique())
    if questions is None:
        return Questions(len(ids))
    asked = [questions[benchmark][question_id] for question_id in ids]
    return Questions(len(ids), [question.subject for question in asked], [question.group for question in asked])
