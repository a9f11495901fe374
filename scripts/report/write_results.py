"""The report for machines and for a README: results.json (every table, verdict and hash) and leaderboard.md."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from scripts.common import cli
from scripts.common.atomic import replacing
from scripts.common.provenance import recording
from scripts.report.facts import Facts
from scripts.report.labels import QUESTIONS, arm_label, counted, percent
from scripts.report.markdown import escape
from scripts.report.report_tables import TABLES
from scripts.report.section_provenance import commit, digests
from scripts.report.write_findings import split_findings

VERDICT = ["question", "benchmark", "subset", "reference", "difference", "ci_low", "ci_high", "p_holm", "mde80"]


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a table as a list of rows; what is missing is None."""
    return list(json.loads(table.to_json(orient="records", double_precision=15)))


def results(facts: Facts, findings: str) -> dict[str, Any]:
    """Return results.json: settings, tables, verdicts in the order of the questions, findings, provenance."""
    tables = {name: records(facts.table(name)) for name in TABLES if facts.has(name)}
    verdicts = [
        {name: row[name] for name in [*VERDICT, "verdict", "level"]}
        for question in QUESTIONS
        for row in tables["comparisons"]
        if row["question"] == question
    ]
    abstract, text = split_findings(findings)
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
        "verdicts": verdicts,
        "tables": tables,
        "provenance": {"commit": head, "dirty": dirty, "artefacts": artefacts},
    }


def leaderboard(facts: Facts) -> str:
    """Return the scores as a Markdown table, an arm a row, best mean first, to paste into a README."""
    arms = facts.table("arms")
    names = list(dict.fromkeys(arms["benchmark"]))
    means = arms.groupby("arm", sort=False)["score"].mean().sort_values(ascending=False, kind="stable")
    by_arm = arms.set_index(["arm", "benchmark"])
    counts = arms.drop_duplicates("benchmark").set_index("benchmark")["n_questions"]
    head = ["Arm", "Runs", *(f"{escape(name)} (n {counts[name]:,})" for name in names), "Mean", "Tokens"]
    lines = [head, ["---", "---:", *["---:"] * (len(names) + 2)]]
    for arm, mean in means.items():
        of_arm = by_arm.loc[arm]
        cells = [
            f"{percent(row['score'])} [{percent(row['ci_low'])}, {percent(row['ci_high'])}]"
            for _, row in of_arm.loc[names].iterrows()
        ]
        runs, tokens = int(of_arm["runs"].iloc[0]), of_arm["output_tokens"].mean()
        lines.append([escape(arm_label(str(arm))), str(runs), *cells, f"**{percent(mean)}**", f"{tokens:,.0f}"])
    samples = sorted(set(arms["samples"]))
    level = f"{100 * (1 - facts.experiment.report.alpha):g}%"
    note = (
        f"Percent of questions right, mean over {' or '.join(map(str, samples))} "
        f"{'sample' if samples == [1] else 'samples'} and all runs, with {level} intervals. Mean: over "
        f"{counted(len(names), 'benchmark')}, unweighted. Tokens: mean length of an answer. The intervals are "
        f"of single "
        "scores: whether two arms differ is said by the paired comparisons of the report."
    )
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + f"\n\n{note}\n"


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--results", type=Path, required=True, help="the experiment's results folder")
    parser.add_argument("--experiment", type=Path, required=True, help="experiment.json")
    parser.add_argument("--findings", type=Path, required=True, help="findings.md")
    parser.add_argument("--json", type=Path, required=True, help="results.json to write")
    parser.add_argument("--leaderboard", type=Path, required=True, help="leaderboard.md to write")
    arguments = parser.parse_args()
    outputs, inputs = [arguments.json, arguments.leaderboard], [arguments.experiment, arguments.findings]
    facts = Facts(arguments.results, arguments.experiment)
    with recording(outputs=outputs, inputs=inputs):
        found = results(facts, arguments.findings.read_text(encoding="utf-8"))
        for path, text in (
            (arguments.json, json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False) + "\n"),
            (arguments.leaderboard, leaderboard(facts)),
        ):
            with replacing(path) as temporary:
                temporary.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    cli.run(main)
