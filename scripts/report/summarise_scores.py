"""Scores with intervals: scores.csv (a row per model and benchmark) and arms.csv (a row per arm, the mean of its runs).

The unit is the question. Intervals are Agresti and Coull's; an arm's takes the variance between training runs in where
there are enough of them to know it. subjects.csv has the arms by subject, reliability.csv how many questions of a
benchmark cannot tell the models apart.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from scripts.common import cli
from scripts.common.majority import majority_correct
from scripts.common.provenance import recording
from scripts.common.questions import Question
from scripts.common.tables import write_csv
from scripts.report.answer_matrix import Arm, arms_of, benchmark_questions, drawn, is_trained, read_answers
from scripts.report.report_tables import COLUMNS, write_report_table
from scripts.report.statistics import pass_at_k, score_interval
from scripts.report.variance import Questions, run_variance


def answer_rates(rows: pd.DataFrame, samples: int) -> dict[str, Any]:
    """Return what one set of answers says beside its score: pass@k (k = samples), majority@k, lengths and failures."""
    questions = rows.sort_values("sample", kind="stable").groupby(["model", "question_id"], sort=False)
    correct = questions["correct"].sum()
    majority = [
        majority_correct(
            [None if pd.isna(answer) else answer for answer in of_question["extracted"]], list(of_question["correct"])
        )
        for _, of_question in questions
    ]
    return {
        "pass_at_k": float(np.mean([pass_at_k(samples, int(c), samples) for c in correct])),
        "majority": float(np.mean(majority)),
        "output_tokens": float(rows["output_tokens"].mean()),
        "truncated_rate": float(rows["truncated"].mean()),
        "unparsed_rate": float(rows["extracted"].isna().mean()),
    }


def score_tables(
    answers: pd.DataFrame, alpha: float, questions: dict[str, dict[str, Question]] | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the tables scores and arms. `questions`, by benchmark, say how they were drawn."""
    scores, summary = [], []
    trained = is_trained(answers)
    for benchmark, rows in answers.groupby("benchmark", sort=False):
        arms, design = arms_of(rows), drawn(rows, str(benchmark), questions)
        runs = run_variance((arm.means for name, arm in arms.items() if trained[name]), design)
        for arm in arms.values():
            size = {"benchmark": benchmark, "n_questions": arm.means.shape[1], "samples": arm.samples}
            of_arm = rows[rows["arm"] == arm.name]
            for number, model in enumerate(arm.models):
                single = score_interval(arm.means[[number]], arm.samples, alpha, design)
                rates = answer_rates(of_arm[of_arm["model"] == model], arm.samples)
                scores.append({"model": model, **size, **single._asdict(), **rates})
            score = score_interval(arm.means, arm.samples, alpha, design, runs if trained[arm.name] else None)
            summary.append(
                {
                    "arm": arm.name,
                    "trained": trained[arm.name],
                    "runs": len(arm.models),
                    **size,
                    **score._asdict(),
                    "run_sd": float(arm.run_scores.std(ddof=1)) if len(arm.models) > 1 else None,
                    **_cost(of_arm, score.score, answer_rates(of_arm, arm.samples)),
                }
            )
    return pd.DataFrame(scores), pd.DataFrame(summary)


def _cost(of_arm: pd.DataFrame, score: float, rates: dict[str, Any]) -> dict[str, Any]:
    tokens = rates["output_tokens"]
    return {
        **rates,
        "output_tokens_p95": float(of_arm["output_tokens"].quantile(0.95)),
        "score_per_1000_tokens": 1000 * score / tokens if tokens else None,
    }


def subject_table(answers: pd.DataFrame, alpha: float, questions: dict[str, dict[str, Question]]) -> pd.DataFrame:
    """Return the table subjects: every arm by subject, over questions only, where a benchmark has two or more."""
    found = []
    for benchmark, rows in answers.groupby("benchmark", sort=False):
        ids = sorted(rows["question_id"].unique())
        subjects = np.array([questions[str(benchmark)][question].subject or "" for question in ids])
        names = sorted(set(subjects))
        for arm in arms_of(rows).values() if len(names) > 1 else ():
            found += [
                {
                    "benchmark": benchmark,
                    "subject": subject,
                    "arm": arm.name,
                    "n_questions": int((subjects == subject).sum()),
                    **_of_subject(arm, subjects == subject, alpha),
                }
                for subject in names
            ]
    return pd.DataFrame(found, columns=COLUMNS["subjects"])


def _of_subject(arm: Arm, inside: "np.ndarray[Any, np.dtype[np.bool_]]", alpha: float) -> dict[str, Any]:
    means = arm.means[:, inside]
    if means.shape[1] < 2:
        return {"score": float(means.mean()), "se": None, "ci_low": None, "ci_high": None}
    return score_interval(means, arm.samples, alpha, Questions(means.shape[1]))._asdict()


def reliability_table(answers: pd.DataFrame) -> pd.DataFrame:
    """Return the table reliability: how many questions every answer of every model gets right, or wrong."""
    found = []
    for benchmark, rows in answers.groupby("benchmark", sort=False):
        share = rows.groupby("question_id")["correct"].mean()
        ends = {"all_right": int((share == 1).sum()), "all_wrong": int((share == 0).sum())}
        found.append({"benchmark": benchmark, "models": rows["model"].nunique(), "n_questions": len(share), **ends})
    return pd.DataFrame(found)


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--answers", type=Path, required=True, help="answers.parquet")
    parser.add_argument("--benchmarks", type=Path, nargs="+", required=True, help="test.jsonl of each benchmark")
    parser.add_argument("--alpha", type=float, required=True, help="intervals have the level 1 - alpha")
    for name in ("scores", "arms", "subjects", "reliability"):
        parser.add_argument(f"--{name}", type=Path, required=True, help=f"{name}.csv to write")
    arguments = parser.parse_args()
    outputs = [arguments.scores, arguments.arms, arguments.subjects, arguments.reliability]
    with recording(outputs=outputs, inputs=[arguments.answers, *arguments.benchmarks]):
        answers, questions = read_answers(arguments.answers), benchmark_questions(arguments.benchmarks)
        scores, arms = score_tables(answers, arguments.alpha, questions)
        write_csv("scores", scores, arguments.scores)
        write_report_table("arms", arms, arguments.arms)
        write_report_table("subjects", subject_table(answers, arguments.alpha, questions), arguments.subjects)
        write_report_table("reliability", reliability_table(answers), arguments.reliability)


if __name__ == "__main__":
    cli.run(main)
