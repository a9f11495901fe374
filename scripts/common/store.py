"""What models have computed, kept by content: nothing is computed twice, whichever job or experiment asks.

A result is found by what it depends on: what computes it (`of`: the model's files, code, settings) and what was asked.
Each is appended as it comes, so that a job that was killed goes on, and experiments with one `cache_dir` share what
they have in common. Every process writes a file of its own; all read all. The folder may be deleted at any time.
"""

import hashlib
import json
import os
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scripts.common import cli

FOLDER = "SFT_REPORT_CACHE"
"""The environment variable that holds the experiment's `cache_dir`; without it nothing is kept."""


def cache_folder() -> Path | None:
    """Return the experiment's `cache_dir`, None where nothing is kept."""
    folder = os.environ.get(FOLDER)
    return Path(folder) if folder else None


def digest(content: Any) -> str:
    """Return 32 hex digits for what JSON can say."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]


def _line(key: str, result: Any) -> str:
    return json.dumps([key, result, _seal(key, result)])


def _seal(key: str, result: Any) -> str:
    return digest([key, json.dumps(result)])  # its keys in their own order, as they come back


def _kept(line: bytes) -> tuple[str, Any]:
    """Return key and result of a line; no key where it was cut off by a kill, or is not as it was written."""
    try:
        key, result, seal = json.loads(line)
        return (key, result) if seal == _seal(key, result) else ("", None)
    except (ValueError, TypeError):
        return "", None


class Store:
    """The results of one kind that one model computes in one way. What is asked and what comes of it is JSON."""

    def __init__(self, folder: Path | None, kind: str, of: Mapping[str, Any]) -> None:
        """`folder` is the experiment's `cache_dir` (None: nothing is kept), `of` all that its results depend on beside
        what is asked."""
        self._kind = kind
        self._folder = folder / kind / digest(of) if folder else None
        name = f"{os.uname().nodename}-{os.getpid()}-{time.time_ns()}.jsonl"
        self._own = self._folder / name if self._folder else None
        self.reused = 0
        """Results that were there."""

    def find(self, asked: Sequence[Any]) -> dict[int, Any]:
        """Return the results that are there, by place in `asked`."""
        if self._folder is None or not self._folder.is_dir():
            return {}
        places = defaultdict(list)
        for place, one in enumerate(asked):
            places[digest(one)].append(place)
        found = {}
        for path in sorted(self._folder.glob("*.jsonl")):
            try:
                with path.open("rb") as lines:
                    for line in lines:
                        key, result = _kept(line)
                        found.update(dict.fromkeys(places.get(key, ()), result))
            except OSError as error:  # another user's, or a disk that is ill
                cli.log.warning("'%s' cannot be read (%s): what it holds is computed again", path, error.strerror)
        self.reused += len(found)
        return found

    def keep(self, asked: Any, result: Any) -> None:
        """Keep a result; it survives a kill of this process. A full disk ends the keeping, not the job."""
        if self._own is None:
            return
        try:
            self._own.parent.mkdir(parents=True, exist_ok=True)
            with self._own.open("a", encoding="utf-8") as file:
                file.write(f"{_line(digest(asked), result)}\n")
        except OSError as error:
            cli.log.warning(
                "%s are no longer kept in '%s' (%s): a killed job begins anew", self._kind, self._own, error
            )
            self._own = None
