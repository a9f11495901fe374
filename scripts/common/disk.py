"""What is said where a file or folder cannot be written: the disk is full, or its folder is read-only or another's."""

import errno
import shutil
from pathlib import Path

# What torch and safetensors say when a write comes short: neither says so in the error's type.
FULL = ("No space left", "os error 28", "quota exceeded", "unexpected pos", "file write failed", "iostream error")
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
NO_TEMPORARY = (
    "no folder for temporary files can be written (TMPDIR, /tmp, /var/tmp, this one): make room there, or name one by "
    "TMPDIR"
)
TOO_MANY = (errno.EMFILE, errno.ENFILE)
NOT_ALLOWED = (errno.EACCES, errno.EPERM)


def is_disk_full(error: BaseException, folder: Path) -> bool:
    """Whether an error in writing to `folder` came of a full disk."""
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        return True
    return any(words in str(error) for words in FULL) or shutil.disk_usage(folder).free < 2**20


def is_short_write(error: OSError) -> bool:
    """Whether a write came short for want of room: such an error does not say of which file."""
    return error.errno in (*NO_ROOM, errno.EFBIG) and error.filename is None


def sentence(error: OSError) -> str | None:
    """Return what a full disk, a read-only or a foreign folder, or a limit of this machine's is told by; None for an
    error of another kind."""
    if error.errno == errno.ENOENT and "temporary directory" in str(error):  # Python's words
        return NO_TEMPORARY
    where = f"'{error.filename}'" if error.filename else "a file"
    if error.errno in NO_ROOM:
        return f"the disk is full: {where} could not be written, nothing half-written is left; make room and run again"
    if error.errno == errno.EROFS:
        return f"{where} lies on a read-only file system: mount it for writing, or work in another folder (--directory)"
    if error.errno == errno.EFBIG:
        return f"{where} grows above the size that a file may have here (ulimit -f): raise it, and run again"
    if error.errno in TOO_MANY:
        return "too many files are open at once (ulimit -n): raise the limit, and run again"
    if error.errno == errno.ENAMETOOLONG:
        return f"the name {where} is longer than this file system takes: give a shorter one"
    if error.errno == errno.ESTALE:
        return f"{where} was changed on another machine of this network file system while it was used: run again"
    if error.errno in NOT_ALLOWED and error.filename:
        return (
            f"you may not open or write {where}, which is another user's or read-only: get the right to, or work in a "
            "folder of your own (--directory)"
        )
    return None
