"""The answers table as arrays: question means by run, arm by arm."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from scripts.common.tables import SCHEMAS
from scripts.report.statistics import Floats


class Arm(NamedTuple):
    """What one arm (or one model that was not trained here) answered to one benchmark."""

    name: str
    models: list[str]
    means: Floats
    """(runs, questions): mean correctness over the samples."""
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


def arms_of(answers: pd.DataFrame) -> dict[str, Arm]:
    """Return the arms of one benchmark's answers by name, in order of appearance; questions are in one common order."""
    wide = answers.pivot_table(index="model", columns="question_id", values="correct", aggfunc="mean", sort=True)
    arms = {}
    for name, rows in answers.groupby("arm", sort=False):
        models = list(dict.fromkeys(rows["model"]))
        samples = len(rows) // (len(models) * wide.shape[1])
        arms[str(name)] = Arm(str(name), models, wide.loc[models].to_numpy(float), samples)
    return arms


def is_trained(answers: pd.DataFrame) -> dict[str, bool]:
    """Return for each arm whether it was trained (has a training seed)."""
    return {str(arm): bool(rows.notna().all()) for arm, rows in answers.groupby("arm", sort=False)["train_seed"]}
