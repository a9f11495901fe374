"""The report for machines and for a README: results.json (every table, verdict and hash) and leaderboard.md."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from scripts.common import cli
from scripts.common.atomic import replacing
from scripts.common.content import sha256_of
from scripts.common.digest import code_digest
from scripts.common.program import Program
from scripts.compare.labels import FAMILIES, THESE_RUNS, arm_label, counted, listed, mark, percent
from scripts.compare.tables import tables_of
from scripts.report.cautions import cautions
from scripts.report.facts import Facts
from scripts.report.markdown import escape
from scripts.report.sections.provenance import commit, digests

VERDICT = ["question", "benchmark", "subset", "reference", "difference", "ci_low", "ci_high", "p_holm", "mde80"]


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a table as a list of rows; what is missing is None."""
    return list(json.loads(table.to_json(orient="records", double_precision=15)))


def results(facts: Facts) -> dict[str, Any]:
    """Return results.json: settings, tables, verdicts in the order of the questions, findings, provenance."""
    tables = {name: records(facts.table(name)) for name in tables_of(facts.experiment)}
    verdicts = [
        {name: row[name] for name in [*VERDICT, "verdict", "level"]}
        for question in FAMILIES
        for row in tables["comparisons"]
        if row["question"] == question
    ]
    abstract, text = facts.findings
    head, dirty = commit()
    hashes = digests(facts)
    artefacts = {
        name: {"sha256": hashes[name], **{key: value for key, value in record.items() if key != "artefact"}}
        for name, record in facts.provenance.items()
    }
    return {
        "experiment": facts.experiment.model_dump(mode="json", exclude={"resources"}),
        "abstract": abstract,
        "findings": text,
        "cautions": cautions(facts),
        "verdicts": verdicts,
        "tables": tables,
        "provenance": {"commit": head, "dirty": dirty, "judge": judge(facts), "artefacts": artefacts},
    }


def judge(facts: Facts) -> str:
    """Return a digest of what decides whether an answer is right: the rules, and what people have decided."""
    decided = facts.experiment.evaluation.answers_decided
    own = [sha256_of(decided)] if decided and Path(decided).is_file() else []
    return code_digest("scripts/common/judging/verdict.py", also=own)


def leaderboard(facts: Facts) -> str:
    """Return the scores as a Markdown table, an arm a row, best first, to paste into a README.

    Best by the first named average; where none has a name, by the unweighted mean of all benchmarks.
    """
    arms = facts.table("arms")
    names = list(dict.fromkeys(arms["benchmark"]))
    averages = list(facts.experiment.report.averages)
    if averages:
        whole = facts.table("average_scores").set_index(["arm", "average"])
        order = whole.xs(averages[0], level="average")["score"]
    else:
        order = arms.groupby("arm", sort=False)["score"].mean()
    by_arm = arms.set_index(["arm", "benchmark"])
    counts = arms.drop_duplicates("benchmark").set_index("benchmark")["n_questions"]
    heads = [f"Average, {escape(name)}" for name in averages] or ["Mean"]
    head = ["Arm", "Runs", *heads, *(f"{escape(name)} (n {counts[name]:,})" for name in names), "Tokens"]
    lines = [head, ["---", "---:", *["---:"] * (len(head) - 2)]]
    for arm, mean in order.sort_values(ascending=False, kind="stable").items():
        of_arm = by_arm.loc[arm]
        wholes = [_score(whole.loc[(arm, name)]) for name in averages] if averages else [f"**{percent(mean)}**"]
        cells = [_score(row) for _, row in of_arm.loc[names].iterrows()]
        runs, tokens = int(of_arm["runs"].iloc[0]), of_arm["output_tokens"].mean()
        lines.append([escape(arm_label(str(arm))), str(runs), *wholes, *cells, f"{tokens:,.0f}"])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + f"\n\n{_note(facts, arms)}\n"


def _score(row: "pd.Series[Any]") -> str:
    return f"{percent(row['score'])} [{percent(row['ci_low'])}, {percent(row['ci_high'])}]{mark(row['level'])}"


def _note(facts: Facts, arms: pd.DataFrame) -> str:
    settings, samples = facts.experiment.report, sorted(set(arms["samples"]))
    drawn = f"{' or '.join(map(str, samples))} {'sample' if samples == [1] else 'samples'} and all runs"
    text = "" if settings.primary_metric == "pass@1" else f"Scores are {settings.primary_metric}. "
    text += f"Percent of questions right, mean over {drawn}, with {100 * (1 - settings.alpha):g}% intervals. "
    for name, weights in settings.weights().items():
        parts = [escape(benchmark) for benchmark in weights]
        how = "" if len(set(weights.values())) == 1 else ", weighted"
        text += f"Average, {escape(name)}: {listed(parts)}{how}. "
    if not settings.averages:
        text += f"Mean: over {counted(arms['benchmark'].nunique(), 'benchmark')}, unweighted. "
    text += (
        "Tokens: mean length of an answer. The intervals are of single scores: whether two arms differ is said by the "
        "paired comparisons of the report."
    )
    return f"{text} {THESE_RUNS}" if (arms["level"] == "these runs").any() else text


def main() -> None:
    program = Program(__doc__)
    program.add_argument("--results", type=Path, required=True, help="the experiment's results folder")
    program.add_input("--experiment", "experiment.json")
    program.add_input("--findings", "findings.md")
    program.add_input("--tables", "every table of the comparison", many=True)
    program.add_input("--checks", "what check_model found of each model", many=True, optional=True)
    program.add_output("--json", "results.json to write")
    program.add_output("--leaderboard", "leaderboard.md to write")
    arguments = program.parse()
    facts = Facts(arguments.results, arguments.experiment)
    facts.refuse_mixed(program.inputs)
    with program.recording():
        found = results(facts)
        for path, text in (
            (arguments.json, json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False) + "\n"),
            (arguments.leaderboard, leaderboard(facts)),
        ):
            with replacing(path) as temporary:
                temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    cli.run(main)
