"""Gold answers of whole real sets, fed back, dressed otherwise and changed: too many for the unit tests, which take a
sample."""

import re
from pathlib import Path

import pytest

from perf import answer_checking
from tests.beside import BENCHMARKS

pytestmark = [pytest.mark.workflow, pytest.mark.real]


def equal_by_accident(trial: answer_checking.Trial) -> bool:
    """Whether a changed answer says the same after all: no value has a sign at 0, and a choice's letter decides."""
    letters = re.match(r"[（(][A-D][）)]", trial.gold), re.match(r"[（(][A-D][）)]", trial.answer)
    return trial.answer == "-0" or bool(letters[0] and letters[1] and letters[0][0] == letters[1][0])


@pytest.mark.parametrize("path", sorted(BENCHMARKS.glob("*.jsonl")), ids=lambda path: path.stem)
def test_golds_are_right_in_any_dress_and_wrong_when_changed(path: Path) -> None:
    golds = answer_checking.read_sets(BENCHMARKS, 1)[path.stem]
    trials = answer_checking.trials_of(golds, path.stem)
    accidents = [trial for trial in trials if not trial.same and equal_by_accident(trial)]
    assert len(accidents) <= 0.01 * len(trials)
    trials = [trial for trial in trials if trial not in accidents]
    faults = answer_checking.faults(trials, answer_checking.ours)
    for same in (True, False):
        of = [trial for trial in trials if trial.same is same]
        odd = [trial for trial in faults if trial.same is same]
        assert len(of) >= len(golds) and len(odd) <= 0.005 * len(of), odd
