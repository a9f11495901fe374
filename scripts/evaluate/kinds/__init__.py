"""The kinds of question by the name that the experiment file gives them. A new one is its file and its line here.

The table is read whenever an experiment file is: a kind's file imports lighteval and the like within its functions.
"""

from scripts.evaluate.kinds.base import Kind
from scripts.evaluate.kinds.choice import CHOICE
from scripts.evaluate.kinds.code import CODE
from scripts.evaluate.kinds.loglikelihood import LOGLIKELIHOOD
from scripts.evaluate.kinds.math import MATH

KINDS: dict[str, Kind] = {
    "math": MATH,
    "choice": CHOICE,
    "code": CODE,
    "loglikelihood": LOGLIKELIHOOD,
}


def mistake_in_task(task: str, kind: str) -> str | None:
    """Return what is wrong with questions of lighteval's `task` as a `kind`, or None."""
    for name, other in KINDS.items():
        if other.own_tasks and task.startswith(other.own_tasks) != (name == kind):
            tasks = other.own_tasks.rstrip(":")
            return f"task '{task}': kind {name} goes with lighteval's {tasks} tasks, and with no others"
    return None
