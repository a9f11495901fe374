"""Steps: a chain cut into what may be taken out as a whole, each with its pattern.

The sequence model labels the units; a run of units with one functional pattern and one object is a step, and
derivation is cut where a line ends a sentence. A step of which the model is not sure stays progressive: what is never
removed does no harm. The texts of the steps, joined, are the chain, byte for byte; the time is linear in the text.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from scripts.select.limopro.features import NOT_STATED, PARAGRAPH, STATES, Features, features_of
from scripts.select.limopro.patterns import FUNCTIONAL, LETTERS, PROGRESSIVE
from scripts.select.limopro.sequence import Labelled, SequenceModel, shipped_model
from scripts.select.limopro.units import is_numbering, unit_bounds

CAUTION = 0.7
"""A functional step whose units are functional with less than this probability, in the mean, stays progressive."""
EARLY_CAUTION, LONGEST_EARLY = 0.9, 30
"""Before the chain has stated an answer a check is rarer, and short: there a step needs this probability, and has at
most so many units. Of what the model takes for functional there, half is derivation for a reader; later 8% is."""

_PATTERNS = {LETTERS[pattern]: pattern for pattern in FUNCTIONAL}
_SENTENCE_MARKS = (".", "!", "?", "。", "！", "？", "…", "]", "$", ")", '"', "”", "*", "`")


class Step(NamedTuple):
    """A step: its place in the chain, in characters, and its pattern."""

    start: int
    end: int
    pattern: str


class Run(NamedTuple):
    """Units of one functional step (or, as progressive, of the derivation between two), by number."""

    start: int
    end: int
    pattern: str


def runs_of(labelled: Labelled, stated: Sequence[bool]) -> list[Run]:
    """Return the runs of the model's labels; doubtful functional ones are progressive.

    `stated` tells for each unit whether an answer stood before it.
    """
    starts = [place for place, label in enumerate(labelled.labels) if label[0] in "BR" or place == 0]
    runs: list[Run] = []
    for start, end in pairwise([*starts, len(labelled.labels)]):
        label = labelled.labels[start]
        caution, longest = (CAUTION, end) if stated[start] else (EARLY_CAUTION, LONGEST_EARLY)
        sure = len(label) == 2 and labelled.functional[start:end].mean() >= caution and end - start <= longest
        pattern = _PATTERNS[label[1]] if sure else PROGRESSIVE
        if runs and pattern == runs[-1].pattern == PROGRESSIVE:
            runs[-1] = runs[-1]._replace(end=end)
        else:
            runs.append(Run(start, end, pattern))
    return runs


def without_closing(runs: Sequence[Run], features: Features) -> list[Run]:
    """Return the runs with the chain's closing lines as derivation, where a check before them ran on into them.

    Closing lines are a last paragraph of one or two units that begins by stating the answer.
    """
    closing = max((place for place, row in enumerate(features) if PARAGRAPH in row), default=0)
    ends = len(features)
    if not runs or ends - closing > 2 or features[closing].isdisjoint(STATES):
        return list(runs)
    last = runs[-1]
    if last.pattern == PROGRESSIVE or last.start >= closing:
        return list(runs)
    return [*runs[:-1], last._replace(end=closing), Run(closing, ends, PROGRESSIVE)]


def _introduces(unit: str) -> bool:
    return is_numbering(unit) or unit.rstrip().endswith((":", "："))


def mended_runs(runs: Sequence[Run], units: Sequence[str]) -> list[Run]:
    """Return the runs with a unit that introduces the next one ("Then:", "3.") in the run of what it introduces."""
    starts = []
    for before, run in pairwise([None, *runs]):
        start = run.start if run else 0
        while before and start - 1 > before.start and _introduces(units[start - 1]):
            start -= 1
        starts.append(start)
    return [
        run._replace(start=start, end=end)
        for run, (start, end) in zip(runs, pairwise([*starts, len(units)]), strict=True)
    ]


def _derivation_cuts(units: Sequence[str], run: Run) -> Iterator[int]:
    """Yield where derivation is cut: at a line's end that ends a sentence, with no list or display after it."""
    for place in range(run.start + 1, run.end):
        before = units[place - 1]
        text = before.rstrip()
        gap, next_unit = before[len(text) :], units[place].lstrip()
        if not any(mark in gap for mark in "\n\r\x85\u2028\u2029") or _introduces(before):
            continue
        if is_numbering(units[place]) or next_unit.startswith(("\\[", "$$", "```", "\\begin", "- ", "* ", "[asy]")):
            continue
        if gap.count("\n") > 1 or text.endswith(_SENTENCE_MARKS) or not text:
            yield place


def segment(text: str, question: str = "", answer: str = "", model: SequenceModel | None = None) -> list[Step]:
    """Cut a chain into steps.

    `question` and `answer` tell the model whether a unit states the answer; without them it sees less.
    """
    bounds = unit_bounds(text)
    units = [text[start:end] for start, end in bounds]
    features = features_of(units, question, answer)
    labelled = (model or shipped_model()).label(features)
    stated = [NOT_STATED not in row for row in features]
    runs = without_closing(runs_of(labelled, stated), features)
    return steps_of_runs(mended_runs(runs, units), units, bounds)


def steps_of_runs(runs: Sequence[Run], units: Sequence[str], bounds: Sequence[tuple[int, int]]) -> list[Step]:
    """Return the steps of runs that cover a chain's units, whose places are `bounds`: derivation is cut further."""
    steps = []
    for run in runs:
        cuts = [run.start, *(_derivation_cuts(units, run) if run.pattern == PROGRESSIVE else ()), run.end]
        steps += [Step(bounds[start][0], bounds[end - 1][1], run.pattern) for start, end in pairwise(cuts)]
    return steps
