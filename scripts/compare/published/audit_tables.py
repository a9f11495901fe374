"""What only several published numbers together show: averages, copied rows, a wrong number of questions."""

from collections.abc import Iterator
from itertools import combinations, pairwise
from typing import NamedTuple

from scripts.compare.labels import listed
from scripts.compare.published.published import Row

FEWEST_COPIED = 3  # so many equal scores are no chance
MOST_LEFT_OUT = 4  # benchmarks that an average may be without, for the audit to say which
BASE = ("base", "baseline")

Found = tuple[str, Row, str]  # check, row, message


def of_source(rows: list[Row]) -> Iterator[list[list[Row]]]:
    """Yield each source's rows, by model (and person) in their order."""
    for source in dict.fromkeys(row.source for row in rows):
        inside = [row for row in rows if row.source == source]
        whose = dict.fromkeys((row.model, row.run_by) for row in inside)
        yield [[row for row in inside if (row.model, row.run_by) == one] for one in whose]


def averages(rows: list[Row]) -> Iterator[Found]:
    """Yield the printed averages that are not those of their row's scores.

    Where the averages of most rows of a source are those without the same few benchmarks, it says without which.
    """
    for models in of_source(rows):
        tested = [(row, parts) for of in models for row in of if row.is_average and (parts := _parts(of))]
        if not tested or all(_is_mean(row, parts, ()) for row, parts in tested):
            continue
        without = _left_out(tested)
        fitting = [row for row, parts in tested if without and _is_mean(row, parts, without)]
        for row, parts in tested:
            if _is_mean(row, parts, ()):
                continue
            text = f"{row.text} is not the mean of its {len(parts)} scores, {_mean(row, parts, ())}"
            if row in fitting:
                text += f", but that without {listed(without)}" + _of_all(fitting, tested)
            elif fitting:
                text += f", nor that without {listed(without)}, {_mean(row, parts, without)}" + _of_all(fitting, tested)
            yield "average", row, text


def _parts(of: list[Row]) -> list[Row]:
    parts = [row for row in of if not row.is_average]
    return parts if len(parts) > 1 else []


def _of_all(fitting: list[Row], tested: list[tuple[Row, list[Row]]]) -> str:
    return f", as the averages of {len(fitting)} of {len(tested)} rows are"


def _value(parts: list[Row], without: tuple[str, ...]) -> tuple[float, float] | None:
    """Return the mean of scores, and by how much rounding may have moved it."""
    kept = [row.score for row in parts if row.benchmark not in without]
    return (sum(s.value for s in kept) / len(kept), sum(s.half for s in kept) / len(kept)) if len(kept) > 1 else None


def _is_mean(row: Row, parts: list[Row], without: tuple[str, ...]) -> bool:
    found = _value(parts, without)
    if found is None:
        return False
    mean, half = found
    return row.score.may_be(mean - half, mean + half) or (not without and _weighted(row, parts))


def _weighted(row: Row, parts: list[Row]) -> bool:
    """Whether an average is that over all questions of its benchmarks."""
    counts = [part.n or 0 for part in parts]
    if not all(counts):
        return False
    mean, half = (
        sum(getattr(part.score, name) * n for part, n in zip(parts, counts, strict=True)) / sum(counts)
        for name in ("value", "half")
    )
    return row.score.may_be(mean - half, mean + half)


def _mean(row: Row, parts: list[Row], without: tuple[str, ...]) -> str:
    found = _value(parts, without)
    return row.shown(found[0]) if found else "–"


def _left_out(tested: list[tuple[Row, list[Row]]]) -> tuple[str, ...]:
    """Return the fewest benchmarks without which most of the averages (at least three and half of them) are right."""
    names = list(dict.fromkeys(part.benchmark for _, parts in tested for part in parts))
    best: tuple[int, tuple[str, ...]] = (0, ())
    for count in range(1, min(MOST_LEFT_OUT, len(names) - 2) + 1):
        for without in combinations(names, count):
            right = sum(_is_mean(row, parts, without) for row, parts in tested)
            best = max(best, (right, without), key=lambda found: found[0])
        if best[0] == len(tested):
            break
    return best[1] if best[0] >= max(3, len(tested) / 2) else ()


def ranks(rows: list[Row]) -> Iterator[Found]:
    """Yield the averages (or scores of an only benchmark) that are above those of a better place.

    Where a third of them are, the places are of something else.
    """
    for models in of_source(rows):
        averages = [row for of in models for row in of if row.is_average]
        lone = [row for of in models for row in of] if all(len(of) == 1 for of in models) else []
        placed = [row for row in averages or lone if row.place is not None]
        placed.sort(key=lambda row: (row.place, -row.score.value))
        wrong = [(a, b) for a, b in pairwise(placed) if _above(b, a) and a.place != b.place]
        for better, row in wrong if 3 * len(wrong) < len(placed) else []:
            text = (
                f"{row.text} is at place {row.place}, below {better.model} with {better.text} at place {better.place}"
            )
            yield "rank", row, text


def _above(a: Row, b: Row) -> bool:
    """Whether a printed score is above another, whatever was rounded."""
    return a.score.value - a.score.half > b.score.value + b.score.half


def copied(rows: list[Row]) -> Iterator[Found]:
    """Yield the rows of a source whose scores are all those of another model's row."""
    for models in of_source(rows):
        scores = [{(row.benchmark, row.metric_name): row for row in of if not row.is_average} for of in models]
        for (k, first), (other, second) in combinations(enumerate(scores), 2):
            if models[k][0].model == models[other][0].model or first.keys() != second.keys():
                continue
            if len(first) < FEWEST_COPIED or any(first[key].score.value != second[key].score.value for key in first):
                continue
            original, copy = (other, k) if models[other][0].model.lower() in BASE else (k, other)
            row = models[copy][0]
            text = f"all {len(first)} scores of {row.model} are those of {models[original][0].model}"
            averages = [[of.text for of in models[place] if of.is_average] for place in (copy, original)]
            if averages[0] != averages[1]:
                text += f", but not the average: {listed(averages[0])} and {listed(averages[1])}"
            yield "copied row", row, text


class OtherCount(NamedTuple):
    """Another number of questions that a score fits."""

    text: str
    column: bool
    """Whether several scores of the benchmark are impossible with the number given, and all possible with this one."""


def question_counts(rows: list[Row], possible: list[bool]) -> dict[int, OtherCount]:
    """Return, by row number, with which number of questions, one more or fewer, a benchmark's scores are all possible.

    `possible` says of each row whether its score can be with the number of questions given.
    """
    found: dict[int, OtherCount] = {}
    columns: dict[tuple[str, str, int | None, int | None], list[int]] = {}
    for k, row in enumerate(rows):
        columns.setdefault((row.source, row.benchmark, row.n, row.samples), []).append(k)
    for (_, benchmark, n, samples), places in columns.items():
        wrong = [k for k in places if not possible[k]]
        if n is None or samples is None or not wrong:
            continue
        fitting = [m for m in (n - 1, n + 1) if m > 1 and all(_can_be(rows[k], m * samples) for k in places)]
        several = len({rows[k].score.value for k in wrong}) > 1
        for k in wrong if fitting else []:
            counts = " or ".join(f"{m:,}" for m in fitting)
            scores = f"all {len(places)} scores of {benchmark} are" if len(places) > 1 else "it is"
            found[k] = OtherCount(f"; with {counts} questions {scores} possible: is n one off?", several)
    return found


def _can_be(row: Row, answers: int) -> bool:
    nearest = round(row.score.value * answers)
    return any(row.score.may_be(k / answers) for k in (nearest - 1, nearest, nearest + 1) if k >= 0)
