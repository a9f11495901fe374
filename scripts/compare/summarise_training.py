"""What training took: training_runs.csv (a row per run) and training_arms.csv (the mean of an arm's runs)."""

import json
from collections.abc import Sequence
from typing import Any

import pandas as pd

from scripts.common import cli
from scripts.common.program import Program
from scripts.compare.tables import COLUMNS, write_csv


def run_table(summaries: Sequence[dict[str, Any]], cost_per_gpu_hour: float | None) -> pd.DataFrame:
    """Return the table training_runs from the runs' summary.json files."""
    runs = pd.DataFrame(summaries)
    runs["cost"] = None if cost_per_gpu_hour is None else runs["gpu_hours"] * cost_per_gpu_hour
    return runs[COLUMNS["training_runs"]]


def arm_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the table training_arms: means over runs; GPU-hours, energy and cost are sums."""
    runs = runs.astype(dict.fromkeys(("cost", "mfu", "energy_kwh"), float))
    means = ["rows", "tokens", "trained_tokens", "packing_efficiency", "steps", "epochs", "tokens_read", "seconds"]
    means += ["tokens_per_second", "mfu", "final_loss"]
    grouped = runs.groupby("arm", sort=False)
    table = grouped[means].mean()
    table["runs"] = grouped.size()
    # Without a price the cost stays empty, and is not the sum of nothing; energy without NVML too.
    sums = ["gpu_hours", "gpu_hours_useful", "energy_kwh", "cost"]
    table[sums] = grouped[sums].sum(min_count=1)
    return table.reset_index()[COLUMNS["training_arms"]]


def main() -> None:
    program = Program(__doc__)
    program.add_input("--summaries", "train/{run}/summary.json", many=True)
    program.add_argument("--cost-per-gpu-hour", type=float, help="price of a GPU-hour")
    program.add_output("--runs", "training_runs.csv to write")
    program.add_output("--arms", "training_arms.csv to write")
    arguments = program.parse()
    with program.recording():
        summaries = [json.loads(path.read_text(encoding="utf-8")) for path in arguments.summaries]
        runs = run_table(summaries, arguments.cost_per_gpu_hour)
        write_csv("training_runs", runs, arguments.runs)
        write_csv("training_arms", arm_table(runs), arguments.arms)


if __name__ == "__main__":
    cli.run(main)
