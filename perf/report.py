"""Seconds that rendering the report from ready tables takes, by the fallback engine.

python -m perf.report --results results/demo
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from scripts.common import cli
from scripts.common.program import Program


def main() -> None:
    parser = Program(__doc__)
    parser.add_argument("--results", type=Path, required=True, help="the results folder of a finished experiment")
    parser.add_argument("--repeats", type=int, default=3, help="renderings of each form")
    arguments = parser.parse_args()
    report = arguments.results / "report"
    options = ["--results", arguments.results, "--experiment", report / "experiment.json"]
    options += ["--findings", report / "findings.md", "--templates", "report", "--engine", "pandoc"]
    with tempfile.TemporaryDirectory() as folder:
        for form in ("pdf", "html"):
            seconds = []
            for _ in range(arguments.repeats):
                started = time.perf_counter()
                command = [
                    sys.executable,
                    "-m",
                    "scripts.report.render_report",
                    *options,
                    "--report",
                    f"{folder}/r.{form}",
                ]
                subprocess.run(list(map(str, command)), check=True, stderr=subprocess.DEVNULL)
                seconds.append(time.perf_counter() - started)
            size = Path(folder, f"r.{form}").stat().st_size
            print(f"{form}: median {statistics.median(seconds):.1f} s, largest {max(seconds):.1f} s, {size:,} bytes")


if __name__ == "__main__":
    cli.run(main)
