"""Services that follow a training while it runs. What they are told changes no model, and starts no job again.

The experiment's choice reaches the jobs by the environment, and so do the services' keys, which stand in no file.
"""

import os
from importlib.util import find_spec
from typing import NamedTuple

from scripts.common.cli import UserError

NAMED = "SFT_REPORT_TRACKERS"
"""The environment variable that names them, with commas between."""


class Tracker(NamedTuple):
    """A service as transformers reports to it."""

    package: str
    keys: tuple[str, ...]
    """Variables of the environment of which one must be set; none: it needs no key."""


TRACKERS = {
    "wandb": Tracker("wandb", ("WANDB_API_KEY", "WANDB_MODE")),  # WANDB_MODE=offline needs no key
    "trackio": Tracker("trackio", ()),
    "mlflow": Tracker("mlflow", ("MLFLOW_TRACKING_URI",)),
}


def check(name: str) -> None:
    """Raise UserError where a service cannot be reported to."""
    tracker = TRACKERS[name]
    if find_spec(tracker.package) is None:
        raise UserError(
            f"training.report_to names {name}, and the package {tracker.package} is not installed: '.venv/bin/pip "
            f"install {tracker.package}', or leave {name} out"
        )
    if tracker.keys and not any(map(os.environ.get, tracker.keys)):
        raise UserError(
            f"training.report_to names {name}, and the environment has no {' and no '.join(tracker.keys)}: set one of "
            f"them, or leave {name} out"
        )


def asked() -> list[str]:
    """Return the services that the experiment names."""
    return [name for name in os.environ.get(NAMED, "").split(",") if name]


def name_run(run: str) -> str:
    """Return what the services call a run; where the environment names no project of theirs, it is sft-report."""
    for variable in ("WANDB_PROJECT", "MLFLOW_EXPERIMENT_NAME"):
        os.environ.setdefault(variable, "sft-report")
    return run
