"""What a finished run took, rule by rule, and how long a plan takes when there is nothing to do.

Reads the benchmark files that Snakemake wrote under logs/<name>/ and times `snakemake --dry-run` on that experiment.
"""

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from scripts.common import cli
from scripts.common.program import Program
from scripts.common.provenance import hardware


def jobs_by_rule(logs: Path) -> pd.DataFrame:
    """Return a row per rule: jobs, seconds (sum and longest) and the peak memory of one job in MiB."""
    rows = []
    for file in sorted(logs.rglob("*.benchmark.tsv")):
        last = pd.read_csv(file, sep="\t", na_values="-").iloc[-1]
        # logs/<name>/evaluate/{model}/{benchmark}.benchmark.tsv belongs to the stage's one rule.
        rule = file.name.split(".")[0] if file.parent.parent == logs else "evaluate_model"
        rows.append({"rule": rule, "seconds": last["s"], "peak_memory_mib": last["max_rss"]})
    table = pd.DataFrame(rows).groupby("rule")
    summary = table.agg(
        jobs=("seconds", "size"),
        seconds=("seconds", "sum"),
        longest=("seconds", "max"),
        peak_memory_mib=("peak_memory_mib", "max"),
    )
    return summary.sort_values("seconds", ascending=False).round(1)


def plan_seconds(config: Path, repeats: int) -> list[float]:
    """Return the wall-clock seconds of dry runs, start of Python included. Raises RuntimeError if a job is planned."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        command = [sys.executable, "-m", "snakemake", "--dry-run", "--configfile", str(config)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        times.append(round(time.perf_counter() - start, 2))
        if "Nothing to be done" not in done.stdout + done.stderr:
            raise RuntimeError("this run is not finished: jobs are planned")
    return times


def main() -> None:
    parser = Program(__doc__)
    parser.add_argument("--config", type=Path, default=Path("config.yaml"), help="the experiment, run to the end")
    parser.add_argument("--repeats", type=int, default=5, help="dry runs")
    arguments = parser.parse_args()
    name = yaml.safe_load(arguments.config.read_text(encoding="utf-8"))["name"]
    table = jobs_by_rule(Path("logs") / name)
    times = plan_seconds(arguments.config, arguments.repeats)
    figures: dict[str, Any] = {
        "hardware": hardware(),
        "jobs": int(table["jobs"].sum()),
        "job_seconds": float(table["seconds"].sum()),
        "peak_memory_mib": float(table["peak_memory_mib"].max()),
        "noop_plan_seconds": times,
        "noop_plan_seconds_median": statistics.median(times),
    }
    print(table.to_string())
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    cli.run(main)
