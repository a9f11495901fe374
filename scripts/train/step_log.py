"""The log of a run's steps over all its attempts: a line of JSON a step, written as it ends, killed or not.

The trainer's own history restarts its clock and forgets what a killed attempt did after its last checkpoint.
"""

import json
from pathlib import Path
from typing import Any

import pandas as pd

COLUMNS = ["step", "epoch", "loss", "learning_rate", "grad_norm", "seconds", "attempt"]


def read_steps(path: Path) -> pd.DataFrame:
    """Return the lines of a step log in the order of writing, a last line that was cut off left out."""
    lines = path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else []
    return pd.DataFrame([json.loads(line) for line in lines if line])


def next_attempt(path: Path) -> int:
    """Return the number of the attempt that begins now; a line that was cut off is ended, so that the next is whole."""
    if not path.exists():
        return 1
    steps = read_steps(path)
    text = path.read_text(encoding="utf-8")
    path.write_text(text[: text.rfind("\n") + 1], encoding="utf-8")
    return 1 if steps.empty else int(steps["attempt"].max()) + 1


def append_step(path: Path, entry: dict[str, Any]) -> None:
    """Write a line for a step: attempt, step, seconds of this attempt's training so far, and what else is known."""
    with path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(entry) + "\n")


def useful_steps(steps: pd.DataFrame) -> pd.DataFrame:
    """Return each step once, as the last attempt that made it did, with the time that led to the model.

    `seconds` becomes the training time of the steps that count, up to and with this one: what an attempt did after the
    checkpoint that the next one went on from is left out. A step that is logged twice in an attempt (by two processes)
    counts by its first line.
    """
    steps = steps.drop_duplicates(["attempt", "step"]).sort_values(["attempt", "step"])
    own = steps.groupby("attempt")["seconds"].diff().fillna(steps["seconds"])
    kept = steps.assign(own=own).drop_duplicates("step", keep="last").sort_values("step")
    return kept.assign(seconds=kept["own"].cumsum()).drop(columns="own").reset_index(drop=True)


def spent(steps: pd.DataFrame, column: str) -> float:
    """Return the sum over attempts of what `column`, which grows within an attempt, came to."""
    return float(steps.groupby("attempt")[column].max().sum())
