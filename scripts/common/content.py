"""What is in a file or folder, as a hash that is remembered: a model of gigabytes is read once, not at every planning.

A hash is remembered by the file's size, times of change (mtime and ctime) and inode. `cp -p` and `touch -d` can give
a changed file its old mtime back; its ctime is the operating system's own.
"""

import hashlib
import json
from pathlib import Path

from scripts.common.atomic import replacing

MEMORY = Path("work") / "hashes"
"""Where hashes are remembered, in the working folder. It may be deleted: all files are then read again."""
SMALL = 2**20
"""Bytes; a smaller file is read again faster than its hash is looked up."""

# Hashes of this process: a job's fingerprint and its provenance name the same inputs.
_KNOWN: dict[tuple[str, tuple[int, ...]], str] = {}


def sha256_of(path: str | Path) -> str:
    """Return the SHA-256 of a file, or of a folder's sorted file names and contents, as hex; hidden files left out.

    Raises FileNotFoundError where there is nothing.
    """
    path = Path(path)
    if not path.is_dir():
        return _file_hash(path)
    digest = hashlib.sha256()
    for part in sorted(p for p in path.rglob("*") if p.is_file() and not _is_hidden(p.relative_to(path))):
        digest.update(f"{part.relative_to(path).as_posix()} {_file_hash(part)}\n".encode())
    return digest.hexdigest()


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _file_hash(path: Path) -> str:
    stat = path.stat()
    if stat.st_size < SMALL:
        return _read(path)
    seen = (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)
    if (key := (str(path.absolute()), seen)) not in _KNOWN:
        _KNOWN[key] = _remembered(path, list(seen))
    return _KNOWN[key]


def _remembered(path: Path, seen: list[int]) -> str:
    memory = MEMORY / f"{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:32]}.json"
    try:
        known = json.loads(memory.read_text(encoding="utf-8"))
        if known["seen"] == seen:
            return str(known["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # not remembered, or damaged: read the file
    digest = _read(path)
    try:
        with replacing(memory) as temporary:
            temporary.write_text(json.dumps({"path": str(path), "seen": seen, "sha256": digest}), encoding="utf-8")
    except OSError:
        pass  # a folder that cannot be written to: the file is read again next time
    return digest


def _read(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
