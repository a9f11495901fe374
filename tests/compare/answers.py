"""Rows of the answers table, and how questions were asked, made by hand."""

import pandas as pd

from scripts.common.questions import Question


def answer(model: str, question: str, sample: int = 0, correct: int = 1, benchmark: str = "b", **more: object) -> dict:
    arm, _, seed = model.rpartition("-t")
    row = {
        "model": model,
        "subset": arm or None,
        "train_seed": int(seed) if arm else None,
        "benchmark": benchmark,
        "question_id": question,
        "sample": sample,
        "correct": correct,
        "extracted": "7" if correct else "8",
        "gold": "7",
        "output_tokens": 10,
        "truncated": False,
        "finish_reason": "stop",
        "text": "t",
    }
    return row | more


def frame(rows: list[dict]) -> pd.DataFrame:
    answers = pd.DataFrame(rows)
    answers["arm"] = answers["subset"].fillna(answers["model"])
    return answers


def asked(*questions: Question) -> dict[str, dict[str, Question]]:
    return {"b": {question.id: question for question in questions}}
