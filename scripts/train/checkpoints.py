"""Checkpoints in flight: which one a run resumes from, and whose they are.

A checkpoint is whole when its list of files, written last, is there and every file has the size that it says. A folder
of checkpoints belongs to one run: its run.json says of which data, model, settings, seed, code and processes.
"""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from scripts.common.atomic import replacing
from scripts.common.cli import UserError, log

RUN = "run.json"
FILES = "files.json"


@contextmanager
def alone(folder: Path, patience: float = 60) -> Iterator[None]:
    """Hold the lock of a folder of checkpoints, so that an attempt never writes beside one that is still running.

    One that was asked to stop may be saving: it is given `patience` seconds, then UserError is raised. On a file system
    without locks nothing is held.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    # The kernel lets go of it when the process ends; a lock that is a mere file would outlive a killed one.
    lock = FileLock(folder.with_name(f"{folder.name}.lock"), timeout=patience, poll_interval=1, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout:
        raise UserError(
            f"another process still trains this run (it holds '{lock.lock_file}'): wait for it, or end it"
        ) from None
    except OSError as error:
        log.warning("'%s' cannot be locked here (%s): see that nothing else trains this run", lock.lock_file, error)
    try:
        yield
    finally:
        lock.release()


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])


def _checkpoints(folder: Path) -> list[Path]:
    return sorted(folder.glob("checkpoint-*"), key=_step)


def mark_whole(checkpoint: Path) -> None:
    """Say that all files of a checkpoint are written; they reach the disk before this is said."""
    sizes = {
        path.relative_to(checkpoint).as_posix(): path.stat().st_size for path in checkpoint.rglob("*") if path.is_file()
    }
    os.sync()
    with replacing(checkpoint / FILES) as temporary:
        temporary.write_text(json.dumps(sizes), encoding="utf-8")


def is_whole(checkpoint: Path) -> bool:
    """Whether every file of a checkpoint is there in full."""
    try:
        sizes = json.loads((checkpoint / FILES).read_text(encoding="utf-8"))
        return all((checkpoint / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError):
        return False


def newest_whole(folder: Path, before: int | None = None) -> Path | None:
    """Return the newest checkpoint that is whole, or None; with `before` the newest of an earlier step than that."""
    found = (one for one in reversed(_checkpoints(folder)) if before is None or _step(one) < before)
    return next((checkpoint for checkpoint in found if is_whole(checkpoint)), None)


def remove_broken(folder: Path) -> None:
    """Delete checkpoints that a killed attempt left half-written, or half-deleted."""
    for checkpoint in _checkpoints(folder):
        if not is_whole(checkpoint):
            log.warning("%s was not written in full: it is left out", checkpoint)
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
