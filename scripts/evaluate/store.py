"""What engines have computed, kept in the experiment's `cache_dir`: answers and log-likelihoods."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from scripts.common.store import Store
from scripts.evaluate.engines.base import Continuation, Generated, Request

Result = Generated | float


class AnswerStore(Store):
    """The results of one model on one engine, drawn in one way: by prompt, limit and seed."""

    def __init__(self, folder: Path | None, of: Mapping[str, Any]) -> None:
        super().__init__(folder, "answers", of)

    def known(self, requests: Sequence[Request | Continuation]) -> dict[int, Result]:
        """Return the results that are there, by place in `requests`."""
        found = self.find([asdict(request) for request in requests])
        return {
            place: Generated(**result) if isinstance(result, dict) else float(result) for place, result in found.items()
        }

    def add(self, request: Request | Continuation, result: Result) -> None:
        """Keep a result."""
        self.keep(asdict(request), asdict(result) if isinstance(result, Generated) else result)
