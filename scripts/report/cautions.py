"""What changes how the results read, in plain words: on page one, and in results.json.

Each caution is a function that yields sentences (Markdown) where the facts call for them, entered in CAUTIONS.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pandas as pd

from scripts.common.config.experiment import Experiment
from scripts.compare.labels import AGAINST, arm_label, counted, listed, reference_label
from scripts.report.facts import Facts
from scripts.report.needs import always, trained
from scripts.report.plain import MOST, MOST_NAMES, model_label
from scripts.report.prose import prose
from scripts.select.controls import CONTROLS as KINDS

LOUD = 0.05  # share of answers from which on a failure changes how the scores read
FEW_STEPS = 30  # optimiser steps up to which hardly anything is learnt
UNEQUAL = 1.25  # how many times as many tokens make two arms unequal

DEMO_CAVEAT = (
    "This is the demonstration: its base model was trained from scratch on the same kind of problem, so that the "
    "lift of fine-tuning over it is elicitation of what it had already learnt. The numbers show that the machinery "
    "works; they say nothing about language models in general."
)
CUT_OFF = """
**Answers cut off.** Up to {{ rate | percent }}% of answers ({{ arm }} on {{ benchmark }}) reached the limit of
{{ limit | number }} tokens and count as they stand: scores there measure length as well as skill.
"""
UNREAD = """
**Answers that cannot be read.** In up to {{ rate | percent }}% of whole answers ({{ arm }} on {{ benchmark }}) no final
answer was found; they count as wrong.
"""
BLIND = """
{{ benchmark }} tells nothing: every model answers each of its {{ questions | number }} questions {{ how }}.
"""
FEW = """
**Hardly trained.** {{ who }} had {{ steps }}: no more than the beginning of fine-tuning.
"""
TOKENS = """
**Unequal amounts of training.** {% for pair in pairs %}{% if not loop.first %}; {% endif %}{{ pair.subset }} learnt
from {{ pair.own | number }} tokens and {{ pair.reference }} from {{ pair.other | number }}{% endfor %}{% if more
%} (@tbl-training has {{ more }} more){% endif %}: what more text does, and what better text does, cannot be kept apart.
"""
SEEDS = """
**{{ seeds | counted("training seed") }} an arm.** How much training runs vary is not known. The marks speak of these
runs; another seed could turn them.
"""
GREEDY = """
**Temperature 0.** Every answer is the model's likeliest one{% if copies %}, so that several samples are copies{% endif
%}; drawn answers could score otherwise.
"""
CONTAMINATED = """
**Questions in the training data.** {{ rows | counted("row") }} of the pool hold{{ "s" if rows == 1 else "" }} questions
of {{ benchmarks | listed }}: scores there may be memory.
"""
MODEL = """
**{{ model }}.** {{ finding }}.
"""


def _demo(facts: Facts) -> Iterator[str]:
    if facts.is_demo:
        yield DEMO_CAVEAT


def _failures(facts: Facts) -> Iterator[str]:
    arms = facts.table("arms")
    worst = arms.loc[arms["truncated_rate"].idxmax()]
    limit = facts.experiment.evaluation.generation.max_new_tokens
    if worst["truncated_rate"] >= LOUD:
        yield prose(CUT_OFF, rate=worst["truncated_rate"], limit=limit, **_where(worst))
    unread = arms["unparsed_rate"] - arms["truncated_rate"]
    if unread.max() >= LOUD:
        yield prose(UNREAD, rate=unread.max(), **_where(arms.loc[unread.idxmax()]))


def _where(row: "pd.Series[str]") -> dict[str, str]:
    return {"arm": arm_label(row["arm"]), "benchmark": row["benchmark"]}


def _blind(facts: Facts) -> Iterator[str]:
    """A benchmark that cannot tell models apart."""
    for _, row in facts.table("reliability").iterrows():
        if row["all_right"] + row["all_wrong"] == row["n_questions"]:
            how = {row["all_wrong"]: "wrong", row["all_right"]: "right"}.get(
                row["n_questions"], "all right or all wrong"
            )
            yield prose(BLIND, benchmark=row["benchmark"], questions=row["n_questions"], how=how)


def _training(facts: Facts) -> Iterator[str]:
    arms = facts.table("training_arms")
    few = arms[arms["steps"] <= FEW_STEPS]
    if few.empty:
        return
    low, high = round(few["steps"].min()), round(few["steps"].max())
    steps = counted(low, "training step") if low == high else f"{low} to {high} training steps"
    if len(few) == len(arms) > 1:
        who = "Every arm"
    elif len(few) <= MOST_NAMES:
        who = listed([arm_label(name) for name in few["arm"]])
    else:
        who = f"{len(few)} of {len(arms)} arms"
    yield prose(FEW, who=who, steps=steps)


def _tokens(facts: Facts) -> Iterator[str]:
    """Of pairs that are to differ in their rows only, not of pruning's: to take text out is what it does."""
    tokens = facts.table("training_arms").set_index("arm")["trained_tokens"]
    compared = facts.table("comparisons")[["question", "subset", "reference"]].drop_duplicates()
    pairs = []
    for _, pair in compared.iterrows():
        control = KINDS.get(pair["question"])
        if control is None or control.of_pruned or not {pair["subset"], pair["reference"]} <= set(tokens.index):
            continue
        own, other = tokens[pair["subset"]], tokens[pair["reference"]]
        if max(own, other) >= UNEQUAL * min(own, other):
            names = {"subset": arm_label(pair["subset"]), "reference": reference_label(pair["reference"], AGAINST)}
            pairs.append(names | {"own": own, "other": other})
    if pairs:
        yield prose(TOKENS, pairs=pairs[:MOST], more=len(pairs[MOST:]))


def _seeds(facts: Facts) -> Iterator[str]:
    if (facts.table("comparisons")["level"] != "method").any():
        yield prose(SEEDS, seeds=len(facts.experiment.training.seeds))


def _temperature(facts: Facts) -> Iterator[str]:
    evaluation = facts.experiment.evaluation
    if evaluation.generation.temperature == 0:
        yield prose(GREEDY, copies=any(benchmark.samples > 1 for benchmark in evaluation.benchmarks.values()))


def _contamination(facts: Facts) -> Iterator[str]:
    hits = facts.table("contamination")
    kept = hits[~hits["taken_out"].astype(bool) & (hits["rows"] > 0)]
    if len(kept):
        yield prose(CONTAMINATED, rows=int(kept["rows"].sum()), benchmarks=list(kept["benchmark"]))


def _models(facts: Facts) -> Iterator[str]:
    """What check_model found that changes how the results read (not what it merely notes)."""
    models = {"base": facts.experiment.model, **facts.experiment.models}
    named = Counter(model.name for model in models.values())
    for name, found in facts.checks.items():
        model = models.get(name)
        for sentence in found.get("cautions", []):
            label = model_label(model.name) if model else name
            if model and named[model.name] > 1:  # one model in two ways, with thinking and without
                label = f"{label} ({name})"
            yield prose(MODEL, model=label[0].upper() + label[1:], finding=sentence[0].upper() + sentence[1:])


class Caution(NamedTuple):
    """What may mislead: the sentences that the facts call for, and the experiments it can befall."""

    write: Callable[[Facts], Iterator[str]]
    when: Callable[[Experiment], bool] = always


CAUTIONS = (
    Caution(_demo),
    Caution(_failures),
    Caution(_blind),
    Caution(_seeds, trained),
    Caution(_training, trained),
    Caution(_tokens, trained),
    Caution(_contamination, trained),
    Caution(_temperature),
    Caution(_models),
)


def cautions(facts: Facts) -> list[str]:
    """Return a sentence or two, as Markdown, for all that changes how the results read."""
    return [text for caution in CAUTIONS if caution.when(facts.experiment) for text in caution.write(facts)]
