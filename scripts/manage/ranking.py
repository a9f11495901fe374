"""Rank entries: scores with intervals, every pair compared, and groups that cannot be told apart.

Where both sides' answers are at hand a pair is compared question by question, by the procedure of the report
(docs/statistics.md); else by the two scores and their standard errors, as if the questions were others, which finds
less. All pairs are one family (Holm).
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import isclose, nan, sqrt
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from scripts.common.cli import UserError
from scripts.compare import statistics
from scripts.compare.answer_matrix import (
    Arm,
    benchmark_questions,
    by_draw,
    is_trained,
    metric_arms,
    question_design,
    read_answers,
)
from scripts.compare.averages import Average, average
from scripts.compare.compare_models import NO_RUNS
from scripts.compare.labels import percent
from scripts.compare.moderation import pooled_by_kind
from scripts.compare.variance import RunVariances
from scripts.manage.entries import Entry, Finished


class Placed(NamedTuple):
    """An entry with its place."""

    entry: Entry
    score: statistics.Score
    paired: bool
    """Whether its answers are at hand, so that it is compared question by question."""
    best: int
    worst: int
    """The places that it may have: those of entries that are better or worse beyond doubt are taken."""
    level: str
    """What its interval speaks of: the method, or these runs only."""
    group: str
    """Letters: two entries that share one cannot be told apart."""


class Answered(NamedTuple):
    """The answers at hand as one average of benchmarks."""

    whole: Average | None
    trained: dict[str, bool]
    runs: RunVariances


def answered(experiments: Sequence[Finished], entries: Sequence[Entry], weights: Mapping[str, float]) -> Answered:
    """Read the answers of the entries whose experiments have them; arms are called by the entry's key."""
    keys, tables = {entry.key for entry in entries}, []
    files: dict[str, Path] = {}
    for one in experiments:
        if one.answers is None:
            continue
        answers = read_answers(one.answers)
        for column in ("arm", "model"):
            answers[column] = f"{one.name}/" + answers[column].astype(str)
        tables.append(answers[answers["arm"].isin(keys) & answers["benchmark"].isin(list(weights))])
        files |= {name: file for name, file in one.questions.items() if name in weights}
    if not tables:
        return Answered(None, {}, RunVariances())
    answers = pd.concat(tables, ignore_index=True)
    metric = experiments[0].found["experiment"]["report"]["primary_metric"]
    questions = benchmark_questions(list(files.values())) if len(files) == len(weights) else None
    arms: dict[str, dict[str, Arm]] = {}
    designs = {}
    for name, rows in answers.groupby("benchmark", sort=False):
        arms[str(name)] = {key: by_draw(arm) for key, arm in metric_arms(rows, metric).items()}
        designs[str(name)] = question_design(rows, str(name), questions)
    if len(arms) < len(weights):
        return Answered(None, {}, RunVariances())
    everywhere = set.intersection(*(set(own) for own in arms.values()))  # the others are compared by their scores
    arms = {name: {key: arm for key, arm in own.items() if key in everywhere} for name, own in arms.items()}
    whole, trained = average(weights, arms, designs), is_trained(answers)
    runs = pooled_by_kind((arm for key, arm in whole.arms.items() if trained[key]), whole.questions)
    return Answered(whole, trained, runs)


def score_of(entry: Entry, at_hand: Answered, weights: Mapping[str, float], alpha: float) -> statistics.Score:
    """Return an entry's score with its interval: from its answers, else from the printed standard errors.

    Raises UserError where the answers are not those that the printed score is of.
    """
    score = sum(weight * entry.scores[name]["score"] for name, weight in weights.items())
    if at_hand.whole is not None and entry.key in at_hand.whole.arms:
        arm, whole = at_hand.whole.arms[entry.key], at_hand.whole
        runs = at_hand.runs[arm.kind] if at_hand.trained[entry.key] else None
        found = statistics.score_interval(arm.means, arm.results, alpha, whole.questions, runs, whole.size)
        if not isclose(found.score, score, abs_tol=1e-6):
            raise UserError(
                f"experiment '{entry.experiment}': the answers of '{entry.arm}' score {percent(found.score)}%, its "
                f"results.json says {percent(score)}%: make its report again"
            )
        return found
    from scipy import stats

    errors: list[Any] = [entry.scores[name].get("se") for name in weights]
    se = nan if None in errors else sqrt(sum((w * e) ** 2 for w, e in zip(weights.values(), errors, strict=True)))
    half = float(stats.t.isf(alpha / 2, entry.df)) * se
    return statistics.Score(score, se, max(score - half, 0.0), min(score + half, 1.0))


def difference(a: Entry, b: Entry, scores: Mapping[str, statistics.Score], at_hand: Answered) -> tuple[float, float]:
    """Return the difference of two entries, and its p-value."""
    whole = at_hand.whole
    if whole is not None and a.key in whole.arms and b.key in whole.arms:
        # The report's procedure has the trained side first.
        turned = not at_hand.trained[a.key] and at_hand.trained[b.key]
        first, second = (b, a) if turned else (a, b)
        one, other = whole.arms[first.key].units, whole.arms[second.key].units
        other = other if at_hand.trained[second.key] else one
        runs = at_hand.runs.between(one, other) if at_hand.trained[first.key] else NO_RUNS
        found = statistics.paired_difference(
            whole.arms[first.key].means,
            whole.arms[second.key].means,
            runs,
            not at_hand.trained[second.key],
            whole.questions,
            whole.least,
        )
        return (-found.difference if turned else found.difference), found.p_value
    from scipy import stats

    gap = scores[a.key].score - scores[b.key].score
    se = sqrt(scores[a.key].se ** 2 + scores[b.key].se ** 2)
    return gap, float(2 * stats.t.sf(abs(gap) / se, min(a.df, b.df))) if se > 0 else 1.0


def level(entry: Entry, at_hand: Answered) -> str:
    """Return what an entry's interval speaks of: the method, or these runs only, of which too few are known."""
    if at_hand.whole is None or entry.key not in at_hand.whole.arms:
        return entry.level
    known = not at_hand.trained[entry.key] or at_hand.runs[at_hand.whole.arms[entry.key].kind].known
    return "method" if known else "these runs"


def letters(keys: Sequence[str], apart: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return letters by key (in their order): two keys share one exactly where they are no pair of `apart`.

    Insert and absorb (Piepho 2004): every pair that differs splits the sets that hold both.
    """
    sets = [frozenset(keys)]
    for pair in apart:
        split = []
        for group in sets:
            split += [group - {pair[0]}, group - {pair[1]}] if set(pair) <= group else [group]
        sets = [group for group in dict.fromkeys(split) if not any(group < other for other in split)]
    order = {key: place for place, key in enumerate(keys)}
    sets.sort(key=lambda group: sorted(order[key] for key in group))
    names = [_letter(number) for number in range(len(sets))]
    return {key: " ".join(name for name, group in zip(names, sets, strict=True) if key in group) for key in keys}


def _letter(number: int) -> str:
    tens, ones = divmod(number, 26)
    return (chr(ord("a") + tens - 1) if tens else "") + chr(ord("a") + ones)


def ranked(
    entries: Sequence[Entry], experiments: Sequence[Finished], weights: Mapping[str, float], alpha: float
) -> list[Placed]:
    """Return the entries in the order of their scores, each with its places and its group."""
    at_hand = answered(experiments, entries, weights)
    scores = {entry.key: score_of(entry, at_hand, weights, alpha) for entry in entries}
    order = sorted(entries, key=lambda entry: -scores[entry.key].score)
    pairs = list(combinations(order, 2))
    found = [difference(a, b, scores, at_hand) for a, b in pairs]
    decided = statistics.holm([p for _, p in found], alpha) if pairs else []
    better: dict[str, Any] = {entry.key: 0 for entry in order}
    worse: dict[str, Any] = dict(better)
    apart = []
    for (a, b), (gap, _), adjusted in zip(pairs, found, decided, strict=True):
        if adjusted.p_holm < alpha and gap:
            apart.append((a.key, b.key))
            upper, lower = (a, b) if gap > 0 else (b, a)
            better[lower.key] += 1
            worse[upper.key] += 1
    named = letters([entry.key for entry in order], apart)
    paired = set(at_hand.whole.arms) if at_hand.whole else set()
    return [
        Placed(
            entry, scores[entry.key], entry.key in paired, 1 + better[entry.key], len(order) - worse[entry.key],
            level(entry, at_hand), named[entry.key],
        )
        for entry in order
    ]  # fmt: skip
