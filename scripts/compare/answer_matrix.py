"""The answers table as arrays: what every question scored (or took), run by run, arm by arm."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from scripts.common.cli import UserError
from scripts.common.config.report import Metric
from scripts.common.majority import majority_correct
from scripts.common.questions import Question, read_questions
from scripts.common.tables import read_table
from scripts.compare.labels import control_of
from scripts.compare.variance import DRAWN, FIXED, Floats, Kind, Questions
from scripts.evaluate.tables import ANSWERS
from scripts.select.controls import CONTROLS


class Arm(NamedTuple):
    """What one arm (or one model that was not trained here) answered to one benchmark."""

    name: str
    models: list[str]
    means: Floats
    """(runs, questions): mean correctness over the samples, or another measure of them."""
    samples: int
    """Answers a question and run."""
    results: int
    """How many numbers each of `means` is of: the samples, or 1 for what is one number of them (pass@k)."""
    kind: Kind = FIXED
    """What each of `means` has of its own, and of how many runs it is the mean (by_draw)."""

    @property
    def runs(self) -> int:
        """How many training runs it is of."""
        return len(self.models) * self.kind.runs

    @property
    def units(self) -> tuple[Kind, int]:
        """What its uncertainty is counted in, and how many of these there are."""
        return self.kind, len(self.models)

    @property
    def grain(self) -> float:
        """The step in which a run's score of zeros and ones moves."""
        return 1 / (self.means.shape[1] * self.results)

    @property
    def run_scores(self) -> Floats:
        """(runs,): the score of each run."""
        return np.asarray(self.means.mean(axis=1))


def read_answers(path: Path) -> pd.DataFrame:
    """Read the answers table without its texts; arm = subset, or the model's name where nothing was trained."""
    columns = [name for name in ANSWERS.schema.names if name != "text"]
    answers = read_table(ANSWERS, path, columns).to_pandas()
    answers["arm"] = answers["subset"].fillna(answers["model"])
    return answers


def arms_of(answers: pd.DataFrame, column: str = "correct") -> dict[str, Arm]:
    """Return the arms of one benchmark's answers by name, in order of appearance.

    Their `means` are over the samples' `column`; questions are in the order of their ids. Raises UserError where an
    answer is missing or has no value.
    """
    wide = answers.pivot_table(index="model", columns="question_id", values=column, aggfunc="mean", sort=True)
    counts = answers.pivot_table(index="model", columns="question_id", values=column, aggfunc="count", sort=True)
    arms = {}
    for name, rows in answers.groupby("arm", sort=False):
        models = list(dict.fromkeys(rows["model"]))
        samples = int(counts.loc[models].max(axis=None))
        _check_complete(counts.reindex(models).fillna(0), samples, str(rows["benchmark"].iloc[0]))
        kind = DRAWN if _is_drawn(str(name), models) else FIXED
        arms[str(name)] = Arm(str(name), models, wide.loc[models].to_numpy(float), samples, samples, kind)
    return arms


def draw_of(arm: str, model: str) -> str | None:
    """Return the subset file that a run is of where its arm is crossed with draws: {arm}-d2 of {arm}-d2-t1."""
    found = re.fullmatch(rf"({re.escape(arm)}-d\d+)-t\d+(\.at-\d+)?", model)
    return found[1] if found else None


def _is_drawn(arm: str, models: Sequence[str]) -> bool:
    """Whether an arm's runs have rows of their own: a control that is drawn anew, or a subset of several draws."""
    control = control_of(arm.rpartition("/")[2])  # several experiments have names before a slash
    return bool(control and CONTROLS[control].drawn) or draw_of(arm, models[0]) is not None


def by_draw(arm: Arm) -> Arm:
    """Return an arm whose unit is the draw of rows: of several draws each is the mean of its training runs."""
    draws = [draw_of(arm.name, model) for model in arm.models]
    names = list(dict.fromkeys(draw for draw in draws if draw))
    if not names:
        return arm
    means = np.stack([arm.means[[own == name for own in draws]].mean(axis=0) for name in names])
    seeds = len(arm.models) // len(names)
    return arm._replace(models=names, means=means, results=arm.results * seeds, kind=Kind(True, seeds))


def _check_complete(counts: pd.DataFrame, samples: int, benchmark: str) -> None:
    missing = counts.stack()
    missing = missing[missing < samples]
    if len(missing):
        model, question = missing.index[0]
        lacking = int((samples - missing).sum())
        others = f" ({lacking:,} answers are missing in all)" if lacking > 1 else ""
        raise UserError(
            f"benchmark '{benchmark}': an answer of model '{model}' to question '{question}' is missing{others}: "
            "evaluate that model again; nothing is compared without it"
        )


def metric_arms(answers: pd.DataFrame, metric: Metric = "pass@1") -> dict[str, Arm]:
    """Return the arms of one benchmark's answers, scored by a metric: per question within a run.

    pass@k (k: all samples) is 1 where any sample is right, majority@k where the most frequent extracted answer is;
    samples are never pooled over runs.
    """
    arms = arms_of(answers)
    if metric == "pass@1":
        return arms
    values = question_values(answers, metric).rename("value").reset_index()
    first = answers.drop_duplicates(["model", "question_id"]).drop(columns="correct")
    scored = arms_of(first.merge(values, on=["model", "question_id"]), "value")
    return {name: scored[name]._replace(samples=arm.samples) for name, arm in arms.items()}


def question_values(answers: pd.DataFrame, metric: Metric) -> "pd.Series[float]":
    """Return what each model gets for each question by a metric, by (model, question_id)."""
    questions = answers.sort_values("sample", kind="stable").groupby(["model", "question_id"], sort=False)
    if metric == "pass@1":
        return questions["correct"].mean()
    if metric == "pass@k":
        return questions["correct"].max().astype(float)
    votes = questions[["extracted", "correct"]].agg(list)
    found = [
        majority_correct([None if pd.isna(answer) else answer for answer in extracted], correct)
        for extracted, correct in zip(votes["extracted"], votes["correct"], strict=True)
    ]
    return pd.Series(found, index=votes.index, dtype=float)


def is_trained(answers: pd.DataFrame) -> dict[str, bool]:
    """Return for each arm whether it was trained (has a training seed)."""
    return {str(arm): bool(rows.notna().all()) for arm, rows in answers.groupby("arm", sort=False)["train_seed"]}


def benchmark_questions(files: Sequence[Path]) -> dict[str, dict[str, Question]]:
    """Return the questions by benchmark and id from benchmarks/{benchmark}/test.jsonl."""
    return {file.parent.name: {question.id: question for question in read_questions(file)} for file in files}


def question_design(
    answers: pd.DataFrame, benchmark: str, questions: dict[str, dict[str, Question]] | None
) -> Questions:
    """Return how the questions of one benchmark's answers were drawn, in the order of their ids.

    `questions` are by benchmark and id; None: each was drawn by itself.
    """
    ids = sorted(answers["question_id"].unique())
    if questions is None:
        return Questions(len(ids))
    asked = [questions[benchmark][question_id] for question_id in ids]
    return Questions(len(ids), [question.subject for question in asked], [question.group for question in asked])
