"""Outputs appear whole or not at all: written under a temporary name, renamed when complete."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Begins temporary names. Then come machine and process: two machines on a shared disk may have the same process number.
INCOMPLETE = ".incomplete-"


def remove(path: Path) -> None:
    """Delete a file, a link or a whole folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` on success, delete it on any error.

    The caller makes a file or a folder there. The suffix is kept, since several writers choose their format by it.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f"{INCOMPLETE}{os.uname().nodename}-{os.getpid()}-{target.name}")
    remove(temporary)
    try:
        yield temporary
        if temporary.is_dir() and target.is_dir():
            shutil.rmtree(target)
        temporary.replace(target)
    except BaseException:
        remove(temporary)
        raise
