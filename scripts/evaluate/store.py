"""What engines have computed, kept by content: no answer is computed twice, whichever job or experiment asks.

A result is found by what it depends on: the model's files, the engine with its code and settings, how tokens are drawn,
the prompt's ids, the limit and the seed. Each is appended as it comes, so that a job that was killed goes on, more
samples compute the new ones only, and experiments with one `cache_dir` share a base model's answers. Every process
writes a file of its own; all read all. The folder may be deleted at any time.
"""

import hashlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from scripts.common import cli
from scripts.evaluate.engines.base import Continuation, Generated, Request

FOLDER = "SFT_REPORT_CACHE"
"""The environment variable that holds the experiment's `cache_dir`; without it nothing is kept."""

Result = Generated | float


def digest(content: Mapping[str, Any]) -> str:
    """Return 32 hex digits for what JSON can say."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]


class Store:
    """The results of one model on one engine, drawn in one way."""

    def __init__(self, folder: Path | None, of: Mapping[str, Any]) -> None:
        """`folder` is the experiment's `cache_dir` (None: nothing is kept), `of` all that its results depend on."""
        self._folder = folder / "answers" / digest(of) if folder else None
        name = f"{os.uname().nodename}-{os.getpid()}-{time.time_ns()}.jsonl"
        self._own = self._folder / name if self._folder else None
        self.reused = 0
        """Results that were there."""

    def known(self, requests: Sequence[Request | Continuation]) -> dict[int, Result]:
        """Return the results that are there, by place in `requests`."""
        if self._folder is None or not self._folder.is_dir():
            return {}
        places = {digest(asdict(request)): place for place, request in enumerate(requests)}
        found = {}
        for path in sorted(self._folder.glob("*.jsonl")):
            with path.open(encoding="utf-8") as lines:
                for line in lines:
                    try:
                        key, result = json.loads(line)
                    except ValueError:
                        continue  # cut off when its process was killed
                    if (place := places.get(key)) is not None:
                        found[place] = Generated(**result) if isinstance(result, dict) else float(result)
        self.reused += len(found)
        return found

    def add(self, request: Request | Continuation, result: Result) -> None:
        """Keep a result; it survives a kill of this process. A full disk ends the keeping, not the job."""
        if self._own is None:
            return
        line = json.dumps([digest(asdict(request)), asdict(result) if isinstance(result, Generated) else result])
        try:
            self._own.parent.mkdir(parents=True, exist_ok=True)
            with self._own.open("a", encoding="utf-8") as file:
                file.write(f"{line}\n")
        except OSError as error:
            cli.log.warning("answers are no longer kept in '%s' (%s): a killed job begins anew", self._own, error)
            self._own = None
