"""The report's own CSV tables: their columns, and how they are read and written.

They are apart from scripts/common/tables.py so that a new column of the report never retrains a model.
"""

from pathlib import Path

import pandas as pd

from scripts.common.atomic import replacing
from scripts.common.tables import TableError

COLUMNS: dict[str, list[str]] = {
    # One row per arm and benchmark: the mean over its runs. `run_sd` is over run means (empty for one run).
    "arms": [
        "arm",
        "trained",
        "benchmark",
        "runs",
        "n_questions",
        "samples",
        "score",
        "se",
        "ci_low",
        "ci_high",
        "run_sd",
        "pass_at_k",
        "majority",
        "output_tokens",
        "output_tokens_p95",
        "score_per_1000_tokens",
        "truncated_rate",
        "unparsed_rate",
    ],
    # One row per comparison: the two parts of its standard error, and what 80% power at `effect` would take.
    "power": [
        "question",
        "benchmark",
        "subset",
        "reference",
        "family",
        "question_se",
        "run_se",
        "run_sd",
        "run_df",
        "effect",
        "questions_needed",
        "runs_needed",
        "both_runs",
        "both_questions",
    ],
    # Only comparisons of one sample and one run.
    "mcnemar": ["question", "benchmark", "subset", "reference", "only_subset", "only_reference", "p_value"],
    # One row per comparison of what answers cost: `measure` is output_tokens or eff (score per 1,000 of them).
    "costs": [
        "measure",
        "question",
        "benchmark",
        "subset",
        "reference",
        "n_questions",
        "runs_subset",
        "runs_reference",
        "value_subset",
        "value_reference",
        "difference",
        "se",
        "df",
        "ci_low",
        "ci_high",
        "p_value",
        "p_holm",
        "mde80",
        "verdict",
        "level",
    ],
    # One row per benchmark: questions that every answer of every model gets right, or wrong; only the others tell.
    "reliability": ["benchmark", "models", "n_questions", "all_right", "all_wrong"],
    # One row per arm and subject of a benchmark that has two or more; empty where none has.
    "subjects": ["benchmark", "subject", "arm", "n_questions", "score", "se", "ci_low", "ci_high"],
    # A row per fault that audit_published finds; scores as they were printed.
    "audit": ["check", "source", "model", "run_by", "benchmark", "metric", "score", "message"],
    "pool_account": ["stage", "reason", "rows"],
    "contamination": ["benchmark", "rows", "questions", "taken_out"],
    "steps": ["pattern", "steps", "share", "chains"],
    "pir": ["pattern", "steps", "mean", "q05", "q25", "median", "q75", "q95", "negative_share"],
    # A row per score that could tell needed from idle functional steps, where the source says which is which.
    "pir_truth": ["score", "larger_means", "auc", "ci_low", "ci_high", "needed", "idle", "chains"],
    # A row per prune ratio: what it would leave of the responses of all scored rows.
    "pruning": ["ratio", "rows", "functional_steps", "pruned_steps", "tokens_before", "tokens"],
    # One row per subset file; `steps_` and `pruned_` count the functional steps of its rows before and by pruning.
    "subsets": [
        "draw",
        "rows",
        "tokens_before",
        "tokens",
        "pruned_steps",
        "steps_verification",
        "pruned_verification",
        "steps_multi_method",
        "pruned_multi_method",
        "steps_error_correction",
        "pruned_error_correction",
    ],
    # Seconds are of the training that led to the model; GPU-hours are all that were reserved, set-up and steps made
    # twice included. MFU and energy are empty where the machine does not tell.
    "training_runs": [
        "run",
        "arm",
        "seed",
        "rows",
        "tokens",
        "trained_tokens",
        "truncated_tokens",
        "packing_efficiency",
        "steps",
        "epochs",
        "attempts",
        "seconds",
        "tokens_per_second",
        "samples_per_second",
        "mfu",
        "final_loss",
        "gpus",
        "gpu_hours",
        "gpu_hours_useful",
        "energy_kwh",
        "peak_memory_mib",
        "cost",
    ],
    "training_arms": [
        "arm",
        "runs",
        "rows",
        "tokens",
        "trained_tokens",
        "packing_efficiency",
        "steps",
        "epochs",
        "seconds",
        "tokens_per_second",
        "mfu",
        "final_loss",
        "gpu_hours",
        "gpu_hours_useful",
        "energy_kwh",
        "cost",
    ],
}


# Every table of the report.
TABLES = ["scores", "comparisons", *COLUMNS]


def write_report_table(name: str, frame: pd.DataFrame, path: Path) -> None:
    """Write `frame` as the report table called `name`."""
    if set(frame.columns) != set(COLUMNS[name]):
        raise TableError(f"{path}: table '{name}' has columns {list(frame.columns)}, not {COLUMNS[name]}")
    with replacing(path) as temporary:
        frame[COLUMNS[name]].to_csv(temporary, index=False)


def read_report_table(name: str, path: Path) -> pd.DataFrame:
    """Read the report table called `name`."""
    frame = pd.read_csv(path)
    if list(frame.columns) != COLUMNS[name]:
        raise TableError(f"{path}: table '{name}' has columns {list(frame.columns)}, not {COLUMNS[name]}")
    return frame
