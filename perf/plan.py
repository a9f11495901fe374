"""How long Snakemake and the plan take, and how much memory, for an experiment of about 10,000 jobs.

20 subsets, 5 seeds, 12 benchmarks of 8 shards, without controls: 101 models. Its file and its question files lie in a
temporary folder, nothing is run. Printed as JSON: seconds on the clock, core seconds and peak memory (MiB, of the
largest process) of each command, the number of jobs, and the load of the machine at the start.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from scripts.common import cli
from scripts.common.program import Program
from scripts.common.provenance import hardware
from scripts.manage.graph import planned_jobs


def experiment(folder: Path, subsets: int, seeds: int, benchmarks: int, shards: int) -> dict[str, Any]:
    """Return the keys of the experiment; its question files are written into `folder`."""
    file = folder / "questions.jsonl"
    file.write_text("".join(json.dumps({"question": f"{n} + 1?", "answer": n + 1}) + "\n" for n in range(100)))
    return {
        "name": "perf-plan",
        "title": "Many jobs",
        "dataset": {"source": "hub", "path": "owner/rows", "revision": "main"},
        "pool": {"score_rows": 4000, "decontaminate": {"against": []}},
        "model": {"name": "owner/Model-3B", "revision": "main"},
        "subsets": {
            f"s{n}": {"method": "limopro", "size": 1000} if n % 2 else {"method": "random", "size": 1000}
            for n in range(subsets)
        },
        "controls": [],
        "training": {"seeds": list(range(1, seeds + 1)), "gpus": 1},
        "evaluation": {"benchmarks": {f"b{n}": {"path": str(file), "shards": shards} for n in range(benchmarks)}},
        "resources": {"score_steps": {"gpus": 1}, "evaluate_model": {"gpus": 1}},
    }


def measure(command: list[str]) -> dict[str, float]:
    """Return seconds, core seconds and peak MiB of a command and what it starts. Raises CalledProcessError."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    # wait4 counts this process and those that it waited for; ru_maxrss is the largest one's, in KiB.
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    if process_code := os.waitstatus_to_exitcode(status):
        raise subprocess.CalledProcessError(process_code, command)
    return {
        "seconds": round(seconds, 1),
        "core_seconds": round(usage.ru_utime + usage.ru_stime, 1),
        "peak_memory_mib": round(usage.ru_maxrss / 1024),
    }


def main() -> None:
    parser = Program(__doc__)
    for name, default in (("subsets", 20), ("seeds", 5), ("benchmarks", 12), ("shards", 8)):
        parser.add_argument(f"--{name}", type=int, default=default, help=f"how many (default: {default})")
    arguments = parser.parse_args()
    figures: dict[str, Any] = {"hardware": hardware(), "load": [round(one, 1) for one in os.getloadavg()]}
    with tempfile.TemporaryDirectory() as name:
        sizes = (arguments.subsets, arguments.seeds, arguments.benchmarks, arguments.shards)
        config = Path(name) / "experiment.yaml"
        config.write_text(yaml.safe_dump(experiment(Path(name), *sizes)), encoding="utf-8")
        snakemake = [sys.executable, "-m", "snakemake", "--dry-run", "--quiet", "all", "--configfile", str(config)]
        commands = {
            "snakemake --dry-run": snakemake,
            "snakemake --dry-run --profile profiles/slurm": [*snakemake, "--profile", "profiles/slurm"],
            "scripts.manage.plan": [sys.executable, "-m", "scripts.manage.plan", "--config", str(config)],
        }
        figures["jobs"] = len(planned_jobs(config))
        figures["commands"] = {what: measure(command) for what, command in commands.items()}
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    cli.run(main)
