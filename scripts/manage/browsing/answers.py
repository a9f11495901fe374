"""The answers of an experiment for the page: counts by question and model in the index, texts in parts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from scripts.common.cli import UserError
from scripts.common.config.experiment import Experiment
from scripts.common.layout import Layout
from scripts.common.questions import Question, read_questions
from scripts.common.tables import read_table
from scripts.compare.labels import arm_label
from scripts.evaluate.export_logs import split_thinking
from scripts.evaluate.tables import ANSWERS
from scripts.manage.browsing.parts import snippet, write_parts

COUNTED = ("answers", "right", "cut_off", "no_answer", "disputed", "tokens")
"""What the index holds of each model and question: numbers of answers, and their output tokens together."""
COLUMNS = [
    *("question_id", "sample", "correct", "extracted", "reason", "rule", "disputed"),
    *("output_tokens", "truncated", "finish_reason", "text"),
]


class Model(NamedTuple):
    """A model that answers: one run of an arm, or one that was not trained here."""

    name: str
    arm: str


def models_of(experiment: Experiment) -> list[Model]:
    """Return the models in the order of the tables; one that was not trained here is an arm by itself."""
    arms = {run.name: run.arm for run in experiment.runs()}
    return [Model(name, arms.get(name, name)) for name in experiment.evaluated_models()]


def arms_of(models: list[Model], trained: set[str]) -> list[dict[str, Any]]:
    """Return the arms: their names, what people call them, and the places of their models."""
    return [
        {
            "name": arm,
            "label": arm_label(arm) if arm in trained else arm,
            "trained": arm in trained,
            "models": [place for place, model in enumerate(models) if model.arm == arm],
        }
        for arm in dict.fromkeys(model.arm for model in models)
    ]


def question_entries(questions: list[Question]) -> Iterator[tuple[dict[str, Any], int]]:
    """Yield each question whole, with its length in characters."""
    for question in questions:
        entry: dict[str, Any] = {"question": question.question, "gold": question.answer, "choices": question.choices}
        if question.prompt and question.prompt != question.question:
            entry["prompt"] = question.prompt
        yield entry, len(question.question) + len(question.prompt or "")


def by_question(path: Path, questions: list[Question]) -> Iterator[list[dict[str, Any]]]:
    """Yield the answers to each question, in the questions' order, those of one by sample; none where none is there.

    Raises UserError for an answer to a question that is not among them.
    """
    places = {question.id: place for place, question in enumerate(questions)}
    answers = pl.DataFrame(read_table(ANSWERS, path, COLUMNS))
    if unknown := set(answers["question_id"]) - set(places):
        raise UserError(
            f"'{path}' holds an answer to question '{min(unknown)}', which the benchmark's test.jsonl does not hold: "
            "they are of different states, run snakemake again"
        )
    order = answers.with_columns(
        pl.col("question_id").replace_strict(places, return_dtype=pl.Int64).alias("place")
    ).sort("place", "sample")
    done = 0
    held: list[dict[str, Any]] = []
    for row in order.iter_rows(named=True):
        while done < row["place"]:
            yield held
            done, held = done + 1, []
        held.append(row)
    while done < len(questions):
        yield held
        done, held = done + 1, []


def answer_entry(row: dict[str, Any]) -> dict[str, Any]:
    """Return one answer as the page shows it."""
    thinking, text = split_thinking(row["text"] or "")
    entry = {
        "sample": row["sample"],
        "right": row["correct"],
        "extracted": row["extracted"],
        "tokens": row["output_tokens"],
        "cut_off": bool(row["truncated"]),
        "disputed": bool(row["disputed"]),
        "finish": row["finish_reason"],
        "reason": row["reason"],
        "rule": row["rule"],
        "thinking": thinking,
        "text": text,
    }
    # What says nothing is left out; a zero says something.
    return {name: value for name, value in entry.items() if value is not None and value is not False and value != ""}


def write_answers(folder: Path, name: str, path: Path, questions: list[Question]) -> dict[str, Any]:
    """Write one model's answers to one benchmark, and return what the index holds of them, by question."""
    found: dict[str, Any] = {counted: [] for counted in COUNTED}

    def entries() -> Iterator[tuple[list[dict[str, Any]], int]]:
        for rows in by_question(path, questions):
            counts = {
                "answers": len(rows),
                "right": sum(row["correct"] for row in rows),
                "cut_off": sum(bool(row["truncated"]) for row in rows),
                "no_answer": sum(row["extracted"] is None for row in rows),
                "disputed": sum(bool(row["disputed"]) for row in rows),
                "tokens": sum(row["output_tokens"] for row in rows),
            }
            for counted, value in counts.items():
                found[counted].append(value)
            yield [answer_entry(row) for row in rows], sum(len(row["text"] or "") + 200 for row in rows)

    found["parts"] = write_parts(folder, name, entries())
    return found


def write_benchmarks(folder: Path, experiment: Experiment, paths: Layout) -> list[dict[str, Any]]:
    """Write the questions and answers of every benchmark that has any; return what the index holds of them."""
    models, written = models_of(experiment), []
    for number, benchmark in enumerate(experiment.evaluation.benchmarks):
        files = [Path(paths.path("answers", model=model.name, benchmark=benchmark)) for model in models]
        if not any(file.is_file() for file in files):
            continue
        questions = read_questions(Path(paths.path("questions", benchmark=benchmark)))
        entry: dict[str, Any] = {
            "name": benchmark,
            "ids": [question.id for question in questions],
            "subjects": [question.subject for question in questions],
            "snippets": [snippet(question.question) for question in questions],
            "questions": f"questions-{number}",
            "parts": write_parts(folder, f"questions-{number}", question_entries(questions)),
            "answers": {},
        }
        if not any(entry["subjects"]):
            entry["subjects"] = None
        for place, file in enumerate(files):
            if file.is_file():
                name = f"answers-{number}-{place}"
                entry["answers"][place] = {"name": name, **write_answers(folder, name, file, questions)}
        written.append(entry)
    return written
