"""Draw answers to print in the report: for each benchmark one right, one wrong and one truncated, of one model.

They are drawn by a hash, not chosen: the report shows what a reader would find by opening the answers at random.
"""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from scripts.common import cli
from scripts.common.atomic import replacing
from scripts.common.program import Program
from scripts.common.questions import read_questions
from scripts.common.seeds import derive_seed
from scripts.common.tables import read_columns

HEAD, TAIL = 900, 500  # characters kept of a long answer
KINDS = ("right", "wrong", "truncated")


def shorten(text: str) -> str:
    """Return a text with its middle left out where it is long, and a word on how much that was."""
    left_out = len(text) - HEAD - TAIL
    return text if left_out <= 100 else f"{text[:HEAD]}\n[… {left_out:,} characters left out …]\n{text[-TAIL:]}"


def draw(answers: pd.DataFrame) -> pd.DataFrame:
    """Return at most one answer of each kind and benchmark; `answers` are one model's."""
    kind = answers["correct"].map({1: "right", 0: "wrong"}).mask(answers["truncated"], "truncated")
    order = [
        derive_seed("examples", *key)
        for key in zip(answers["benchmark"], answers["question_id"], answers["sample"], strict=True)
    ]
    drawn = answers.assign(kind=pd.Categorical(kind, KINDS, ordered=True), order=order).sort_values("order")
    first = drawn.groupby(["benchmark", "kind"], observed=True, sort=False).head(1)
    return first.sort_values(["benchmark", "kind"], kind="stable")


def questions_of(files: list[Path]) -> dict[tuple[str, str], str]:
    """Return the questions' texts by (benchmark, id) from benchmarks/{benchmark}/test.jsonl."""
    return {(file.parent.name, question.id): question.question for file in files for question in read_questions(file)}


def main() -> None:
    program = Program(__doc__)
    program.add_input("--answers", "answers.parquet")
    program.add_input("--benchmarks", "test.jsonl of each benchmark", many=True)
    program.add_argument("--model", required=True, help="whose answers are drawn")
    program.add_output("--examples", "examples.json to write")
    arguments = program.parse()
    with program.recording():
        answers = read_columns(arguments.answers, filters=[("model", "=", arguments.model)]).to_pandas()
        texts = questions_of(arguments.benchmarks)
        examples: list[dict[str, Any]] = []
        for row in draw(answers).to_dict("records"):
            key = (row["benchmark"], row["question_id"])
            shown = {name: row[name] for name in ("benchmark", "kind", "model", "question_id", "gold", "output_tokens")}
            shown["extracted"] = None if pd.isna(row["extracted"]) else row["extracted"]
            examples.append({**shown, "question": shorten(texts[key]), "text": shorten(row["text"])})
        with replacing(arguments.examples) as temporary:
            temporary.write_text(json.dumps(examples, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    cli.run(main)
