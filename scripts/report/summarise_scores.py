"""Scores with intervals: scores.csv (a row per model and benchmark) and arms.csv (a row per arm, the mean of its runs).

The unit is the question. Intervals are Wilson's; an arm's takes the variance between training runs in where there are
enough of them to know it.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from scripts.common import cli
from scripts.common.majority import majority_correct
from scripts.common.provenance import recording
from scripts.common.tables import write_csv
from scripts.report.answer_matrix import arms_of, is_trained, read_answers
from scripts.report.report_tables import write_report_table
from scripts.report.statistics import Floats, pass_at_k, run_variance, score_interval


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


def _fields(means: Floats, samples: int, alpha: float, run_part: float = 0.0) -> dict[str, Any]:
    return score_interval(means, samples, alpha, run_part)._asdict()


def score_tables(answers: pd.DataFrame, alpha: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the tables scores and arms."""
    scores, summary = [], []
    trained = is_trained(answers)
    for benchmark, rows in answers.groupby("benchmark", sort=False):
        arms = arms_of(rows)
        runs = run_variance(arm.run_scores for name, arm in arms.items() if trained[name])
        for arm in arms.values():
            size = {"benchmark": benchmark, "n_questions": arm.means.shape[1], "samples": arm.samples}
            of_arm = rows[rows["arm"] == arm.name]
            for model, means in zip(arm.models, arm.means, strict=True):
                of_model = of_arm[of_arm["model"] == model]
                scores.append(
                    {
                        "model": model,
                        **size,
                        **_fields(means, arm.samples, alpha),
                        **answer_rates(of_model, arm.samples),
                    }
                )
            run_part = runs.variance / len(arm.models) if trained[arm.name] and runs.known else 0.0
            fields = _fields(arm.means.mean(axis=0), arm.samples * len(arm.models), alpha, run_part)
            rates = answer_rates(of_arm, arm.samples)
            summary.append(
                {
                    "arm": arm.name,
                    "trained": trained[arm.name],
                    "runs": len(arm.models),
                    **size,
                    **fields,
                    "run_sd": float(arm.run_scores.std(ddof=1)) if len(arm.models) > 1 else None,
                    **rates,
                    "output_tokens_p95": float(of_arm["output_tokens"].quantile(0.95)),
                    "score_per_1000_tokens": 1000 * fields["score"] / rates["output_tokens"]
                    if rates["output_tokens"]
                    else None,
                }
            )
    return pd.DataFrame(scores), pd.DataFrame(summary)


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--answers", type=Path, required=True, help="answers.parquet")
    parser.add_argument("--alpha", type=float, required=True, help="intervals have the level 1 - alpha")
    parser.add_argument("--scores", type=Path, required=True, help="scores.csv to write")
    parser.add_argument("--arms", type=Path, required=True, help="arms.csv to write")
    arguments = parser.parse_args()
    with recording(outputs=[arguments.scores, arguments.arms], inputs=[arguments.answers]):
        scores, arms = score_tables(read_answers(arguments.answers), arguments.alpha)
        write_csv("scores", scores, arguments.scores)
        write_report_table("arms", arms, arguments.arms)


if __name__ == "__main__":
    cli.run(main)
