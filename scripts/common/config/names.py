"""Which names an experiment, a subset, a benchmark or a model may have: they become names of files."""

import re
from collections.abc import Iterable

_NAME = re.compile(r"[a-z0-9_-]+")
_EXPERIMENT = re.compile(r"[a-z0-9][a-z0-9._-]*")
_RUN = re.compile(r".*-t\d+")


def check_experiment_name(name: str) -> None:
    """Raise ValueError when `name` cannot name a folder."""
    if not _EXPERIMENT.fullmatch(name):
        raise ValueError(f"the name '{name}' may hold only a-z, 0-9, '.', '_' and '-', a letter or digit first")


def check_names(what: str, names: Iterable[str]) -> None:
    """Raise ValueError for the first of `names` that cannot name a file, or could be taken for a training run."""
    for name in names:
        if not _NAME.fullmatch(name):
            raise ValueError(f"the {what} name '{name}' may hold only a-z, 0-9, _ and -")
        if _RUN.fullmatch(name):
            raise ValueError(f"the {what} name '{name}' must not end in -t and digits: that is how runs are named")
