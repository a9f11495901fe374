"""Scores with intervals: scores.csv (a row per model and benchmark) and arms.csv (a row per arm, the mean of its runs).

The unit is the question. Intervals are Agresti and Coull's; an arm's takes the variance between training runs in where
there are enough of them to know it, and else is one of these runs' expected score: the column `level` says which.
average_scores.csv has the arms by named average, draws.csv what is the draw's luck and what the training's,
subjects.csv the arms by subject, reliability.csv how many questions of a benchmark cannot tell the models apart.
"""

from typing import Any

import numpy as np
import pandas as pd

from scripts.common import cli
from scripts.common.config.report import Metric, Scoring
from scripts.common.program import Program
from scripts.common.questions import Question
from scripts.compare.answer_matrix import (
    Arm,
    benchmark_questions,
    by_draw,
    is_trained,
    metric_arms,
    question_design,
    question_values,
    read_answers,
)
from scripts.compare.averages import average
from scripts.compare.luck import draws_table
from scripts.compare.moderation import pooled_by_kind, runs_by_kind
from scripts.compare.statistics import score_interval
from scripts.compare.tables import COLUMNS, write_csv
from scripts.compare.variance import Questions, RunVariances

RATES: dict[str, Metric] = {"pass_at_1": "pass@1", "pass_at_k": "pass@k", "majority": "majority@k"}


def answer_rates(rows: pd.DataFrame, values: dict[str, "pd.Series[float]"]) -> dict[str, Any]:
    """Return what one set of answers says: pass@1, pass@k (k = samples), majority@k, lengths and failures.

    `values` has each of RATES by model, also of other models.
    """
    models = rows["model"].unique()
    return {
        **{name: float(found.loc[models].mean()) for name, found in values.items()},
        "output_tokens": float(rows["output_tokens"].mean()),
        "truncated_rate": float(rows["truncated"].mean()),
        "unparsed_rate": float(rows["extracted"].isna().mean()),
    }


def score_tables(
    answers: pd.DataFrame,
    alpha: float,
    questions: dict[str, dict[str, Question]] | None = None,
    metric: Metric = "pass@1",
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the tables scores and arms. `questions`, by benchmark, say how they were drawn."""
    scores, summary = [], []
    trained = is_trained(answers)
    of_benchmark = {str(name): rows for name, rows in answers.groupby("benchmark", sort=False)}
    arms = {name: metric_arms(rows, metric) for name, rows in of_benchmark.items()}
    designs = {name: question_design(rows, name, questions) for name, rows in of_benchmark.items()}
    tuned = {name: [by_draw(arm) for arm in of.values() if trained[arm.name]] for name, of in arms.items()}
    runs = runs_by_kind(tuned, designs)
    for benchmark, rows in of_benchmark.items():
        values = {name: question_values(rows, of).groupby(level="model").mean() for name, of in RATES.items()}
        for arm in arms[benchmark].values():
            size = {"benchmark": benchmark, "n_questions": arm.means.shape[1], "samples": arm.samples, "metric": metric}
            of_arm = rows[rows["arm"] == arm.name]
            for number, model in enumerate(arm.models):
                single = score_interval(arm.means[[number]], arm.results, alpha, designs[benchmark])
                rates = answer_rates(of_arm[of_arm["model"] == model], values)
                scores.append({"model": model, **size, **single._asdict(), **rates})
            summary.append(
                {
                    **_of_arm(arm, designs[benchmark], runs[benchmark] if trained[arm.name] else None, alpha),
                    **size,
                    **_cost(of_arm, answer_rates(of_arm, values)),
                }
            )
    return pd.DataFrame(scores), pd.DataFrame(summary)


def _of_arm(
    arm: Arm, design: Questions, kinds: RunVariances | None, alpha: float, size: float | None = None
) -> dict[str, Any]:
    """Return an arm's score with its interval and what that covers; `kinds` None: it was not trained here."""
    unit = by_draw(arm)
    runs = kinds[unit.kind] if kinds is not None else None
    score = score_interval(unit.means, unit.results, alpha, design, runs, size)
    level = "these questions" if design.df < 1 else "method" if runs is None or runs.known else "these runs"
    run_sd = float(arm.run_scores.std(ddof=1)) if len(arm.models) > 1 else None
    known = {"arm": arm.name, "trained": runs is not None, "runs": len(arm.models)}
    return {**known, **score._asdict(), "level": level, "run_sd": run_sd}


def average_table(
    answers: pd.DataFrame, alpha: float, scoring: Scoring, questions: dict[str, dict[str, Question]] | None = None
) -> pd.DataFrame:
    """Return the table average_scores: every arm by named average of benchmarks."""
    trained, found = is_trained(answers), []
    of_benchmark = {str(name): rows for name, rows in answers.groupby("benchmark", sort=False)}
    arms = {name: metric_arms(rows, scoring.primary_metric) for name, rows in of_benchmark.items()}
    designs = {name: question_design(rows, name, questions) for name, rows in of_benchmark.items()}
    for name, weights in scoring.weights().items():
        whole = average(weights, arms, designs)
        runs = pooled_by_kind((by_draw(arm) for key, arm in whole.arms.items() if trained[key]), whole.questions)
        size = {"average": name, "n_questions": len(whole.questions.unit), "metric": scoring.primary_metric}
        for arm in whole.arms.values():
            varies = runs if trained[arm.name] else None
            found.append({**size, **_of_arm(arm, whole.questions, varies, alpha, whole.size)})
    return pd.DataFrame(found, columns=COLUMNS["average_scores"])


def _cost(of_arm: pd.DataFrame, rates: dict[str, Any]) -> dict[str, Any]:
    tokens = rates["output_tokens"]
    return {
        **rates,
        "output_tokens_p95": float(of_arm["output_tokens"].quantile(0.95)),
        "score_per_1000_tokens": 1000 * rates["pass_at_1"] / tokens if tokens else None,
    }


def subject_table(
    answers: pd.DataFrame, alpha: float, questions: dict[str, dict[str, Question]], metric: Metric = "pass@1"
) -> pd.DataFrame:
    """Return the table subjects: every arm by subject, over questions only, where a benchmark has two or more."""
    found = []
    for benchmark, rows in answers.groupby("benchmark", sort=False):
        ids = sorted(rows["question_id"].unique())
        subjects = np.array([questions[str(benchmark)][question].subject or "" for question in ids])
        names = sorted(set(subjects))
        for arm in metric_arms(rows, metric).values() if len(names) > 1 else ():
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
    return score_interval(means, arm.results, alpha, Questions(means.shape[1]))._asdict()


def reliability_table(answers: pd.DataFrame) -> pd.DataFrame:
    """Return the table reliability: how many questions every answer of every model gets right, or wrong."""
    found = []
    for benchmark, rows in answers.groupby("benchmark", sort=False):
        share = rows.groupby("question_id")["correct"].mean()
        ends = {"all_right": int((share == 1).sum()), "all_wrong": int((share == 0).sum())}
        found.append({"benchmark": benchmark, "models": rows["model"].nunique(), "n_questions": len(share), **ends})
    return pd.DataFrame(found)


def main() -> None:
    program = Program(__doc__)
    program.add_input("--answers", "answers.parquet")
    program.add_input("--benchmarks", "test.jsonl of each benchmark", many=True)
    program.add_argument("--alpha", type=float, required=True, help="intervals have the level 1 - alpha")
    for name in ("scores", "arms", "subjects", "reliability"):
        program.add_output(f"--{name}", f"{name}.csv to write")
    program.add_output("--draws", "draws.csv to write", optional=True)
    program.add_output("--average-scores", "average_scores.csv to write", optional=True)
    program.add_settings("--scoring", Scoring)
    arguments = program.parse()
    scoring: Scoring = arguments.scoring
    with program.recording():
        answers, questions = read_answers(arguments.answers), benchmark_questions(arguments.benchmarks)
        scores, arms = score_tables(answers, arguments.alpha, questions, scoring.primary_metric)
        write_csv("scores", scores, arguments.scores)
        write_csv("arms", arms, arguments.arms)
        subjects = subject_table(answers, arguments.alpha, questions, scoring.primary_metric)
        write_csv("subjects", subjects, arguments.subjects)
        if arguments.draws:
            of_benchmark = answers.groupby("benchmark", sort=False)
            found = {str(name): metric_arms(rows, scoring.primary_metric) for name, rows in of_benchmark}
            write_csv("draws", draws_table(found), arguments.draws)
        if arguments.average_scores:
            write_csv(
                "average_scores", average_table(answers, arguments.alpha, scoring, questions), arguments.average_scores
            )
        write_csv("reliability", reliability_table(answers), arguments.reliability)


if __name__ == "__main__":
    cli.run(main)
