"""The tables that the compare stage writes, as CSV, since people open them: their columns, and how they are read and
written."""

from pathlib import Path

import pandas as pd

from scripts.common.atomic import replacing
from scripts.common.config.experiment import Experiment
from scripts.common.tables import TableError

# What is said of a difference, whatever was compared.
_SAID = ["difference", "se", "df", "ci_low", "ci_high", "p_value", "p_holm", "mde80", "verdict", "level"]
# Of a comparison. `lower_bound` holds for a whole family at once; `no_worse`: it is above -margin, or the verdict
# is better.
_COMPARED = [
    "subset",
    "reference",
    "metric",
    "n_questions",
    "runs_subset",
    "runs_reference",
    *_SAID,
    "margin",
    "lower_bound",
    "no_worse",
]

COLUMNS: dict[str, list[str]] = {
    # One row per model and benchmark.
    "scores": [
        "model",
        "benchmark",
        "n_questions",
        "samples",
        "metric",
        "score",
        "se",
        "ci_low",
        "ci_high",
        "pass_at_1",
        "pass_at_k",
        "majority",
        "output_tokens",
        "truncated_rate",
        "unparsed_rate",
    ],
    # One row per benchmark and arm whose rows are drawn more than once. SDs of scores: `run_sd` of single runs; of it
    # `draw_sd` is the draw's part and `seed_sd` the rest (training, and the luck of answers). `confounded`: each draw
    # was trained once, so that the two cannot be told apart.
    "draws": ["benchmark", "arm", "draws", "seeds", "run_sd", "draw_sd", "seed_sd", "confounded"],
    # One row per comparison of two arms (or an arm and a model) on a benchmark, and on a named average of benchmarks.
    "comparisons": ["question", "benchmark", *_COMPARED],
    "average_comparisons": ["question", "average", *_COMPARED],
    # One row per method: against random rows on the first named average, or the only benchmark, adjusted together
    # (`correction`: dunnett, or holm). `best_bias`: by how much the best of `best_of` is above its true difference
    # where all true ones are equal.
    "primary": [
        "question",
        "target",
        "subset",
        "reference",
        "n_questions",
        "runs_subset",
        "runs_reference",
        "difference",
        "se",
        "df",
        "ci_low",
        "ci_high",
        "p_value",
        "p_adjusted",
        "correction",
        "verdict",
        "level",
        "best_of",
        "best_bias",
    ],
    # One row per arm and benchmark: the mean over its runs. `run_sd` is over run means (empty for one run). `level` is
    # what the interval covers: the method's expected score, that of these runs, or nothing beyond these questions.
    "arms": [
        "arm",
        "trained",
        "benchmark",
        "runs",
        "n_questions",
        "samples",
        "metric",
        "score",
        "se",
        "ci_low",
        "ci_high",
        "level",
        "run_sd",
        "pass_at_1",
        "pass_at_k",
        "majority",
        "output_tokens",
        "output_tokens_p95",
        "score_per_1000_tokens",
        "truncated_rate",
        "unparsed_rate",
    ],
    # One row per arm, benchmark and share of training; `steps` and `tokens_read` are means over runs, `percent` 0 is
    # the model that is fine-tuned.
    "learning": [
        "arm",
        "benchmark",
        "percent",
        "steps",
        "tokens_read",
        "runs",
        "n_questions",
        "metric",
        "score",
        "ci_low",
        "ci_high",
        "level",
    ],
    # One row per arm and named average of benchmarks.
    "average_scores": [
        "arm",
        "trained",
        "average",
        "runs",
        "n_questions",
        "metric",
        "score",
        "se",
        "ci_low",
        "ci_high",
        "level",
        "run_sd",
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
        *_SAID,
    ],
    # One row per benchmark: questions that every answer of every model gets right, or wrong; only the others tell.
    "reliability": ["benchmark", "models", "n_questions", "all_right", "all_wrong"],
    # One row per arm and subject of a benchmark that has two or more; empty where none has.
    "subjects": ["benchmark", "subject", "arm", "n_questions", "score", "se", "ci_low", "ci_high"],
    # A row per fault that audit_published finds; scores as they were printed.
    "audit": ["check", "source", "model", "run_by", "benchmark", "metric", "score", "message"],
    # One row per disputed answer, on which lighteval's rules come to the other verdict. `correct`: ours, or a person's.
    "disputed": ["benchmark", "gold", "answer", "correct", "rule", "decided", "answers", "models"],
    "pool_account": ["stage", "reason", "rows"],
    # The account of a data set of several sources, for each of them.
    "sources": ["source", "stage", "reason", "rows"],
    "contamination": ["benchmark", "rows", "questions", "taken_out"],
    # Of each subset: the clean rows that it could have taken (no reason), and why it could not have taken the others.
    "candidates": ["subset", "reason", "rows"],
    # Of the clean pool and of each training set: its rows by category.
    "categories": ["draw", "category", "rows", "share"],
    "steps": ["pattern", "steps", "share", "chains"],
    "pir": ["pattern", "steps", "mean", "q05", "q25", "median", "q75", "q95", "negative_share"],
    # A row per score that could tell needed from idle functional steps, where the source says which is which.
    "pir_truth": ["score", "larger_means", "auc", "ci_low", "ci_high", "needed", "idle", "chains"],
    # Functional steps by two scorers, all and by pattern: the rank correlation of their PIR; `unmatched` steps have a
    # PIR by one of them only.
    "scorers": ["pattern", "steps", "chains", "spearman", "ci_low", "ci_high", "unmatched"],
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
    # One row per subset file: its length, steps after pruning (of the `cut_rows` whose chains were cut), where its rows
    # come from, and those that hold a question of a benchmark that cleaned nothing.
    "contents": [
        "draw",
        "rows",
        "tokens",
        "tokens_median",
        "cut_rows",
        "steps_a_row",
        "share_progressive",
        "share_verification",
        "share_multi_method",
        "share_error_correction",
        "source_values",
        "largest_source",
        "largest_source_share",
        "category_values",
        "largest_category",
        "largest_category_share",
        "difficulty",
        "difficulty_rows",
        "contaminated",
    ],
    # One row per pair of subset files: the rows that both hold, and their share of the first one's.
    "overlap": ["draw", "other", "rows", "share"],
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
        "tokens_read",
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
        "tokens_read",
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

# Tables that come with training, with the scoring of steps, with pruning, and with published numbers.
OF_SELECTION = (
    "pool_account",
    "contamination",
    "candidates",
    "categories",
    "steps",
    "pir",
    "subsets",
    "contents",
    "overlap",
)
OF_TRAINING = (*OF_SELECTION, "training_runs", "training_arms")
OF_SOURCES = ("sources",)
OF_SCORING = ("pir_truth",)
OF_SECOND_SCORER = ("scorers",)
OF_PRUNING = ("pruning",)
OF_LEARNING = ("learning",)
OF_DRAWS = ("draws",)
OF_PUBLISHED = ("audit",)
OF_PRIMARY = ("primary",)
OF_AVERAGES = ("average_scores", "average_comparisons")


def tables_of(experiment: Experiment) -> list[str]:
    """Return the tables that an experiment has, in their order."""
    lacking: tuple[str, ...] = () if experiment.subsets else OF_TRAINING
    lacking += () if len(experiment.sources()) > 1 else OF_SOURCES
    lacking += () if experiment.scored_subsets() else OF_SCORING
    lacking += () if experiment.second_scorer() else OF_SECOND_SCORER
    lacking += () if experiment.pruned_subsets() else OF_PRUNING
    lacking += () if experiment.subsets and experiment.evaluation.percents() else OF_LEARNING
    lacking += () if experiment.has_draws() else OF_DRAWS
    lacking += () if experiment.report.published else OF_PUBLISHED
    lacking += () if experiment.report.averages else OF_AVERAGES
    lacking += () if experiment.primary_target() else OF_PRIMARY
    return [name for name in COLUMNS if name not in lacking]


def write_csv(name: str, frame: pd.DataFrame, path: Path) -> None:
    """Write `frame` as the table called `name`, with exactly its columns, in their order."""
    frame = _with_columns(name, frame, path)
    with replacing(path) as temporary:
        frame.to_csv(temporary, index=False)


def read_csv(name: str, path: Path) -> pd.DataFrame:
    """Read the table called `name`."""
    return _with_columns(name, pd.read_csv(path), path)


def _with_columns(name: str, frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    if set(frame.columns) != set(COLUMNS[name]):
        raise TableError(f"{path}: table '{name}' has columns {list(frame.columns)}, not {COLUMNS[name]}")
    return frame[COLUMNS[name]]
