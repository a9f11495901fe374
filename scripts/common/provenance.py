"""Provenance: beside every artefact a JSON file that says what it was made from, by which code, where and when."""

import functools
import importlib.metadata
import json
import os
import platform
import resource
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scripts.common.atomic import replacing
from scripts.common.cli import UserError
from scripts.common.content import sha256_of
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
Record = dict[str, Any]


@functools.cache
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
    return Path(getattr(sys.modules["__main__"], "__file__", None) or "").resolve()


@contextmanager
def recording(
    outputs: Sequence[str | Path],
    inputs: Sequence[str | Path],
    options: Mapping[str, Sequence[str]] | None = None,
    file_options: Mapping[str, Sequence[str]] | None = None,
    choices: Sequence[str] = (),
    **facts: Any,
) -> Iterator[dict[str, Any]]:
    """Write `<output>.provenance.json` for each output when the block has ended without an error.

    `options` are the program's options that name no file, as they were given, `file_options` the flags of those that
    do (read, made); `choices` is code that it runs without importing it by name (`code_digest`'s `also`);
    `facts` (seeds, whatever else matters) are kept as they are, and the yielded dict takes more of them. Programs call
    this through `Program.recording`.

    Raises UserError, before the block, where an input is not what its own record says (a flipped byte, an edit: nothing
    is made from it), and after it where an input has changed meanwhile (what was made from which state, nobody knows).
    """
    started = time.time()
    before = refuse_edited(inputs)
    yield facts
    for path, digest in before.items():
        if not Path(path).exists() or sha256_of(path) != digest:
            raise UserError(f"'{path}' was changed while it was read: run again, now that it is as it should be")
    script = _script()
    own = script.is_relative_to(ROOT / "scripts")
    # ru_maxrss is in KiB on Linux; children count apart (accelerate launch trains in one).
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    record = {
        "program": script.relative_to(ROOT).as_posix() if own else script.name,
        "choices": list(choices),
        "code_digest": code_digest(script.relative_to(ROOT), also=choices) if own else None,
        "options": dict(options or {}),
        "file_options": dict(file_options or {}),
        "inputs": {str(path): sha256_of(path) for path in inputs},
        "packages": _versions(),
        "hardware": hardware(),
        "started": datetime.fromtimestamp(started, UTC).isoformat(timespec="seconds"),
        "seconds": round(time.time() - started, 2),
        "peak_memory_mib": round(peak / 1024, 1),
        **facts,
    }
    for output in outputs:
        own_hash = {"artefact": str(output), "sha256": sha256_of(output)}
        with replacing(f"{output}{SUFFIX}") as temporary:
            temporary.write_text(json.dumps({**own_hash, **record}, indent=2) + "\n", encoding="utf-8")


def refuse_edited(paths: Iterable[str | Path]) -> dict[str | Path, str]:
    """Return the hashes of those paths that are there. Raises UserError where one is not what its own record says."""
    hashes = {path: sha256_of(path) for path in paths if Path(path).exists()}
    for path, digest in hashes.items():
        record = Path(f"{path}{SUFFIX}")
        if record.is_file() and read_record(record).get("sha256", digest) != digest:
            raise UserError(
                f"'{path}' is not what its program wrote (damaged, or edited by hand): delete it, and the next run "
                "makes it anew"
            )
    return hashes


def read_records(results: Path) -> dict[str, Record]:
    """Return the provenance of every artefact in an experiment's results folder, by the artefact's path.

    Raises UserError for a record that cannot be read.
    """
    records = (read_record(file) for file in sorted(results.rglob(f"*{SUFFIX}")))
    return {record["artefact"]: record for record in records}


def read_record(file: Path) -> Record:
    """Return the provenance in one file. Raises UserError for a record that cannot be read."""
    try:
        record: Record = json.loads(file.read_text(encoding="utf-8"))
        record["artefact"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"the record '{file}' is damaged: delete it and what it is of, and run again") from error
    return record


def disagreements(records: Mapping[str, Record]) -> list[str]:
    """Return a sentence for every file that two artefacts were made from different states of.

    A record's own artefact counts too: what was made from it must have seen it as it is.
    """
    states: dict[str, dict[str, list[str]]] = {}
    for artefact, record in records.items():
        if "sha256" in record:
            states.setdefault(artefact, {}).setdefault(record["sha256"], []).append("its own record")
        for path, digest in record["inputs"].items():
            states.setdefault(path, {}).setdefault(digest, []).append(artefact)
    return [
        f"'{path}' has {len(seen)} states: {'; '.join(_who(digest, users) for digest, users in seen.items())}"
        for path, seen in states.items()
        if len(seen) > 1
    ]


def _who(digest: str, users: list[str]) -> str:
    more = f" and {len(users) - 2} more" if len(users) > 2 else ""
    return f"{digest[:8]} in {', '.join(users[:2])}{more}"
