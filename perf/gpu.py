"""What a GPU reaches: training, scoring and answering of the 3B shape, each case in a process of its own.

    python -m perf.gpu --output docs/measured/gpu.jsonl --budget 840

Stages run in order of value (perf/gpu_stages). A line of JSON is written when a case ends, so that a run that is cut
off keeps what it has; a case that no longer fits into the budget is dropped and said to be. At the end a table, with
the share of the matrix rate measured on the same card. --smoke goes the same way on a CPU in two minutes, with tiny
shapes: its figures say nothing. Needs no network; perf/gpu_bundle.sh packs what an offline machine lacks.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from perf.gpu_stages import STAGES
from scripts.common import cli
from scripts.common.program import Program
from scripts.common.provenance import hardware
from scripts.manage.text import aligned

Line = dict[str, Any]


def run_case(stage: str, case: dict[str, Any], limit: float) -> Line:
    """Return a case's figures, or why there are none."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "figures.json")
        command = [
            sys.executable,
            "-m",
            "perf.gpu",
            "--stage",
            stage,
            "--case",
            json.dumps(case),
            "--output",
            str(place),
        ]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=limit)
        except subprocess.TimeoutExpired:
            return {"failed": f"ended after {limit:.0f} s"}
        if done.returncode or not place.exists():
            return {"failed": (done.stderr.strip().splitlines() or ["killed"])[-1][:300]}
        return dict(json.loads(place.read_text(encoding="utf-8")))


def run_all(smoke: bool, budget: float, only: list[str] | None = None) -> Iterator[Line]:
    """Yield a line for each case as it ends, or for one that was dropped because `budget` seconds are spent."""
    started = time.monotonic()
    for name, stage in STAGES.items():
        for case in stage.cases(smoke) if not only or name in only else []:
            left = budget - (time.monotonic() - started)
            line = {"stage": name, **case}
            if left < stage.expected and not smoke:
                yield {**line, "dropped": f"{max(left, 0):.0f} s left"}
                continue
            began = time.monotonic()
            figures = run_case(name, case, budget if smoke else min(stage.limit, left))
            yield {**line, **figures, "wall_seconds": round(time.monotonic() - began, 1)}


def table(lines: list[Line]) -> list[str]:
    """Return the lines of a table: stage, case, tokens/s, TFLOP/s and its share of the measured matrix rate, memory."""
    ceiling = next((line["matrix_flops_per_second"] for line in lines if "matrix_flops_per_second" in line), None)
    rows = [["stage", "case", "tokens/s", "TFLOP/s", "of the matrix rate", "MiB"]]
    given = {"stage", "tokens_per_second", "flops_per_second", "peak_memory_mib", "wall_seconds", "shape"}
    for line in lines:
        stage = STAGES[line["stage"]]
        keys = [key for key in line if key not in given and any(key in case for case in stage.cases(False))]
        rate, flops, memory = (line.get(key) for key in ("tokens_per_second", "flops_per_second", "peak_memory_mib"))
        said = line.get("failed") or line.get("dropped") or line.get("skipped")
        rows.append(
            [
                line["stage"],
                " ".join(f"{key}={line[key]}" for key in keys),
                said or (f"{rate:,.0f}" if rate else ""),
                f"{flops / 1e12:.3g}" if flops else "",
                f"{flops / ceiling:.1%}" if flops and ceiling else "",
                f"{memory:,.0f}" if memory else "",
            ]
        )
    return aligned(rows, left=(0, 1))


def main() -> None:
    parser = Program(__doc__)
    parser.add_argument("--output", type=Path, required=True, help="JSON lines to add to")
    parser.add_argument("--budget", type=float, default=840, help="seconds that all may take (default: 840)")
    parser.add_argument("--smoke", action="store_true", help="tiny shapes, on a CPU too")
    parser.add_argument("--only", nargs="+", choices=list(STAGES), help="only these stages")
    parser.add_argument("--stage", help=argparse.SUPPRESS)
    parser.add_argument("--case", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        with tempfile.TemporaryDirectory() as folder:
            figures = STAGES[arguments.stage].measure(json.loads(arguments.case), Path(folder))
        arguments.output.write_text(json.dumps(figures), encoding="utf-8")
        return
    found = []
    with arguments.output.open("a", encoding="utf-8") as stream:
        stream.write(
            json.dumps({"date": time.strftime("%Y-%m-%d"), "hardware": hardware(), "smoke": arguments.smoke}) + "\n"
        )
        for line in run_all(arguments.smoke, arguments.budget, arguments.only):
            stream.write(json.dumps(line) + "\n")
            stream.flush()
            cli.log.info("%s", json.dumps(line))
            found.append(line)
    print("\n".join(table(found)))
    if arguments.smoke and (failed := [line for line in found if "failed" in line]):
        sys.exit(f"{len(failed)} cases failed, the first: {json.dumps(failed[0])}")


if __name__ == "__main__":
    cli.run(main)
