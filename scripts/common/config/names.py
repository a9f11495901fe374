"""Which names an experiment, a subset, a benchmark or a model may have: they become names of files."""

import re
from collections.abc import Iterable

_NAME = re.compile(r"[a-z0-9_-]+")
_EXPERIMENT = re.compile(r"[a-z0-9][a-z0-9._-]*")
LONGEST = 100
"""Characters of a name; file systems take 255 for a file, which several names share."""
_RUN = re.compile(r".*-t\d+")


def check_experiment_name(name: str) -> None:
    """Raise ValueError when `name` cannot name a folder."""
    _check_length("experiment", name)
    if not _EXPERIMENT.fullmatch(name):
        raise ValueError(f"the name '{name}' may hold only a-z, 0-9, '.', '_' and '-', a letter or digit first")


def check_names(what: str, names: Iterable[str]) -> None:
    """Raise ValueError for the first of `names` that cannot name a file, or could be taken for a training run."""
    for name in names:
        _check_length(what, name)
        if name.startswith("-"):
            raise ValueError(f"the {what} name '{name}' begins with '-', like the option of a program")
        if not _NAME.fullmatch(name):
            raise ValueError(f"the {what} name '{name}' may hold only a-z, 0-9, _ and -")
        if _RUN.fullmatch(name):
            raise ValueError(f"the {what} name '{name}' must not end in -t and digits: that is how runs are named")


def _check_length(what: str, name: str) -> None:
    if len(name) > LONGEST:
        raise ValueError(f"the {what} name '{name[:20]}...' has {len(name)} characters, more than {LONGEST}")
