"""Provenance: beside every artefact a JSON file that says what it was made from, by which code, where and when."""

import functools
import hashlib
import importlib.metadata
import json
import os
import platform
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scripts.common.atomic import replacing
from scripts.common.digest import ROOT, code_digest

PACKAGES = [
    "torch",
    "transformers",
    "trl",
    "datasets",
    "accelerate",
    "vllm",
    "lighteval",
    "pandas",
    "polars",
    "pyarrow",
    "typst",
]
SUFFIX = ".provenance.json"


@functools.cache
def sha256_of(path: str | Path) -> str:
    """Return the SHA-256 of a file, or of a folder's sorted file names and contents, as hex.

    Taken once a process: a job's fingerprint and its provenance name the same inputs, and a model is gigabytes.
    """
    path = Path(path)
    if path.is_file():
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    digest = hashlib.sha256()
    for part in sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith(".")):
        digest.update(f"{part.relative_to(path).as_posix()} {sha256_of(part)}\n".encode())
    return digest.hexdigest()


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def hardware() -> dict[str, Any]:
    """Return the machine's processor count, memory in GiB and, where torch is loaded, its GPUs by name."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    facts: dict[str, Any] = {"machine": platform.machine(), "cpus": os.cpu_count(), "memory_gib": round(memory, 1)}
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        facts["gpus"] = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return facts


def _script() -> Path:
    return Path(sys.modules["__main__"].__file__ or "").resolve()


@contextmanager
def recording(outputs: Sequence[str | Path], inputs: Sequence[str | Path], **facts: Any) -> Iterator[dict[str, Any]]:
    """Write `<output>.provenance.json` for each output when the block has ended without an error.

    `facts` (seeds, settings, whatever else matters) are kept as they are; the yielded dict takes more of them.
    """
    started = time.time()
    yield facts
    script = _script()
    own = script.is_relative_to(ROOT / "scripts")
    # ru_maxrss is in KiB on Linux; children count apart (accelerate launch trains in one).
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    record = {
        "program": script.relative_to(ROOT).as_posix() if own else script.name,
        "code_digest": code_digest(script.relative_to(ROOT)) if own else None,
        "inputs": {str(path): sha256_of(path) for path in inputs},
        "packages": _versions(),
        "hardware": hardware(),
        "started": datetime.fromtimestamp(started, UTC).isoformat(timespec="seconds"),
        "seconds": round(time.time() - started, 2),
        "peak_memory_mib": round(peak / 1024, 1),
        **facts,
    }
    for output in outputs:
        with replacing(f"{output}{SUFFIX}") as temporary:
            temporary.write_text(json.dumps({"artefact": str(output), **record}, indent=2) + "\n", encoding="utf-8")
