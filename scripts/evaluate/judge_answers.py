"""Judge answers by hand: a CSV file of gold answers and whole texts becomes one with verdicts.

    python -m scripts.evaluate.judge_answers --pairs FILE.csv --kind math --verdicts OUT.csv

FILE.csv has the columns gold and answer, the whole text that a model wrote. Its rows and columns come back with correct
(1 or 0), extracted (the answer in the text, in one way of writing), reason (why there is none), rule (what was
compared) and disputed (1 where lighteval's rules come to the other verdict), judged as an evaluation judges.
"""

import csv
from pathlib import Path

from scripts.common import cli
from scripts.common.atomic import replacing
from scripts.common.cli import UserError
from scripts.common.decided import read_decisions, read_rows
from scripts.common.program import Program
from scripts.common.questions import Question
from scripts.evaluate.kinds import KINDS

ADDED = ("correct", "extracted", "reason", "rule", "disputed")
# A program needs its tests, a likelihood its model.
OF_TEXTS = [name for name, kind in KINDS.items() if kind.generates and not kind.runs_programs]


def to_question(gold: str, kind: str, letters: str, where: str) -> Question:
    """Return a question that has the gold answer. Raises UserError for a gold letter that is none of `letters`."""
    if kind != "choice":
        return Question(id="q", question="?", answer=gold)
    if gold.strip() not in list(letters):
        raise UserError(f"{where}: gold is '{gold}', none of the letters {', '.join(letters)} (--letters names others)")
    index = letters.index(gold.strip())
    return Question(id="q", question="?", answer=letters[index], choices=list(letters), gold_index=index)


def judge_rows(rows: list[dict[str, str]], kind: str, letters: str, decided: Path | None) -> list[dict[str, str]]:
    """Return the rows with the verdict on each."""
    with cli.heavy_imports():
        import lighteval.pipeline  # noqa: F401

        from scripts.evaluate.tasks import metrics, to_doc

    decisions = read_decisions(decided)
    questions = [to_question(row["gold"], kind, letters, f"row {number}") for number, row in enumerate(rows, start=1)]
    found = []
    with KINDS[kind].judge([metric.sample_level_fn for metric in metrics(kind, 1)], questions, False, 1) as judge:
        for row, question in zip(cli.progress(rows, "judging", "answer"), questions, strict=True):
            verdict = judge.verdict(to_doc(question, "pairs", kind), row["answer"])
            correct, rule, disputed = verdict.correct, verdict.rule or "", verdict.disputed
            if (person := decisions.get((row["gold"], verdict.extracted or ""))) is not None:
                correct, rule, disputed = person, "decided", False
            found.append(
                {
                    **row,
                    "correct": str(correct),
                    "extracted": verdict.extracted or "",
                    "reason": verdict.reason or "",
                    "rule": rule,
                    "disputed": str(int(disputed)),
                }
            )
    return found


def main() -> None:
    program = Program(__doc__)
    program.add_input("--pairs", "CSV with the columns gold and answer")
    program.add_argument("--kind", choices=OF_TEXTS, default="math", help="how answers are checked")
    program.add_argument("--letters", default="ABCD", help="kind choice: the letters that may be chosen")
    program.add_input("--decided", "CSV of what a person has decided: gold, answer, correct", optional=True)
    program.add_output("--verdicts", "CSV to write")
    arguments = program.parse()
    with program.recording():
        rows = read_rows(arguments.pairs, ("gold", "answer"))
        judged = judge_rows(rows, arguments.kind, arguments.letters, arguments.decided)
        columns = list(dict.fromkeys([*(rows[0] if rows else ("gold", "answer")), *ADDED]))
        with replacing(arguments.verdicts) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, columns)
            writer.writeheader()
            writer.writerows(judged)
    right, disputed = (sum(row[name] == "1" for row in judged) for name in ("correct", "disputed"))
    cli.log.info("%d of %d answers are right; %d are disputed", right, len(judged), disputed)


if __name__ == "__main__":
    cli.run(main)
