"""Threats to validity that the numbers themselves show."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from scripts.common.config.experiment import Experiment
from scripts.compare.labels import NOTABLE, arm_label, points
from scripts.report.facts import Facts
from scripts.report.needs import always, trained
from scripts.report.prose import prose
from scripts.report.sections.base import Section

DEMO = """
**The demonstration's model is made for it.** Its base was trained from scratch on the same kind of problem that it is
fine-tuned and evaluated on; the lift over it is elicitation, not new skill, and says nothing about other models.
"""
TOO_FEW_RUNS = """
**Too few training runs.** With {{ seeds | counted("training seed") }} an arm, the variation between runs is unknown:
the verdicts speak of these runs, and another seed could turn them.
"""
FEW_RUNS = """
**Few training runs.** The standard deviation between runs of one arm ({{ spread | listed }}) is itself estimated from
{{ seeds | counted("seed") }} an arm, pooled over arms as if it were the same in all (those whose rows are drawn anew
and the others, each by themselves).
"""
ONE_SELECTION = """
**One selection, one base.** Seeds vary the training (and, for controls, the draw); {% if drawn %}of
{{ drawn | listed }} several draws were trained; other selections, the {% else %}the selection itself, the {% endif
%}scorer and the base model are single, so that nothing here says how another draw of the pool or another model would
fare.
"""
BLIND = """
**Small differences stay unseen.** {{ blind }} of {{ comparisons | counted("comparison") }} cannot find
{{ effect | points }} points with 80% power (smallest detectable: {{ low | points }}
{% if (low | points) != (high | points) %}to {{ high | points }} {% endif %}points).
No detectable difference is not no difference.
"""
FAILURES = """
**{{ heading }}.** Up to {{ rate | percent }}% of answers ({{ arm }} on {{ benchmark }}) {{ what }}: part of a
difference may be length or format.
"""
CONTAMINATED = """
**Contaminated.** {{ rows | number }} rows of the clean pool hold questions of {{ benchmarks | listed }}, added after
the training data were fixed: scores there may be memory.
"""
LATE = """
**Later benchmarks.** {{ benchmarks | listed }} came after the training data were fixed; no row of the clean pool holds
a question of theirs.
"""
BY_WORDS = """
**Contamination is searched for by words.** Rows that share word {{ ngram }}-grams with a question, or ask it in other
words by the words and numbers that both hold, were taken out; free paraphrases, translations, and what the base model
saw before, go unseen.
"""
ONE_SAMPLE = """
**One sample a question** on {{ benchmarks | listed }}: what varies between runs includes the luck of sampling.
"""


def _demo(facts: Facts) -> Iterator[str]:
    if facts.is_demo:
        yield prose(DEMO)


def _seeds(facts: Facts) -> Iterator[str]:
    seeds = len(facts.experiment.training.seeds)
    if (facts.table("comparisons")["level"] != "method").any():
        yield prose(TOO_FEW_RUNS, seeds=seeds)
    else:
        spread = facts.table("power").groupby("benchmark", sort=False)["run_sd"].first()
        deviations = [f"{points(sd, sign=False)} points on {name}" for name, sd in spread.items()]
        yield prose(FEW_RUNS, seeds=seeds, spread=deviations)
    drawn = [name for name, subset in facts.experiment.subsets.items() if subset.draws]
    yield prose(ONE_SELECTION, drawn=drawn)


def _power(facts: Facts) -> Iterator[str]:
    comparisons, effect = facts.table("comparisons"), facts.experiment.report.interesting_effect
    blind = comparisons[comparisons["mde80"] > effect]
    if len(blind):
        span = {"low": blind["mde80"].min(), "high": blind["mde80"].max()}
        yield prose(BLIND, blind=len(blind), comparisons=len(comparisons), effect=effect, **span)


def _answers(facts: Facts) -> Iterator[str]:
    arms = facts.table("arms")
    failures = {
        "truncated_rate": ("Cut-off answers", "reach the length limit and count as they stand"),
        "unparsed_rate": ("Answers without an answer", "hold none that could be extracted, and count as wrong"),
    }
    for column, (heading, what) in failures.items():
        worst = arms.loc[arms[column].idxmax()]
        if worst[column] > NOTABLE:
            where = {"arm": arm_label(worst["arm"]), "benchmark": worst["benchmark"]}
            yield prose(FAILURES, heading=heading, rate=worst[column], what=what, **where)


def _data(facts: Facts) -> Iterator[str]:
    late, hits = facts.experiment.late_benchmarks(), facts.table("contamination")
    kept = hits[~hits["taken_out"].astype(bool)]
    if len(kept):
        yield prose(CONTAMINATED, rows=kept["rows"].sum(), benchmarks=list(kept["benchmark"]))
    elif late:
        yield prose(LATE, benchmarks=late)
    yield prose(BY_WORDS, ngram=facts.experiment.pool.decontaminate.ngram)


def _samples(facts: Facts) -> Iterator[str]:
    samples = facts.table("arms").groupby("benchmark", sort=False)["samples"].first()
    single = [name for name, count in samples.items() if count == 1]
    if single and facts.experiment.evaluation.generation.temperature > 0:
        yield prose(ONE_SAMPLE, benchmarks=single)


class Threat(NamedTuple):
    """What may be wrong: the sentences that the facts call for, and the experiments it can befall."""

    write: Callable[[Facts], Iterator[str]]
    when: Callable[[Experiment], bool] = always


THREATS = (
    Threat(_demo),
    Threat(_seeds, trained),
    Threat(_power),
    Threat(_answers),
    Threat(_data, trained),
    Threat(_samples),
)


def threats(facts: Facts) -> str:
    """Return the threats as a list."""
    found = [text for threat in THREATS if threat.when(facts.experiment) for text in threat.write(facts)]
    return "\n".join(f"- {text}" for text in found) + "\n"


SECTIONS = (Section("_threats.md", threats),)
