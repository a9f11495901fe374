"""micro through Snakemake with one GPU, to the report."""

import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from scripts.common.digest import ROOT

LEFT = shutil.ignore_patterns(".git", ".venv*", "results", "work", "logs", "models", ".snakemake")


def cases(smoke: bool) -> list[dict[str, Any]]:
    """Return the one experiment; none for the smoke test: the tests run micro without a GPU."""
    return [] if smoke else [{"experiment": "micro", "gpus": 1}]


def measure(case: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return its seconds, and whether the PDF is there."""
    checkout = folder / "checkout"
    shutil.copytree(ROOT, checkout, ignore=LEFT)
    settings = yaml.safe_load((ROOT / f"experiments/{case['experiment']}.yaml").read_text(encoding="utf-8"))
    settings.setdefault("training", {})["gpus"] = case["gpus"]
    (checkout / "gpu.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    command = [sys.executable, "-m", "snakemake", "--cores", "8", "--resources", "gpu=1", "--configfile", "gpu.yaml"]
    started = time.monotonic()
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    report = checkout / "results" / settings["name"] / "report" / "report.pdf"
    return {"seconds": round(time.monotonic() - started, 1), "report": report.exists()}
