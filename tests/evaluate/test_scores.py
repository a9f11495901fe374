"""Scores recounted from the answers."""

import math

import pytest

from scripts.evaluate.scores import majority_name, scores
from tests.evaluate.scored_answers import scored

NAMES = ["pass@k:k=1&n=2", "pass@k:k=2&n=2"]


def test_scores_are_over_questions() -> None:
    assert scores(scored([[1, 1], [1, 0], [0, 0], [0, 1]]), NAMES) == pytest.approx(
        {
            "pass@k:k=1&n=2": 0.5,
            "pass@k:k=1&n=2_stderr": math.sqrt((0.25 + 0.25) / 3) / 2,
            "pass@k:k=2&n=2": 0.75,
            "pass@k:k=2&n=2_stderr": 0.25,
        }
    )
    assert scores(scored([[1, 0]]), NAMES) == {"pass@k:k=1&n=2": 0.5, "pass@k:k=2&n=2": 1.0}
    assert scores(scored([[1], [0]]), ["acc"]) == pytest.approx({"acc": 0.5, "acc_stderr": 0.5})


def test_a_majority_is_of_what_could_be_read() -> None:
    answers = scored(
        [[0, 1, 1], [1, 0, 0], [0, 0, 1], [0, 0, 0], [1, 0, 0]],
        [["3", "7", "7"], ["7", "3", "3"], [None, None, "7"], [None] * 3, ["7", "3", "4"]],
    )
    found = scores(answers, [majority_name(3)])
    # Outvoted, right; outvoted, wrong; the only one; none at all; three differ, the first is taken.
    assert found == pytest.approx({"maj@n:n=3": 3 / 5, "maj@n:n=3_stderr": math.sqrt((3 * 0.16 + 2 * 0.36) / 4 / 5)})


@pytest.mark.parametrize("name", [*NAMES, "maj@n:n=2", "acc", "pass@k:k=2&n=3", "bleu"])
def test_a_metric_must_go_with_the_samples(name: str) -> None:
    with pytest.raises(ValueError, match=f"'{name}' does not go with 3 answers"):
        scores(scored([[0, 0, 0], [1, 1, 1]]), [name])
