"""What training took: training_runs.csv (a row per run) and training_arms.csv (the mean of an arm's runs)."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from scripts.common import cli
from scripts.common.provenance import recording
from scripts.report.report_tables import COLUMNS, write_report_table


def run_table(summaries: Sequence[dict[str, Any]], cost_per_gpu_hour: float | None) -> pd.DataFrame:
    """Return the table training_runs from the runs' summary.json files."""
    runs = pd.DataFrame(summaries)
    runs["cost"] = None if cost_per_gpu_hour is None else runs["gpu_hours"] * cost_per_gpu_hour
    return runs[COLUMNS["training_runs"]]


def arm_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the table training_arms: means over runs; GPU-hours, energy and cost are sums."""
    runs = runs.astype(dict.fromkeys(("cost", "mfu", "energy_kwh"), float))
    means = ["rows", "tokens", "trained_tokens", "packing_efficiency", "steps", "epochs", "seconds"]
    means += ["tokens_per_second", "mfu", "final_loss"]
    grouped = runs.groupby("arm", sort=False)
    table = grouped[means].mean()
    table["runs"] = grouped.size()
    # Without a price the cost stays empty, and is not the sum of nothing; energy without NVML too.
    sums = ["gpu_hours", "gpu_hours_useful", "energy_kwh", "cost"]
    table[sums] = grouped[sums].sum(min_count=1)
    return table.reset_index()[COLUMNS["training_arms"]]


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--summaries", type=Path, nargs="+", required=True, help="train/{run}/summary.json")
    parser.add_argument("--cost-per-gpu-hour", type=float, help="price of a GPU-hour")
    parser.add_argument("--runs", type=Path, required=True, help="training_runs.csv to write")
    parser.add_argument("--arms", type=Path, required=True, help="training_arms.csv to write")
    arguments = parser.parse_args()
    with recording(outputs=[arguments.runs, arguments.arms], inputs=arguments.summaries):
        summaries = [json.loads(path.read_text(encoding="utf-8")) for path in arguments.summaries]
        runs = run_table(summaries, arguments.cost_per_gpu_hour)
        write_report_table("training_runs", runs, arguments.runs)
        write_report_table("training_arms", arm_table(runs), arguments.arms)


if __name__ == "__main__":
    cli.run(main)
