"""The sections on results: scores, comparisons, example answers."""

from textwrap import shorten

import pandas as pd

from scripts.report.facts import Facts
from scripts.report.labels import NOTABLE, QUESTIONS, arm_label, listed, p_text, percent, points, reference_label
from scripts.report.markdown import breakable, escape, quote, table
from scripts.report.plot_failures import notable


def once(values: "pd.Series[str]") -> list[str]:
    """Return a column in which a value that repeats the line above is left out."""
    return [
        breakable(value) if value != before else "" for value, before in zip(values, [None, *values[:-1]], strict=True)
    ]


def scores(facts: Facts) -> str:
    """Return the table of scores by arm."""
    arms = facts.table("arms")
    rows = [
        [
            benchmark,
            escape(arm_label(row["arm"])),
            str(row["runs"]),
            f"**{percent(row['score'])}** [{percent(row['ci_low'])}, {percent(row['ci_high'])}]",
            points(row["run_sd"], sign=False) if pd.notna(row["run_sd"]) else "–",
            percent(row["pass_at_k"]),
            percent(row["majority"]),
            f"{row['output_tokens']:,.0f}",
            f"{row['output_tokens_p95']:,.0f}",
            f"{row['score_per_1000_tokens']:.2f}" if pd.notna(row["score_per_1000_tokens"]) else "–",
            percent(row["truncated_rate"]),
            percent(row["unparsed_rate"]),
        ]
        for benchmark, (_, row) in zip(once(arms["benchmark"]), arms.iterrows(), strict=True)
    ]
    headers = [
        "Benchmark",
        "Arm",
        "Runs",
        "",
        "Run SD",
        "pass@k",
        "maj@k",
        "Tokens",
        "p95",
        "EFF",
        "Cut off",
        "No answer",
    ]
    level = f"{100 * (1 - facts.experiment.report.alpha):g}%"
    headers[3] = f"Score \\[{level} CI\\]"
    samples = ", ".join(
        f"{escape(name)} {rows['samples'].iloc[0]}" for name, rows in arms.groupby("benchmark", sort=False)
    )
    caption = (
        "Scores by benchmark and arm, in percent of questions: the mean over samples and training runs with "
        "Agresti and Coull's interval over questions, and over runs where there are enough. k is the number of samples "
        f"({samples}). Run SD is the standard deviation of the runs' scores, in points; tokens are the mean and 95th "
        "percentile of an answer's length, EFF is the score (0 to 1) per 1,000 of them. Cut off: answers that "
        "reached the length limit. No answer: none could be extracted."
    )
    return table(headers, rows, "llrlrrrrrrrr", [12, 19, 5, 17, 5, 7, 7, 7, 5, 5, 5, 7], caption, "tbl-scores")


def comparisons(facts: Facts) -> str:
    """Return the table of comparisons, and McNemar's where there is one run with one sample a side."""
    found = facts.table("comparisons")
    order = {question: place for place, question in enumerate(QUESTIONS)}
    found = found.sort_values("question", key=lambda column: column.map(order), kind="stable")
    rows = [
        [
            escape(arm_label(row["subset"])),
            escape(reference_label(row["reference"])),
            escape(row["benchmark"]),
            f"{row['n_questions']:,}",
            f"{points(row['difference'])} [{points(row['ci_low'])}, {points(row['ci_high'])}]",
            p_text(row["p_value"]).removeprefix("=\u00a0"),
            p_text(row["p_holm"]).removeprefix("=\u00a0"),
            points(row["mde80"], sign=False),
            row["verdict"] if row["verdict"] == "no detectable difference" else f"**{row['verdict']}**",
        ]
        for _, row in found.iterrows()
    ]
    for row, level in zip(rows, found["level"], strict=True):
        row[4] += "" if level == "method" else "\u00a0†"
    headers = ["Arm", "Against", "Benchmark", "n", "Difference \\[interval\\]", "p", "p, Holm", "MDE", "Verdict"]
    caption = (
        "Paired differences over questions, in percentage points. Each interval is at the level at which Holm's "
        "procedure decided the comparison, so that it leaves out zero exactly where a verdict is claimed. MDE is "
        "the smallest true difference that the comparison finds with 80% power."
    )
    if (found["level"] != "method").any():
        caption += " † of these runs only: there are too few training runs to know how much they vary."
    text = table(headers, rows, "lllrlrrrl", [21, 13, 12, 4, 19, 7, 7, 6, 22], caption, "tbl-comparisons")
    exact = facts.table("mcnemar")
    return f"{text}\n{_power(facts)}" + (f"\n{_mcnemar(exact)}" if len(exact) else "")


def _power(facts: Facts) -> str:
    power = facts.table("power").sort_values("question", key=lambda column: column.map(QUESTIONS.index), kind="stable")
    rows = []
    for _, row in power.iterrows():
        counts = [f"{int(row[name]):,}" if pd.notna(row[name]) else "–" for name in ("questions_needed", "runs_needed")]
        both = f"{int(row['both_runs']):,} × {int(row['both_questions']):,}" if pd.notna(row["both_runs"]) else "–"
        errors = [points(row[name], sign=False) if pd.notna(row[name]) else "–" for name in ("question_se", "run_se")]
        names = [escape(arm_label(row["subset"])), escape(reference_label(row["reference"])), escape(row["benchmark"])]
        rows.append([*names, *errors, *counts, both])
    effect = points(facts.experiment.report.interesting_effect, sign=False)
    headers = [
        "Arm",
        "Against",
        "Benchmark",
        "SE, questions",
        "SE, runs",
        "Questions needed",
        "Runs needed",
        "Both: runs × questions",
    ]
    caption = (
        f"What finding a difference of {effect} points with 80% power would take. The standard error (points) has a "
        "part due to the questions and one due to the runs. Questions needed with the runs at hand, runs an arm "
        "needed with the questions at hand and, where neither is enough, a design with more of both; – where it is "
        "not, or the variation between runs is unknown."
    )
    return table(headers, rows, "lllrrrrr", [19, 16, 12, 10, 8, 10, 8, 16], caption, "tbl-power")


def runs(facts: Facts) -> str:
    """Return the table of scores of every single model."""
    found = facts.table("scores")
    rows = [
        [
            breakable(row["model"]),
            escape(row["benchmark"]),
            f"{percent(row['score'])} [{percent(row['ci_low'])}, {percent(row['ci_high'])}]",
            percent(row["pass_at_k"]),
            percent(row["majority"]),
            f"{row['output_tokens']:,.0f}",
            percent(row["truncated_rate"]),
            percent(row["unparsed_rate"]),
        ]
        for _, row in found.iterrows()
    ]
    headers = ["Model", "Benchmark", "Score \\[interval\\]", "pass@k", "maj@k", "Tokens", "Cut off", "No answer"]
    caption = "Scores of every model, in percent of questions; the interval of a single run is over questions only."
    return table(headers, rows, "lllrrrrr", [26, 16, 20, 9, 9, 9, 9, 9], caption, "tbl-runs")


def _mcnemar(exact: pd.DataFrame) -> str:
    rows = [
        [
            escape(arm_label(row["subset"])),
            escape(reference_label(row["reference"])),
            escape(row["benchmark"]),
            str(row["only_subset"]),
            str(row["only_reference"]),
            p_text(row["p_value"]).removeprefix("=\u00a0"),
        ]
        for _, row in exact.iterrows()
    ]
    caption = (
        "McNemar's exact test where each side is one run with one sample: questions that only one of the two answers, "
        "and p (unadjusted)."
    )
    return table(
        ["Arm", "Against", "Benchmark", "Only the arm", "Only the other", "p"],
        rows,
        "lllrrr",
        [20, 20, 15, 12, 12, 10],
        caption,
        "tbl-mcnemar",
    )


def examples(facts: Facts) -> str:
    """Return the answers that were drawn, benchmark by benchmark."""
    if not facts.examples:
        return "No answers were drawn."
    blocks = []
    for number, answer in enumerate(facts.examples):
        if number == 0 or answer["benchmark"] != facts.examples[number - 1]["benchmark"]:
            blocks.append(f"## {escape(answer['benchmark'])}")
        # Cut, as a program may be long.
        extracted = "none" if answer["extracted"] is None else escape(shorten(answer["extracted"], 80))
        kind = {"right": "Right", "wrong": "Wrong", "truncated": "Cut off"}[answer["kind"]]
        facts_line = f"expected {escape(answer['gold'])}, extracted {extracted}, {answer['output_tokens']:,} tokens"
        blocks.append(f"**{kind}.** Question {escape(answer['question_id'])}, {facts_line}.")
        blocks.append(f"{quote(answer['question'])}\n>\n> *Answer*\n>\n{quote(answer['text'])}")
    return "\n\n".join(blocks) + "\n"


def failures(facts: Facts) -> str:
    """Return the figure of answers cut off or without an answer, or a sentence where no rate is above 1%."""
    arms, share = facts.table("arms"), f"{100 * NOTABLE:g}%"
    if not len(notable(arms)):
        return (
            f"On no benchmark more than {share} of an arm's answers were cut off, or held none that could be extracted."
        )
    return (
        f"On the benchmarks of @fig-failures more than {share} of an arm's answers were cut off at the length "
        f"limit, or "
        "held none that could be extracted.\n\n![Answers that were cut off at the length limit, or from which "
        "none could "
        "be extracted, by arm. Benchmarks on which no arm is above the dotted line are left out.](figures/failures.svg)"
        '{#fig-failures fig-alt="Bars of the rates of answers cut off and without an answer; the numbers are in '
        "the table "
        'of scores."}'
    )


def subjects(facts: Facts) -> str:
    """Return the heat map of scores by subject, where a benchmark has subjects."""
    found = facts.table("subjects")
    if found.empty:
        return ""
    names = listed([escape(name) for name in dict.fromkeys(found["benchmark"])])
    return (
        f"The subjects of {names} are fixed strata: they add no variance of their own to the score (@fig-subjects).\n\n"
        "![Score by subject and arm, in percent; in brackets the number of questions. Single cells are "
        "uncertain: their "
        'intervals are in subjects.csv.](figures/subjects.svg){#fig-subjects fig-alt="Heat map of scores by '
        "subject and "
        'arm; the numbers are in subjects.csv."}'
    )


def reliability(facts: Facts) -> str:
    """Return the sentence on how many questions tell models apart."""
    parts = []
    for _, row in facts.table("reliability").iterrows():
        telling = row["n_questions"] - row["all_right"] - row["all_wrong"]
        parts.append(f"{telling:,} of {row['n_questions']:,} on {escape(row['benchmark'])}")
    return (
        f"Questions that every answer of every model gets right, or wrong, cannot tell models apart "
        f"(@fig-reliability). "
        f"The others do: {listed(parts)}."
    )
