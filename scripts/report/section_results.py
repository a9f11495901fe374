"""The sections on results: scores, comparisons, example answers, published numbers."""

from pathlib import Path
from textwrap import shorten
from typing import Any

import pandas as pd

from scripts.common.cli import UserError
from scripts.report.facts import Facts
from scripts.report.labels import SHOWN, arm_label, p_text, percent, points, reference_label
from scripts.report.markdown import breakable, escape, quote, table

PUBLISHED = ["source", "model", "run_by", "benchmark", "metric", "n_questions", "score", "stderr"]


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
        "Wilson's interval over questions, and over runs where there are enough. k is the number of samples "
        f"({samples}). Run SD is the standard deviation of the runs' scores, in points; tokens are the mean and 95th "
        "percentile of an answer's length, EFF is the score (0 to 1) per 1,000 of them. Cut off: answers that "
        "reached the length limit. No answer: none could be extracted."
    )
    return table(headers, rows, "llrlrrrrrrrr", [12, 19, 5, 17, 5, 7, 7, 7, 5, 5, 5, 7], caption, "tbl-scores")


def comparisons(facts: Facts) -> str:
    """Return the table of comparisons, and McNemar's where there is one run with one sample a side."""
    found = facts.table("comparisons")
    order = {question: place for place, question in enumerate(SHOWN)}
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
    power = facts.table("power").sort_values("question", key=lambda column: column.map(SHOWN.index), kind="stable")
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
        "needed with the questions at hand, and a design with more of both; – where that alone is not enough, or "
        "the variation between runs is unknown."
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


def read_published(path: Path) -> pd.DataFrame:
    """Read the CSV of published numbers. Raises UserError where it lacks a column."""
    published = pd.read_csv(path)
    missing = [column for column in PUBLISHED if column not in published.columns]
    if missing:
        raise UserError(
            f"report.published: '{path}' lacks the columns {', '.join(missing)} (it needs: {', '.join(PUBLISHED)})"
        )
    return published


def published(facts: Facts) -> str:
    """Return the section on published numbers, or nothing where the experiment names none."""
    if not facts.experiment.report.published:
        return ""
    rows = [
        _published_row(row, facts.table("arms"))
        for _, row in read_published(Path(facts.experiment.report.published)).iterrows()
    ]
    headers = ["Benchmark", "Source", "Model", "Run by", "Metric", "n", "Published", "Ours"]
    caption = (
        "Published numbers, with their printed standard errors, beside ours for the same benchmark and model. "
        "They were not computed here."
    )
    return "# Published numbers {#sec-published}\n\n" + table(
        headers, rows, "llllllll", [12, 14, 8, 10, 20, 6, 14, 18], caption, "tbl-published"
    )


def _published_row(row: "pd.Series[Any]", arms: pd.DataFrame) -> list[str]:
    ours = arms[(arms["benchmark"] == row["benchmark"]) & (arms["arm"] == row["model"])]
    own = (
        "".join(f"{percent(r['score'])} [{percent(r['ci_low'])}, {percent(r['ci_high'])}]" for _, r in ours.iterrows())
        or "–"
    )
    error = "" if pd.isna(row["stderr"]) else f" ± {percent(row['stderr'])}"
    names = [
        "" if pd.isna(row[name]) else breakable(row[name])
        for name in ("benchmark", "source", "model", "run_by", "metric")
    ]
    return [*names, f"{int(row['n_questions']):,}", f"{percent(row['score'])}{error}", own]
