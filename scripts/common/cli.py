"""What every program shares: a parser whose help is the module's docstring, a log on stderr, exit codes.

Exit code 0 means the outputs are complete, 2 that the user has something to mend (one sentence, no
traceback), anything else a fault (with its traceback).
"""

import argparse
import gc
import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, TypeVar

Item = TypeVar("Item")

log = logging.getLogger("sft-report")


class UserError(Exception):
    """A mistake of the user's: what is wrong, where, and what to do, in one sentence."""


def parser(docstring: str | None) -> argparse.ArgumentParser:
    """Return a parser that shows `docstring` (the module's) as its help text."""
    return argparse.ArgumentParser(description=docstring, formatter_class=argparse.RawDescriptionHelpFormatter)


def run(main: Callable[[], None]) -> NoReturn:
    """Run `main` as a program: log to stderr, turn a `UserError` into one sentence and exit code 2."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    for noisy in ("httpx", "urllib3", "filelock", "fontTools"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        main()
    except UserError as mistake:
        print(f"error: {mistake}", file=sys.stderr)
        sys.exit(2)
    sys.exit(0)


@contextmanager
def heavy_imports() -> Iterator[None]:
    """Import torch, lighteval and the like inside this block: the garbage collector stays out of the way.

    It would search their million lasting objects again and again, now and at exit: lighteval.pipeline takes 7.1 s of a
    process with it and 4.5 s without.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def progress(items: Iterable[Item], what: str, unit: str = "it", total: int | None = None) -> Iterator[Item]:
    """Yield `items` under a progress bar on stderr; at most a line every ten seconds when stderr is a file."""
    return iter(_bar(items, desc=what, unit=unit, total=total))


def progress_bar(total: int, what: str, unit: str) -> Any:
    """Return such a bar to be moved by hand (tqdm's `update`, also by 0): what was done comes in no order."""
    return _bar(None, desc=what, unit=unit, total=total, miniters=0)


def _bar(items: Iterable[Item] | None, **options: Any) -> Any:
    from tqdm import tqdm

    return tqdm(items, mininterval=0.5 if sys.stderr.isatty() else 10.0, file=sys.stderr, **options)
