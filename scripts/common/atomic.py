"""Outputs appear whole or not at all: written under a temporary name, renamed when complete."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from scripts.common import disk

# Begins temporary names. Then come machine and process: two machines on a shared disk may have the same process number.
INCOMPLETE = ".incomplete-"


def remove(path: Path) -> None:
    """Delete a file, a link or a whole folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def is_alive(process: int) -> bool:
    """Whether this machine has a process of that number."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def temporary_name(target: Path, process: int) -> str:
    """Return the name under which a process of this machine writes `target`."""
    return f"{INCOMPLETE}{os.uname().nodename}-{process}-{target.name}"


def remove_leftovers(target: Path) -> None:
    """Delete what writers of `target` left that were killed on this machine; another machine's may be alive."""
    for leftover in target.parent.glob(f"{INCOMPLETE}*"):
        number = leftover.name.removesuffix(f"-{target.name}").rpartition("-")[2]
        if number.isdigit() and leftover.name == temporary_name(target, int(number)) and not is_alive(int(number)):
            remove(leftover)


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` on success, delete it on any error.

    The caller makes a file or a folder there. The suffix is kept, since several writers choose their format by it.
    """
    target = Path(path)
    temporary = target.with_name(temporary_name(target, os.getpid()))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(target)
        remove(temporary)
        yield temporary
        if temporary.is_dir() and target.is_dir():
            shutil.rmtree(target)
        temporary.replace(target)
    except BaseException as error:
        if isinstance(error, OSError) and (error.filename == str(temporary) or disk.is_short_write(error)):
            error.filename = str(target)  # what the sentence about it names
        with suppress(OSError):
            remove(temporary)
        raise
