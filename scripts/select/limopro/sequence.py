"""The sequence model: a linear-chain conditional random field over units, its weights in a JSON file.

A label is a pattern's letter with what comes first: B begins a functional step, I goes on with it; P is derivation and
R the derivation to which the chain returns. The weights were trained by train_segmenter.py with python-crfsuite;
labelling needs numpy only and is linear in the number of units.
"""

import json
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scripts.select.limopro.patterns import FUNCTIONAL, LETTERS

LABELS = ("P", "R", *(kind + LETTERS[pattern] for pattern in FUNCTIONAL for kind in "BI"))
MODEL = Path(__file__).with_name("segmenter.json")

Array = NDArray[np.float64]


class Labelled(NamedTuple):
    """The labels of a chain's units."""

    labels: list[str]
    """The most probable sequence of labels."""
    functional: Array
    """Probability of each unit to be functional, (units,)."""


def may_follow(before: str, after: str) -> bool:
    """Tell whether a label may stand after another: I only inside its own step, R only after a functional step."""
    if after[0] == "I":
        return before[1:] == after[1:]
    return (after == "R") == (len(before) == 2) or after[0] == "B"


FORBIDDEN = np.array([[0.0 if may_follow(before, after) else -np.inf for after in LABELS] for before in LABELS])
_FIRST = np.array([0.0 if label[0] in "PB" else -np.inf for label in LABELS])


class SequenceModel:
    """Weights of features and of transitions, (labels,) and (labels, labels), in log space."""

    def __init__(self, features: dict[str, dict[str, float]], transitions: dict[str, dict[str, float]]) -> None:
        place = {label: number for number, label in enumerate(LABELS)}
        self.rows = {name: number for number, name in enumerate(features)}
        self.names = frozenset(features)
        self.weights = np.zeros((len(features) + 1, len(LABELS)))  # the last row is that of unknown features
        for name, weights in features.items():
            for label, weight in weights.items():
                self.weights[self.rows[name], place[label]] = weight
        self.transitions = FORBIDDEN.copy()
        for before, row in transitions.items():
            for after, weight in row.items():
                self.transitions[place[before], place[after]] += weight

    def emissions(self, rows: Sequence[Iterable[str]]) -> Array:
        """Return the weight of every label for every unit, (units, labels)."""
        known: list[int] = []
        begins = []
        for row in rows:
            begins.append(len(known))
            # In order, so that the sum is the same each time; the row of unknown features stands for none.
            known += sorted(map(self.rows.__getitem__, self.names.intersection(row)))
            known.append(len(self.rows))
        summed: Array = np.add.reduceat(self.weights[known], begins, axis=0)
        return summed

    def label(self, rows: Sequence[Iterable[str]]) -> Labelled:
        """Label the units of a chain, given the features of each."""
        if not rows:
            return Labelled([], np.zeros(0))
        emissions = self.emissions(rows)
        emissions[0] += _FIRST
        return Labelled(self._best(emissions), self._functional(emissions))

    def _best(self, emissions: Array) -> list[str]:
        """Viterbi's algorithm."""
        score, back = emissions[0], []
        for emission in emissions[1:]:
            through = score[:, None] + self.transitions
            back.append(through.argmax(axis=0))
            score = through.max(axis=0) + emission
        path = [int(score.argmax())]
        for step in reversed(back):
            path.append(int(step[path[-1]]))
        return [LABELS[number] for number in reversed(path)]

    def _functional(self, emissions: Array) -> Array:
        """Forward and backward sums, scaled at every unit so that nothing overflows."""
        local = np.exp(emissions - emissions.max(axis=1, keepdims=True))
        links = np.exp(self.transitions)
        forward, backward = np.empty_like(local), np.ones_like(local)
        forward[0] = local[0] / local[0].sum()
        for place in range(1, len(local)):
            row = (forward[place - 1] @ links) * local[place]
            forward[place] = row / row.sum()
        for place in range(len(local) - 2, -1, -1):
            row = links @ (local[place + 1] * backward[place + 1])
            backward[place] = row / row.sum()
        both = forward * backward
        probabilities: Array = both / both.sum(axis=1, keepdims=True)
        return probabilities[:, [len(label) == 2 for label in LABELS]].sum(axis=1)


def read_model(path: Path) -> SequenceModel:
    """Read a model's weights."""
    content = json.loads(path.read_text(encoding="utf-8"))
    return SequenceModel(content["features"], content["transitions"])


@cache
def shipped_model() -> SequenceModel:
    """Return the model that comes with the project."""
    return read_model(MODEL)


def labels_of(patterns: Sequence[str]) -> list[str]:
    """Return the model's labels for a reader's (P, V, M or E, with * where a step begins)."""
    labels = []
    for before, now in pairwise(["P", *patterns]):
        letter = now[0]
        if letter == "P":
            labels.append("P" if before[0] == "P" else "R")
        else:
            labels.append(("B" if letter != before[0] or now.endswith("*") else "I") + letter)
    return labels
