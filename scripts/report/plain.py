"""The answers of page one: what the comparisons of each question show, in sentences that anybody can read.

Differences are in points. p, Holm's correction and what could have been found stand in the tables.
"""

from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import Any

import pandas as pd

from scripts.common.config.experiment import Experiment
from scripts.common.config.model import DEMO, is_gguf
from scripts.compare.labels import AGAINST, ASKED, listed, points, reference_label
from scripts.compare.statistics import NOTHING
from scripts.report.markdown import escape

NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
NO_WORSE = "no worse"
VERDICTS = ("better", "worse", NO_WORSE, NOTHING)
MOST_NAMES = 6  # arms that are named one by one
MOST = 4  # sentences that answer one question; the table of page one has the rest


def model_label(name: str) -> str:
    """Return a model's name as people write it: 'Qwen2.5-3B-Instruct', without owner, folder or GGUF's suffix."""
    if name == DEMO:
        return "a tiny language model"
    last = PurePath(name).name or name
    if not is_gguf(name):
        return last
    stem = last[: -len(".gguf")]
    whole, dot, precision = stem.rpartition(".")
    return whole if dot and precision[:1].upper() in ("Q", "F", "B", "I") and not precision.isdigit() else stem


def asked_in_words(question: str, experiment: Experiment) -> str:
    """Return a question of the experiment as people ask it."""
    if question == "base" and not experiment.subsets:
        return "Do the other models beat the baseline?"
    return ASKED[question]


def baseline_label(experiment: Experiment) -> str:
    """Return what the family `base` is held against, in a sentence, as Markdown."""
    name = experiment.report.baseline
    if name != "base":
        return escape(name)
    return "the base model" if experiment.subsets else escape(model_label(experiment.model.name))


def against(rows: pd.DataFrame, experiment: Experiment) -> str:
    """Return what the arms of one question are held against, as Markdown: 'as many random rows'."""
    if rows["question"].iloc[0] == "base":
        return baseline_label(experiment)
    return escape(reference_label(str(rows["reference"].iloc[0]), AGAINST))


def reading(row: "pd.Series[Any]") -> str:
    """Return what a comparison says, one of VERDICTS: no worse is said only where no difference was found."""
    if row["verdict"] == NOTHING and bool(row["no_worse"]):
        return NO_WORSE
    return str(row["verdict"])


def decided(comparisons: pd.DataFrame, primary: pd.DataFrame | None, where: str = "benchmark") -> pd.DataFrame:
    """Return comparisons in which those of the first family (the table primary) say what it decided.

    `where` is the column that names what was compared on: the interval and verdict of the first family's target hold.
    """
    found = comparisons.copy()
    for _, row in primary.iterrows() if primary is not None else ():
        same = (found["question"] == row["question"]) & (found[where] == row["target"])
        same &= (found["subset"] == row["subset"]) & (found["reference"] == row["reference"])
        for name in ("difference", "ci_low", "ci_high", "verdict", "level"):
            found.loc[same, name] = row[name]
    return found


def spelled(number: int) -> str:
    """Return a number as a word, up to twelve."""
    return NUMBERS[number] if number < len(NUMBERS) else f"{number:,}"


def places(names: Sequence[str], of: int, what: str = "benchmarks", negative: bool = False) -> str:
    """Return where something holds: 'on b', 'on both benchmarks', 'on any of the seven benchmarks'."""
    if len(names) < of or of < 2:
        which = listed([escape(name) for name in names])
        return f"on {which}" if what == "benchmarks" else f"on the average ({which})"
    if of == 2:
        return f"on either {what.removesuffix('s')}" if negative else f"on both {what}"
    return f"on any of the {spelled(of)} {what}" if negative else f"on all {spelled(of)} {what}"


def span(values: "pd.Series[float]", signed: bool = False) -> str:
    """Return the span of differences: '9.8 points', '9.8 to 14.8 points'."""
    found = values if signed else values.abs()
    low, high = points(found.min(), sign=signed), points(found.max(), sign=signed)
    return f"{low} points" if low == high else f"{low} to {high} points"


def would_be_seen(mde80: float) -> str:
    """Return what would have been seen, by the smallest detectable difference (a share)."""
    if not mde80 <= 1:
        return "even the largest possible one might have been missed"
    return f"one of {points(mde80, sign=False)} points would most likely have been seen"


def together(subsets: Sequence[str], among: Sequence[str], experiment: Experiment) -> tuple[str, str]:
    """Return what arms `among` those of a question are called as subject, and after 'for', as Markdown.

    Very many are not named one by one where the others are few.
    """
    names = listed([escape(name) for name in subsets])
    others = listed([escape(name) for name in among if name not in subsets])
    if len(subsets) <= MOST_NAMES or len(among) - len(subsets) > MOST:
        return names, f"any of {names}"
    what = "method" if experiment.subsets else "model"
    some = " compared here" if len(among) < len(experiment.subsets) else ""  # of a sweep one is chosen
    if others:
        return f"all {what}s{some} but {others}", f"any {what}{some} but {others}"
    number = spelled(len(subsets))
    return f"all {number} {what}s{some}", f"any of the {number} {what}s{some}"


def clauses(
    subject: tuple[str, str],
    rows: pd.DataFrame,
    of: int,
    to: str,
    many: bool = False,
    what: str = "benchmarks",
    named: bool = False,
) -> str:
    """Return what an arm's comparisons on benchmarks (or averages) show, as one sentence without its full stop.

    `subject` (see `together`) and `to` are Markdown: who is compared and with what (`named`: the sentence before has
    said it); `of` is how many benchmarks there are.
    """
    kinds = rows.apply(reading, axis=1)
    parts: list[str] = []
    again = "they are " if many else "it is "
    who = again if named else f"{subject[0]} {'are' if many else 'is'} "
    than = "" if named else f" than {to}"
    for kind in VERDICTS:
        found = rows[kinds == kind]
        if found.empty:
            continue
        names = list(dict.fromkeys(found["benchmark"]))
        if kind in ("better", "worse"):
            parts.append(f"{who}{kind}{than} {places(names, of, what)}, by {span(found['difference'])}")
        elif kind == NO_WORSE:
            bound = f"one-sided bound {span(found['lower_bound'], signed=True)}"
            parts.append(f"{who}no worse{than} {places(names, of, what)} ({bound})")
        else:
            where = places(names, of, what, negative=True)
            if parts or named:
                text = f"no difference was found {where}"
            elif many:
                text = f"no difference from {to} was found for {subject[1]} {where}"
            else:
                text = f"no difference was found between {subject[0]} and {to} {where}"
            parts.append(f"{text}; {would_be_seen(found['mde80'].max())}")
        who, than = again, ""
    return "; ".join(parts)


def capital(sentence: str) -> str:
    """Return a sentence that begins with a capital where its first word is one of ours and no name."""
    first, second, *_ = [*sentence.split(" "), ""]
    name = first.endswith(",") or second in ("is", "are", "and")
    return sentence if name else sentence[0].upper() + sentence[1:]


def _groups(rows: pd.DataFrame, averages: pd.DataFrame, of: int) -> Iterator[list[str]]:
    """Yield arms; those of which every benchmark says the same, and each average too, are taken together."""
    groups: dict[tuple[Any, ...], list[str]] = {}
    for subset, own in rows.groupby("subset", sort=False):
        kinds, whole = set(own.apply(reading, axis=1)), averages[averages["subset"] == subset]
        on_average = tuple(sorted((row["benchmark"], reading(row)) for _, row in whole.iterrows()))
        words = reference_label(str(own["reference"].iloc[0]), AGAINST)
        levels = tuple(sorted({*own["level"], *whole["level"]}))
        same = len(kinds) == 1 and own["benchmark"].nunique() == of
        groups.setdefault((kinds.pop(), words, levels, on_average) if same else (subset,), []).append(str(subset))
    yield from groups.values()


def answer(rows: pd.DataFrame, averages: pd.DataFrame | None, experiment: Experiment, of: int) -> str:
    """Return the answer to one question, as Markdown: a sentence an arm, averages first where some have a name.

    `rows` and `averages` are the question's comparisons (averages with their name as `benchmark`), `of` is the number
    of benchmarks.
    """
    sentences = []
    averages = rows[:0] if averages is None else averages
    groups = list(_groups(rows, averages, of))
    if len(groups) > MOST:  # what was found is told, and the rest left to the tables
        every = pd.concat([rows, averages])
        told = set(every.loc[every["verdict"] != NOTHING, "subset"])
        groups.sort(key=lambda subsets: told.isdisjoint(subsets))
    for subsets in groups:
        own, whole = (found[found["subset"].isin(subsets)] for found in (rows, averages))
        to, many = against(own, experiment), len(subsets) > 1
        subject = together(subsets, list(dict.fromkeys(rows["subset"])), experiment)
        if len(whole):
            lead = clauses(subject, whole, whole["benchmark"].nunique(), to, many, "averages")
            text = f"{lead}. By benchmark, {clauses(subject, own, of, to, many, named=True)}"
        else:
            text = clauses(subject, own, of, to, many)
        runs = "in these runs " if {*own["level"], *whole["level"]} != {"method"} else ""
        sentences.append(capital(f"{runs}{text}") + ".")
    if len(sentences) > MOST:
        left = len(sentences) - MOST
        sentences = [*sentences[:MOST], f"@tbl-answers and @tbl-comparisons have the other {spelled(left)}."]
    return " ".join(sentences)
