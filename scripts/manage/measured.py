"""Seconds that jobs took, from the benchmark files that Snakemake writes beside their logs."""

import json
from pathlib import Path


def seconds_in(file: Path) -> float | None:
    """Return the seconds of the last attempt that a benchmark file tells, or None where it is not one."""
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    if len(lines) < 2 or not lines[0].startswith("s\t"):
        return None
    try:
        return float(lines[-1].split("\t")[0])
    except ValueError:
        return None


def benchmark_files(logs: Path) -> dict[str, float]:
    """Return the seconds of every benchmark file below logs/<name>/, by the file's name."""
    read = {file.name: seconds_in(file) for file in sorted(logs.glob("*/*.benchmark.tsv"))}
    return {name: seconds for name, seconds in read.items() if seconds is not None}


def training_seconds(results: Path) -> dict[str, float]:
    """Return the seconds that runs spent in all their attempts, by the names of their benchmark files (these tell
    of the last attempt only)."""
    found = {}
    for file in results.glob("train/*/summary.json"):
        try:
            spent = float(json.loads(file.read_text(encoding="utf-8"))["seconds_spent"])
        except (OSError, ValueError, KeyError, TypeError):  # damaged, or of a version that did not tell
            continue
        found[f"train_sft.{file.parent.name}.benchmark.tsv"] = spent
    return found


def seconds_by_rule(logs: Path) -> dict[str, list[float]]:
    """Return the seconds of the jobs of all experiments below logs/, by rule."""
    found: dict[str, list[float]] = {}
    for folder in sorted(path for path in logs.glob("*") if path.is_dir()):
        for name, seconds in benchmark_files(folder).items():
            found.setdefault(name.split(".")[0], []).append(seconds)
    return found
