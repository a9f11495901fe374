"""A lock on a file, the operating system's: it is let go when its process ends, however it ends."""

import errno
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock, Timeout

from scripts.common import disk
from scripts.common.cli import TryAgain, UserError, log

NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)


def lock(path: Path, held: Callable[[], str], patience: float = 0) -> FileLock:
    """Return the lock of the file `path`, taken.

    Raises TryAgain in the words of `held` where another process has it for longer than `patience` seconds, UserError
    where the file cannot be written. On a file system without locks (some network file systems) a sentence says so,
    and nothing is held.
    """
    # A lock that is a mere file, filelock's way out there, would outlive a killed process.
    taken = FileLock(path, timeout=patience, poll_interval=1, fallback_to_soft=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        taken.acquire()
    except Timeout:
        raise TryAgain(held()) from None
    except OSError as error:
        if error.errno in NO_LOCKS:
            log.warning(
                "the file system of '%s' has no locks (flock: %s): see that nothing else works in this folder, nothing "
                "here can tell",
                path.parent,
                error.strerror,
            )
        elif said := disk.sentence(error):
            raise UserError(said) from error
        else:
            raise
    return taken
