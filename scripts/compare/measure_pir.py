"""Does PIR find what it should? Where the source says which functional steps are needed, how well PIR tells them from
idle ones, beside two trivial rivals: the step's length and its position in the chain. Writes pir_truth.csv.

The truth is the source's column `truth`, a list of {line, needed} for each row, `line` counted from 0 in the chain. It
is read here and nowhere before: the scorer never sees it. Without that column the table is empty.
"""

from bisect import bisect_right
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from scripts.common import cli
from scripts.common.program import Program
from scripts.common.seeds import derive_seed
from scripts.common.tables import read_columns, read_table
from scripts.compare.tables import COLUMNS, write_csv
from scripts.data.tables import POOL
from scripts.select.tables import STEP_SCORES, STEPS

RESAMPLES = 1000
# Larger PIR means needed, by its definition; a rival may point either way and is given the way that suits it.
RIVALS = ("length", "position")


def has_truth(raw: Path) -> bool:
    """Whether a raw table has a column `truth` of the form that is understood."""
    schema = pq.read_schema(raw)
    if "truth" not in schema.names:
        return False
    kind = schema.field("truth").type
    if not pa.types.is_list(kind) or not pa.types.is_struct(kind.value_type):
        return False
    return {"line", "needed"} <= {field.name for field in kind.value_type}


def label_steps(truth: pl.DataFrame, steps: pl.DataFrame) -> pl.DataFrame:
    """Return (id, step, needed) for the steps that the truth speaks of.

    `truth` has id, reasoning and truth, `steps` id, step and start. A step is that in which the line begins; one of
    several such lines is needed if any of them is. Raises UserError for a line that is not in the chain.
    """
    starts = dict(steps.sort("id", "step").group_by("id").agg("start").iter_rows())
    rows = []
    for identity, reasoning, marks in truth.select("id", "reasoning", "truth").iter_rows():
        lines = np.cumsum([0, *(len(line) + 1 for line in reasoning.split("\n"))])[:-1]
        for mark in marks or ():
            if not 0 <= mark["line"] < len(lines):
                raise cli.UserError(
                    f"raw.parquet: the truth of row {identity} names line {mark['line']}, its chain has {len(lines)}"
                )
            step = bisect_right(starts[identity], int(lines[mark["line"]])) - 1
            rows.append((identity, step, mark["needed"]))
    labels = pl.DataFrame(rows, schema={"id": pl.String, "step": pl.Int64, "needed": pl.Boolean}, orient="row")
    return labels.group_by("id", "step").agg(pl.col("needed").any())


def auc(needed: np.ndarray, score: np.ndarray, weight: np.ndarray | None = None) -> float:
    """Return the chance that a needed step has a larger score than an idle one (half for a tie).

    `weight` says how often each step counts; nan without needed or without idle steps.
    """
    from sklearn import metrics

    counted = np.ones(len(score), bool) if weight is None else weight > 0
    if len(np.unique(needed[counted])) < 2:
        return float("nan")
    # What roc_auc_score does, in half of its time: the bootstrap asks thousands of times.
    false, true, _ = metrics.roc_curve(needed, score, sample_weight=weight, drop_intermediate=False)
    return float(metrics.auc(false, true))


def interval(needed: np.ndarray, score: np.ndarray, chain: np.ndarray, seed: int) -> tuple[float, float]:
    """Return the 95% bootstrap interval of the AUC, chains drawn whole: steps of one chain are not independent.

    `chain` numbers each step's chain from 0. A resample without needed or without idle steps is left out.
    """
    rng = np.random.default_rng(seed)
    chains = int(chain.max()) + 1
    drawn = (np.bincount(rng.integers(chains, size=chains), minlength=chains) for _ in range(RESAMPLES))
    low, high = np.nanquantile([auc(needed, score, times[chain]) for times in drawn], [0.025, 0.975])
    return float(low), float(high)


def truth_table(steps: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return the table pir_truth; `steps` are the labelled ones: id, needed, pir, length (characters), position."""
    needed = steps["needed"].to_numpy(dtype=bool)
    if needed.all() or not needed.any():
        return pd.DataFrame(columns=COLUMNS["pir_truth"])
    chain = pd.factorize(steps["id"])[0]
    counts = {"needed": int(needed.sum()), "idle": int((~needed).sum()), "chains": int(chain.max()) + 1}
    rows: list[dict[str, Any]] = []
    for name in ("pir", *RIVALS):
        score = steps[name].to_numpy(dtype=float)
        turned = name in RIVALS and auc(needed, score) < 0.5
        score = -score if turned else score
        low, high = interval(needed, score, chain, derive_seed(seed, "pir_truth", name))
        row = {"score": name, "larger_means": "idle" if turned else "needed", "auc": auc(needed, score)}
        rows.append({**row, "ci_low": low, "ci_high": high, **counts})
    return pd.DataFrame(rows)


def labelled(raw: Path, clean: Path, steps: pl.DataFrame, scores: pl.DataFrame) -> pl.DataFrame:
    """Return id, needed, pir, length and position of every scored step that the truth speaks of."""
    rows = pl.DataFrame(read_table(POOL, clean)).filter(pl.col("id").is_in(scores["id"].unique().to_list()))
    told = pl.DataFrame(read_columns(raw, ["question", "response", "truth"]))
    keys = ["question", "response"]
    truth = rows.join(told, on=keys, how="inner").unique("id", maintain_order=True)
    steps = steps.filter(pl.col("id").is_in(truth["id"].to_list()))
    measured = steps.select("id", "step", length=pl.col("text").str.len_chars(), position="step")
    scored = scores.select("id", "step", "pir").join(measured, on=["id", "step"], how="inner")
    return scored.join(label_steps(truth, steps), on=["id", "step"], how="inner").sort("id", "step")


def main() -> None:
    program = Program(__doc__)
    for name in ("raw", "clean", "steps", "scores"):
        program.add_input(f"--{name}", f"{name}.parquet")
    program.add_argument("--seed", type=int, required=True, help="the experiment's seed")
    program.add_output("--table", "pir_truth.csv to write")
    arguments = program.parse()
    with program.recording(seed=arguments.seed):
        found = pd.DataFrame(columns=COLUMNS["pir_truth"])
        if has_truth(arguments.raw):
            steps = pl.DataFrame(read_table(STEPS, arguments.steps))
            scores = pl.DataFrame(read_table(STEP_SCORES, arguments.scores))
            known = labelled(arguments.raw, arguments.clean, steps, scores)
            cli.log.info("%d of %d scored steps have a truth", len(known), len(scores))
            found = truth_table(pd.DataFrame(known.to_dict(as_series=False)), arguments.seed) if len(known) else found
        write_csv("pir_truth", found, arguments.table)


if __name__ == "__main__":
    cli.run(main)
