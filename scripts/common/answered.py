"""Answers of an endpoint, kept by what was asked: a line of JSON each, so that a killed job asks nothing twice."""

import hashlib
import json
import threading
from pathlib import Path
from typing import Any

Record = dict[str, Any]


def key_of(*asked: Any) -> str:
    """Return 32 hex digits for what was asked: the server and the whole request."""
    text = json.dumps(asked, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


class Answered:
    """The answers in one file. May be used by many threads; a line that was cut off is ignored."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._records: dict[str, Record] = {}
        if path.exists():
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                try:
                    record = json.loads(line)
                    self._records[record["key"]] = record
                except (json.JSONDecodeError, KeyError, TypeError):
                    continue

    def __len__(self) -> int:
        return len(self._records)

    def get(self, key: str) -> Record | None:
        """Return what was answered under a key, None where nothing was."""
        return self._records.get(key)

    def keep(self, key: str, record: Record) -> None:
        """Write an answer down."""
        line = json.dumps({"key": key, **record})
        with self._lock:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as lines:
                lines.write(f"\n{line}\n")  # first ends a line that an earlier attempt left cut off
            self._records[key] = {"key": key, **record}
