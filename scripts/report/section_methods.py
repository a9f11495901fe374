"""The sections on how it was done and how far it can be trusted: settings, threats to validity."""

from collections.abc import Iterator
from typing import Any

from scripts.report.facts import Facts
from scripts.report.labels import NOTABLE, arm_label, counted, listed, percent, points
from scripts.report.markdown import breakable, escape, table

FEWEST_SEEDS = 3


def _flat(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield (dotted key, value) of nested settings; what is not set is left out."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _flat(part, f"{key}.{name}" if key else name)
    elif value is not None and value != []:
        yield (
            key,
            ", ".join(map(str, value))
            if isinstance(value, list)
            else str(value).lower()
            if isinstance(value, bool)
            else str(value),
        )


def settings(facts: Facts) -> str:
    """Return every setting of the experiment, defaults filled in."""
    values = facts.experiment.model_dump(mode="json", exclude={"resources", "title", "authors", "name"})
    rows = [[breakable(key), escape(value)] for key, value in _flat(values)]
    caption = "The experiment's settings, defaults filled in."
    return table(["Setting", "Value"], rows, "ll", [42, 58], caption, "tbl-settings")


def threats(facts: Facts) -> str:
    """Return the threats to validity that the numbers themselves show."""
    parts = [_demo, _seeds, _power, _answers, _data, _samples]
    if not facts.experiment.subsets:
        parts = [part for part in parts if part not in (_seeds, _data)]
    found = [threat for part in parts for threat in part(facts)]
    return "\n".join(f"- {threat}" for threat in found) + "\n"


def _demo(facts: Facts) -> Iterator[str]:
    if facts.is_demo:
        yield (
            "**The demonstration's model is made for it.** Its base was trained from scratch on the same kind of "
            "problem that it is fine-tuned and evaluated on; the lift over it is elicitation, not new skill, and "
            "says nothing about other models."
        )


def _seeds(facts: Facts) -> Iterator[str]:
    comparisons, seeds = facts.table("comparisons"), len(facts.experiment.training.seeds)
    if (comparisons["level"] != "method").any():
        yield (
            f"**Too few training runs.** With {counted(seeds, 'training seed')} an arm, the variation between runs "
            "is unknown: the verdicts speak of these runs, and another seed could turn them."
        )
    else:
        spread = facts.table("power").groupby("benchmark", sort=False)["run_sd"].first()
        text = listed([f"{points(sd, sign=False)} points on {escape(name)}" for name, sd in spread.items()])
        yield (
            f"**Few training runs.** The standard deviation between runs of one arm ({text}) is itself estimated from "
            f"{counted(seeds, 'seed')} an arm, pooled over arms as if it were the same in all."
        )
    yield (
        "**One selection, one base.** Seeds vary the training (and, for controls, the draw); the selection itself, "
        "the scorer and the base model are single, so that nothing here says how another draw of the pool or "
        "another model would fare."
    )


def _power(facts: Facts) -> Iterator[str]:
    comparisons, effect = facts.table("comparisons"), facts.experiment.report.interesting_effect
    blind = comparisons[comparisons["mde80"] > effect]
    if len(blind):
        low, high = (points(value, sign=False) for value in (blind["mde80"].min(), blind["mde80"].max()))
        span = f"{low} points" if low == high else f"{low} to {high} points"
        yield (
            f"**Small differences stay unseen.** {len(blind)} of {counted(len(comparisons), 'comparison')} cannot find "
            f"{points(effect, sign=False)} points with 80% power (smallest detectable: {span}). No detectable "
            "difference is not no difference."
        )


def _answers(facts: Facts) -> Iterator[str]:
    arms = facts.table("arms")
    failures = {
        "truncated_rate": ("Cut-off answers", "reach the length limit and count as they stand"),
        "unparsed_rate": ("Answers without an answer", "hold none that could be extracted, and count as wrong"),
    }
    for column, (heading, what) in failures.items():
        worst = arms.loc[arms[column].idxmax()]
        if worst[column] > NOTABLE:
            where = f"{escape(arm_label(worst['arm']))} on {escape(worst['benchmark'])}"
            yield (
                f"**{heading}.** Up to {percent(worst[column])}% of answers ({where}) {what}: part of a difference may "
                "be length or format."
            )


def _data(facts: Facts) -> Iterator[str]:
    decontaminate = facts.experiment.pool.decontaminate
    late = facts.experiment.late_benchmarks()
    hits = facts.table("contamination")
    kept = hits[~hits["taken_out"].astype(bool)]
    if len(kept):
        yield (
            f"**Contaminated.** {int(kept['rows'].sum()):,} rows of the clean pool hold questions of "
            f"{listed([escape(name) for name in kept['benchmark']])}, added after the training data were fixed: scores "
            "there may be memory."
        )
    elif late:
        yield (
            f"**Later benchmarks.** {listed([escape(name) for name in late])} came after the training data were fixed; "
            "no row of the clean pool holds a question of theirs."
        )
    yield (
        f"**Contamination is searched for by words.** Rows that share a word {decontaminate.ngram}-gram with a "
        "question were taken out; paraphrases, and what the base model saw before, go unseen."
    )


def _samples(facts: Facts) -> Iterator[str]:
    samples = facts.table("arms").groupby("benchmark", sort=False)["samples"].first()
    single = [escape(name) for name, count in samples.items() if count == 1]
    if single:
        yield f"**One sample a question** on {listed(single)}: what varies between runs includes the luck of sampling."
