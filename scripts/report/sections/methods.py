"""How rows and steps are selected, in the words of a file of its own (report/limopro.md), and how models answer."""

from scripts.compare.labels import counted, listed
from scripts.report.facts import Facts
from scripts.report.markdown import escape
from scripts.report.needs import scored
from scripts.report.prose import prose
from scripts.report.sections.base import Section

NO_STEPS = "No subset of this experiment is selected by the importance of steps.\n"

RULES = (
    "Here a small sequence model, trained on labelled chains, finds both, and a step of which it is not sure stays "
    "progressive."
)


def segmenter(facts: Facts) -> str:
    """Return what cut the chains into steps, and how many chains a language model could not cut."""
    model = facts.experiment.segmenting_model()
    if model is None:
        return RULES
    unanswered = facts.provenance.get("select/steps.parquet", {}).get("unanswered")
    whole = "" if unanswered is None else f": {counted(unanswered, 'chain')}"
    return (
        f"So it is here: {escape(model.model)} says which numbered units of a chain are a step, and of which pattern. "
        "An answer is used where every unit stands in one step, in order; a chain without such an answer stays whole, "
        f"as progressive{whole}."
    )


def selections(facts: Facts) -> str:
    """Return how rows are selected: the importance of steps, where a subset needs it, and each subset in words."""
    text = NO_STEPS
    if scored(facts.experiment):
        text = (facts.templates / "limopro.md").read_text(encoding="utf-8").replace("SEGMENTER", segmenter(facts))
    listing = "".join(f"- {escape(name)}: {how.in_words()}\n" for name, how in facts.experiment.subsets.items())
    return f"{text}\n{listing}"


EVALUATION = """
Every model answers the same questions under the same settings: temperature {{ temperature }}, top-p {{ top_p }}, at
most {{ limit | number }} new tokens, {{ samples }} a question, generated with {{ engine }}. {% if drawn %}The seed of
an answer is a hash of the experiment's seed, the question and the number of the sample, so that every model draws
with the same random numbers.{% else %}At temperature 0 nothing is drawn: the likeliest token is taken each time.{%
endif %} An answer is what stands behind the thinking, compared with the expected one by what it is (number, set,
interval, relation, text); the rules of LightEval [@lighteval] judge it too, and where they differ the answer is
disputed (@sec-disputed). {% if several %}pass@k is the unbiased estimate of Chen et al. [-@chen2021codex] with k the
number of samples; maj@k takes the most frequent extracted answer, the first seen where two are as frequent
[@wang2022selfconsistency]. {% endif %}{% if training %}Fine-tuning runs on TRL [@trl] and the whole graph on
Snakemake{% else %}The whole graph runs on Snakemake{% endif %} [@molder2021snakemake]; every setting is in
@tbl-settings.
"""


def evaluation(facts: Facts) -> str:
    """Return how answers were generated and judged."""
    settings = facts.experiment.evaluation
    generation = settings.generation
    samples = sorted({benchmark.samples for benchmark in settings.benchmarks.values()})
    return prose(
        EVALUATION,
        temperature=f"{generation.temperature:g}",
        drawn=generation.temperature > 0,
        top_p=f"{generation.top_p:g}",
        limit=generation.max_new_tokens,
        samples=f"{listed([str(count) for count in samples])} {'sample' if samples == [1] else 'samples'}",
        several=samples != [1],
        engine=settings.engine,
        training=bool(facts.experiment.subsets),
    )


SECTIONS = (Section("_limopro.md", selections), Section("_evaluation.md", evaluation))
