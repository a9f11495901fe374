"""Checkpoints in flight: which one a run resumes from, and whose they are.

A checkpoint is whole when its list of files, written last, is there and every file has the size that it says; before a
run resumes, `remove_broken` also holds every file against the hash that the list has of it. A folder of checkpoints
belongs to one run: its run.json says of which data, model, settings, seed, code and processes.
"""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import xxhash
from pydantic import TypeAdapter

from scripts.common import locks
from scripts.common.atomic import replacing
from scripts.common.cli import log

RUN = "run.json"
FILES = "files.json"


@contextmanager
def alone(folder: Path, patience: float = 60) -> Iterator[None]:
    """Hold the lock of a folder of checkpoints, so that an attempt never writes beside one that is still running.

    One that was asked to stop may be saving: it is given `patience` seconds, then TryAgain is raised. On a file system
    without locks nothing is held.
    """
    file = folder.with_name(f"{folder.name}.lock")
    held = f"another process still trains this run (it holds '{file}'): wait for it, or end it"
    taken = locks.lock(file, lambda: held, patience)
    try:
        yield
    finally:
        taken.release()


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])


def _checkpoints(folder: Path) -> list[Path]:
    return sorted(folder.glob("checkpoint-*"), key=_step)


def mark_whole(checkpoint: Path) -> None:
    """Say that all files of a checkpoint are written; they reach the disk before this is said."""
    os.sync()
    files = [path for path in sorted(checkpoint.rglob("*")) if path.is_file()]
    known = {path.relative_to(checkpoint).as_posix(): [path.stat().st_size, _hash(path)] for path in files}
    with replacing(checkpoint / FILES) as temporary:
        temporary.write_text(json.dumps(known), encoding="utf-8")


def _hash(file: Path) -> str:
    """Return the XXH3 hash of a file (128 bits, hex): for chance, not against malice; as fast as the disk."""
    digest = xxhash.xxh3_128()
    with file.open("rb") as stream:
        while block := stream.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def _files(checkpoint: Path) -> dict[str, tuple[int, str]]:
    """Return size in bytes and hash of every file of a checkpoint, as its list says. Raises OSError, ValueError."""
    known = json.loads((checkpoint / FILES).read_text(encoding="utf-8"))
    return TypeAdapter(dict[str, tuple[int, str]]).validate_python(known)


def is_whole(checkpoint: Path) -> bool:
    """Whether every file of a checkpoint is there in full, by its size."""
    try:
        return all((checkpoint / name).stat().st_size == size for name, (size, _) in _files(checkpoint).items())
    except (OSError, ValueError):
        return False


def changed_file(checkpoint: Path) -> str | None:
    """Return a file of a whole checkpoint that is not as it was written, by its hash, or None."""
    return next(
        (name for name, (_, written) in _files(checkpoint).items() if _hash(checkpoint / name) != written), None
    )


def newest_whole(folder: Path, before: int | None = None) -> Path | None:
    """Return the newest checkpoint that is whole, or None; with `before` the newest of an earlier step than that.

    Whether its bytes are right `remove_broken` has looked.
    """
    found = (one for one in reversed(_checkpoints(folder)) if before is None or _step(one) < before)
    return next((checkpoint for checkpoint in found if is_whole(checkpoint)), None)


def remove_broken(folder: Path) -> None:
    """Delete checkpoints that a killed attempt left half-written, or half-deleted, and those whose bytes have changed.

    Reads each in full, once an attempt: what is left is then as it was written.
    """
    for checkpoint in _checkpoints(folder):
        if not is_whole(checkpoint):
            log.warning("%s was not written in full: it is left out, the one before it counts", checkpoint)
        elif name := changed_file(checkpoint):
            log.warning(
                "%s is damaged ('%s' is not as it was written, its hash differs): it is left out, the one before it "
                "counts",
                checkpoint,
                name,
            )
        else:
            continue
        shutil.rmtree(checkpoint)


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(value, dict):
        return {prefix: value}
    return {
        key: leaf for name, inner in value.items() for key, leaf in _flat(inner, f"{prefix}.{name}".strip(".")).items()
    }


def claim(folder: Path, identity: dict[str, Any]) -> None:
    """Make `folder` the one of the run with this identity (what it depends on, as JSON).

    What another run left there is not resumed from: one sentence says so and why, and it is set aside.
    """
    note = folder / RUN
    # As it comes back from the file: a tuple is a list there.
    identity = json.loads(json.dumps(identity))
    if folder.is_dir():
        try:
            found = json.loads(note.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            found = {}
        if found == identity:
            return
        mine, theirs = _flat(identity), _flat(found)
        differs = sorted(key for key in mine.keys() | theirs.keys() if mine.get(key) != theirs.get(key))
        aside = next(
            place
            for number in range(1, 10**6)
            if not (place := folder.with_name(f"{folder.name}-set-aside-{number}")).exists()
        )
        folder.rename(aside)
        log.warning(
            "the checkpoints in '%s' belong to another run (other: %s): this one starts anew, they are set aside as "
            "'%s' and may be deleted",
            folder,
            ", ".join(differs),
            aside,
        )
    folder.mkdir(parents=True)
    with replacing(note) as temporary:
        temporary.write_text(json.dumps(identity, indent=2), encoding="utf-8")
