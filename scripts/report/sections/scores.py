"""The section on scores: the table of arms, answers that failed, subjects, questions that tell; and every model."""

from typing import Any

import pandas as pd

from scripts.compare.labels import NOTABLE, THESE_RUNS, arm_label, listed, mark, percent, points
from scripts.report.facts import Facts
from scripts.report.figures import picture
from scripts.report.figures.failures import notable
from scripts.report.markdown import breakable, escape, table
from scripts.report.prose import prose
from scripts.report.sections.base import Section


def once(values: "pd.Series[str]") -> list[str]:
    """Return a column in which a value that repeats the line above is left out."""
    return [
        breakable(value) if value != before else "" for value, before in zip(values, [None, *values[:-1]], strict=True)
    ]


def drawn(table: pd.DataFrame) -> bool:
    """Whether any benchmark has several samples: of a single one pass@k and maj@k repeat the score."""
    return bool((table["samples"] > 1).any())


def interval(row: "pd.Series[Any]", bold: bool = True) -> str:
    """Return a score with its interval as a cell."""
    score = f"**{percent(row['score'])}**" if bold else percent(row["score"])
    return f"{score} \\[{percent(row['ci_low'])}, {percent(row['ci_high'])}\\]"


def spread(row: "pd.Series[Any]") -> str:
    """Return the standard deviation between an arm's runs as a cell."""
    return points(row["run_sd"], sign=False) if pd.notna(row["run_sd"]) else "–"


def scores(facts: Facts) -> str:
    """Return the table of scores by arm, and that of the named averages."""
    arms = facts.table("arms")
    several = drawn(arms)
    rows = [
        [
            benchmark,
            escape(arm_label(row["arm"])),
            str(row["runs"]),
            f"{interval(row)}{mark(row['level'])}",
            spread(row),
            *([percent(row["pass_at_k"]), percent(row["majority"])] if several else []),
            f"{row['output_tokens']:,.0f}",
            f"{row['output_tokens_p95']:,.0f}",
            f"{row['score_per_1000_tokens']:.2f}" if pd.notna(row["score_per_1000_tokens"]) else "–",
            percent(row["truncated_rate"]),
            percent(row["unparsed_rate"]),
        ]
        for benchmark, (_, row) in zip(once(arms["benchmark"]), arms.iterrows(), strict=True)
    ]
    level = f"{100 * (1 - facts.experiment.report.alpha):g}%"
    headers = ["Benchmark", "Arm", "Runs", f"Score \\[{level} CI\\]", "Run SD"]
    headers += [*(["pass@k", "maj@k"] if several else []), "Tokens", "p95", "EFF", "Cut off", "No answer"]
    caption = (
        f"Scores by benchmark and arm, in percent of questions: the mean over {'samples and ' if several else ''}"
        "training runs with Agresti and Coull's interval over questions, and over runs where there are enough. "
        f"{_samples(arms) if several else ''}Run SD is the standard deviation of the runs' scores, in points; tokens "
        "are the mean and 95th percentile of an answer's length, EFF is the score (0 to 1) per 1,000 of them. Cut off: "
        "answers that reached the length limit. No answer: none could be extracted."
    )
    caption += _notes(arms, facts)
    widths = [12, 19, 5, 17, 5, *([7, 7] if several else []), 7, 5, 5, 5, 7]
    text = table(headers, rows, "llrl" + "r" * (len(headers) - 4), widths, caption, "tbl-scores")
    return f"{text}\n{averages(facts)}" if facts.experiment.report.averages else text


def averages(facts: Facts) -> str:
    """Return the table of the named averages of benchmarks."""
    found = facts.table("average_scores")
    rows = [
        [name, escape(arm_label(row["arm"])), str(row["runs"]), f"{interval(row)}{mark(row['level'])}", spread(row)]
        for name, (_, row) in zip(once(found["average"]), found.iterrows(), strict=True)
    ]
    parts = [
        f"{escape(name)}: {listed([escape(benchmark) for benchmark in of])}"
        for name, of in facts.experiment.report.averages.items()
    ]
    caption = f"Averages of benchmarks by arm, in percent. {'; '.join(parts)}.{_notes(found, facts)}"
    headers = ["Average", "Arm", "Runs", "Score \\[interval\\]", "Run SD"]
    return table(headers, rows, "llrlr", [18, 26, 8, 26, 10], caption, "tbl-averages")


def _samples(arms: pd.DataFrame) -> str:
    counts = [f"{escape(name)} {rows['samples'].iloc[0]}" for name, rows in arms.groupby("benchmark", sort=False)]
    return f"k is the number of samples ({', '.join(counts)}). "


def _notes(arms: pd.DataFrame, facts: Facts) -> str:
    metric = facts.experiment.report.primary_metric
    text = "" if metric == "pass@1" else f" The score is {metric}."
    return f"{text} {THESE_RUNS}" if (arms["level"] == "these runs").any() else text


def runs(facts: Facts) -> str:
    """Return the table of scores of every single model."""
    found = facts.table("scores")
    several = drawn(found)
    rows = [
        [
            breakable(row["model"]),
            escape(row["benchmark"]),
            interval(row, bold=False),
            *([percent(row["pass_at_k"]), percent(row["majority"])] if several else []),
            f"{row['output_tokens']:,.0f}",
            percent(row["truncated_rate"]),
            percent(row["unparsed_rate"]),
        ]
        for _, row in found.iterrows()
    ]
    headers = ["Model", "Benchmark", "Score \\[interval\\]", *(["pass@k", "maj@k"] if several else [])]
    headers += ["Tokens", "Cut off", "No answer"]
    caption = "Scores of every model, in percent of questions; the interval of a single run is over questions only."
    widths = [26, 16, 20, *([9, 9] if several else []), 9, 9, 9]
    return table(headers, rows, "lll" + "r" * (len(headers) - 3), widths, caption, "tbl-runs")


NO_FAILURES = """
On no benchmark more than {{ share }} of an arm's answers were cut off, or held none that could be extracted.
"""
FAILURES = """
On the benchmarks of @fig-failures more than {{ share }} of an arm's answers were cut off at the length limit, or held
none that could be extracted.
"""
SUBJECTS = """
The subjects of {{ benchmarks | listed }} are fixed strata: they add no variance of their own to the score
(@fig-subjects).
"""
RELIABILITY = """
Questions that every answer of every model gets right, or wrong, cannot tell models apart (@fig-reliability). The others
do: {{ parts | listed }}.
"""


def failures(facts: Facts) -> str:
    """Return the figure of answers cut off or without an answer, or a sentence where no rate is above 1%."""
    share = f"{100 * NOTABLE:g}%"
    if not len(notable(facts.table("arms"))):
        return prose(NO_FAILURES, share=share)
    return f"{prose(FAILURES, share=share)}\n\n{picture('failures', facts.experiment)}"


def subjects(facts: Facts) -> str:
    """Return the heat map of scores by subject, where a benchmark has subjects."""
    found = facts.table("subjects")
    if found.empty:
        return ""
    names = list(dict.fromkeys(found["benchmark"]))
    return f"{prose(SUBJECTS, benchmarks=names)}\n\n{picture('subjects', facts.experiment)}"


def reliability(facts: Facts) -> str:
    """Return the sentence on how many questions tell models apart."""
    parts = []
    for _, row in facts.table("reliability").iterrows():
        telling = row["n_questions"] - row["all_right"] - row["all_wrong"]
        parts.append(f"{telling:,} of {row['n_questions']:,} on {row['benchmark']}")
    return prose(RELIABILITY, parts=parts)


SECTIONS = (
    Section("_scores.md", scores),
    Section("_failures.md", failures),
    Section("_subjects.md", subjects),
    Section("_reliability.md", reliability),
    Section("_runs.md", runs),
)
