"""What every program shares: a log on stderr, progress bars, exit codes.

Exit code 0 means the outputs are complete, 2 that the user has something to mend (one sentence, no
traceback), 75 (sysexits.h: EX_TEMPFAIL) that there is nothing to mend and the next attempt goes on (one
sentence), anything else a fault (with its traceback).
"""

import gc
import io
import logging
import os
import select
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, TypeVar

from scripts.common import disk

Item = TypeVar("Item")

log = logging.getLogger("sft-report")


class UserError(Exception):
    """A mistake of the user's: what is wrong, where, and what to do, in one sentence."""


class TryAgain(UserError):
    """Nobody's mistake, such as a time limit: the same job, started again, goes on or ends well."""


def run(main: Callable[[], None]) -> NoReturn:
    """Run `main` as a program: log to stderr, turn a `UserError`, or a file that cannot be
    written, into one sentence and exit code 2, or 75."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal that lacks a letter, a path that is no UTF-8
        sys.stdout.reconfigure(errors="backslashreplace")
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    for noisy in ("httpx", "httpx2", "urllib3", "filelock", "fontTools"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        main()
        if sys.stdout:  # closed, it is None
            sys.stdout.flush()
    except TryAgain as stop:
        _end(str(stop), "stopped", os.EX_TEMPFAIL)
    except UserError as mistake:
        _end(str(mistake))
    except MemoryError as error:
        what = f" ({error})" if str(error) else ""
        _end(f"memory ran out{what}: give the job more (resources: memory; ulimit -v)", "stopped", os.EX_TEMPFAIL)
    except BrokenPipeError:
        _end_unread()
        raise
    except OSError as error:
        if said := disk.sentence(error):
            _end(said)
        raise
    sys.exit(0)


def _end_unread() -> None:
    """End in silence where what read this program's words has gone, as `head` goes; return where it is another pipe."""
    looks = select.poll()
    looks.register(1, 0)
    if any(event & select.POLLERR for _, event in looks.poll(0)):
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or Python would tell of it when it ends
        sys.exit(128 + signal.SIGPIPE)


def _end(sentence: str, word: str = "error", code: int = 2) -> NoReturn:
    from tqdm import tqdm

    # On a line of its own also where a progress bar stands: a run's last lines are read from there.
    tqdm.write(f"{word}: {sentence}", file=sys.stderr)
    sys.exit(code)


@contextmanager
def heavy_imports() -> Iterator[None]:
    """Import torch, lighteval and the like inside this block: the garbage collector stays out of the way.

    It would search their million lasting objects again and again, now and at exit: lighteval.pipeline takes 7.1 s of a
    process with it and 4.5 s without.
    """
    was_on = gc.isenabled()  # not where another such block is around this one
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.freeze()
            gc.enable()


def progress(items: Iterable[Item], what: str, unit: str = "it", total: int | None = None) -> Iterator[Item]:
    """Yield `items` under a progress bar on stderr; at most a line every ten seconds when stderr is a file."""
    return iter(_bar(items, desc=what, unit=unit, total=total))


def progress_bar(total: int, what: str, unit: str, work: str | None = None) -> Any:
    """Return such a bar to be moved by hand (tqdm's `update`, also by 0): what was done comes in no order.

    `work` is what rate and time left are counted in, where that is not the items (`scripts.common.progress`).
    """
    return _bar(None, desc=what, unit=unit, total=total, miniters=0, work=work)


def _bar(items: Iterable[Item] | None, **options: Any) -> Any:
    from scripts.common.progress import Bar

    return Bar(items, mininterval=0.5 if sys.stderr.isatty() else 10.0, file=sys.stderr, **options)
