"""Rates that stand in for measurements: each with its value, its unit and where it comes from.

A `Book` hands them out and remembers which were used, so that a plan prints every number it rests on. Any of them can
be replaced by an option of the program.
"""

import argparse
from typing import NamedTuple

from scripts.common.cli import UserError
from scripts.common.digest import ROOT
from scripts.common.program import flag_of
from scripts.compare.published.audit_training import read_log
from scripts.train.hardware import peak_flops

REFERENCE_LOG = ROOT / "report" / "published_training" / "trainer_log.jsonl"
GUESS = "assumed, measured nowhere"
PERFORMANCE = "measured on a CPU, docs/performance.md"


class Rate(NamedTuple):
    """A number that an estimate rests on."""

    what: str
    value: float
    unit: str
    source: str


def number(value: float) -> str:
    """Return a number as people read it: thousands apart, three digits of what is small."""
    if value >= 1e12:
        return f"{value:.3g}"
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


# Tokens a second of one process on a CPU hold for a model of so many parameters, and fall in proportion to its size.
CPU_TRAINING_PARAMETERS = 1.2e6
CPU_SCORING_PARAMETERS = 12.1e6
CPU_GENERATION_PARAMETERS = 4.3e6
# Generation on a GPU likewise; Qwen2.5-3B counts as 3e9, as its name says, here and in the reference study's rate.
GENERATION_PARAMETERS = 3e9

STATED = {
    "tokens_per_row": Rate("tokens of a row", 7500, "", "the reference study's total FLOPs"),
    "demo_tokens_per_row": Rate("tokens of a demo row", 110, "", "of demo chains, seen when the demo was made"),
    "score_utilisation": Rate("share of the GPU's peak that scoring reaches", 0.1, "", GUESS),
    "tokens_per_step": Rate("tokens of a step", 40, "", GUESS),
    "functional_share": Rate("share of steps that are scored", 0.286, "", "LIMOPro's S1K, arXiv 2505.19187"),
    "tokens_per_second": Rate("vLLM's tokens/s on a GPU, a model of 3e9 parameters", 10_000, "", GUESS),
    "sequence_speed": Rate("vLLM's tokens/s of one answer, such a model", 100, "", GUESS),
    "answer_tokens": Rate("tokens of a fine-tuned model's answer", 7500, "", "assumed as long as a training row"),
    "base_answer_tokens": Rate("tokens of another model's answer", 1000, "", GUESS),
    "question_tokens": Rate("tokens of a question and one choice", 200, "", GUESS),
    "tokens_per_unit": Rate("tokens of a unit", 18, "", "57 characters in 43 chains of R1, at 3.2 a token"),
    "asking_tokens": Rate("tokens of instructions and question, a request", 900, "", "as in segment_prompt.md"),
    "step_answer_tokens": Rate("tokens of an answer that names one step", 25, "", "of its JSON"),
    "judge_answer_tokens": Rate("tokens of a judge's opinion of a row", 100, "", GUESS),
    "endpoint_speed": Rate("tokens/s of one answer of an endpoint", 50, "", GUESS),
    "gpu_start": Rate("start of a job on a GPU", 120, "s", GUESS),
    "cpu_start": Rate("start of a job with torch on a CPU", 10, "s", "imports, as seen with the locked packages"),
    "cpu_training": Rate("training on a CPU, 1.2M parameters", 4196, "tokens/s", PERFORMANCE),
    "cpu_scoring": Rate("scoring on a CPU, 12.1M parameters", 18_778 / 1.32, "tokens/s", PERFORMANCE),
    "cpu_generation": Rate("generation on a CPU, 4.3M parameters", 3121, "tokens/s", PERFORMANCE),
    "prepare_rate": Rate("prepare_pool on one core", 100_000 * 6000 / 1120, "tokens/s", PERFORMANCE),
    "decontaminate_rate": Rate("decontaminate on one core", 100_000 * 6000 / 172, "tokens/s", PERFORMANCE),
    "segment_rate": Rate("segment_steps on one core", 169_000 / 4, "tokens/s", "timed on a CPU, docs/scaling.md"),
    "download": Rate("download from the hub", 50e6, "bytes/s", GUESS),
    "bytes_per_token": Rate("bytes of text a token, compressed", 1.6, "", "assumed: 4 characters, zstd to 40%"),
    "demo_model": Rate("make_demo_model", 107, "s", PERFORMANCE),
    "small_job": Rate("every other job", 5, "s", "assumed; 1.6 s in the mean of the default experiment"),
}


class Book:
    """The rates of one estimate, and which of them it used."""

    def __init__(self, rates: dict[str, Rate]) -> None:
        self._rates = rates
        self.used: dict[str, Rate] = {}

    def __getitem__(self, name: str) -> float:
        self.used.setdefault(name, self._rates[name])
        return self._rates[name].value

    def note(self, what: str, value: float, unit: str, source: str) -> float:
        """Remember a number that is of this experiment alone, and return it."""
        self.used.setdefault(what, Rate(what, value, unit, source))
        return value


def reference_utilisation(seconds: float, peak: float) -> float:
    """Return the share of the peak that the reference study's training reached: 15,000 rows of 7,500 tokens, 7 epochs,
    3e9 parameters, 6 operations a parameter and token, two GPUs, over the seconds that its log holds as useful."""
    return 6 * 3e9 * 15_000 * 7500 * 7 / (seconds * 2 * peak)


def stated_rates(gpu: str) -> dict[str, Rate]:
    """Return all rates for a GPU of this name. Raises UserError where its peak is not known."""
    peak, study = peak_flops(gpu, "bfloat16"), peak_flops("H200", "bfloat16")
    if peak is None or study is None:
        raise UserError(
            f"the peak of the GPU '{gpu}' is not known: name one of scripts/train/hardware.py, such as H100"
        )
    seconds = read_log(REFERENCE_LOG).useful_seconds
    log = f"the reference study's log: 15,000 rows, 7 epochs, not packed, {seconds / 3600:.1f} h on two H200"
    share = reference_utilisation(seconds, study)
    training = Rate("share of the GPU's peak that training reaches", share, "", log)
    return {
        "peak": Rate(f"peak of a GPU ({gpu})", peak, "FLOP/s", "data sheet, dense bfloat16"),
        "train_utilisation": training,
        **STATED,
    }


def add_rate_options(parser: argparse.ArgumentParser) -> None:
    """Add --gpu and an option for every rate that replaces it."""
    group = parser.add_argument_group("rates", "replace a number that the estimate rests on")
    group.add_argument("--gpu", default="H200", metavar="NAME", help="the GPU, by name (default: H200, the study's)")
    for name, rate in stated_rates("H200").items():
        text = f"{rate.what} (default: {number(rate.value)} {rate.unit})".replace("%", "%%").replace(" )", ")")
        group.add_argument(flag_of(name), type=float, metavar="X", dest=f"rate_{name}", help=text)


def rates_from(arguments: argparse.Namespace) -> dict[str, Rate]:
    """Return the rates with those replaced that were given. Raises UserError where one is not above 0."""
    rates = stated_rates(arguments.gpu)
    for name, rate in rates.items():
        value = getattr(arguments, f"rate_{name}")
        option = flag_of(name)
        if value is not None and not value > 0:
            raise UserError(f"{option} {value:g} must be above 0")
        if value is not None:
            rates[name] = rate._replace(value=value, source=f"given by {option}")
    return rates
