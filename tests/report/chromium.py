"""Headless Chromium, driven over a pipe: no package, no port."""

import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
MISSING = "Chromium is not installed: apt-get install chromium (Debian), then make test-browser"


def find() -> str | None:
    """Return Chromium's path, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Page:
    """One page. `events` are all that the browser reported; commands are those of the DevTools protocol."""

    def __init__(self, read: int, write: int) -> None:
        self.events: list[dict[str, Any]] = []
        self._read, self._write, self._waiting, self._number, self._session = read, write, b"", 0, ""

    def _message(self) -> dict[str, Any]:
        while b"\0" not in self._waiting:
            got = os.read(self._read, 1 << 20)
            if not got:
                raise RuntimeError("Chromium has ended")
            self._waiting += got
        message, _, self._waiting = self._waiting.partition(b"\0")
        return dict(json.loads(message))

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and return its result; events that come meanwhile are kept."""
        self._number += 1
        command = {"id": self._number, "method": method, "params": params}
        if self._session:
            command["sessionId"] = self._session
        os.write(self._write, json.dumps(command).encode() + b"\0")
        while (message := self._message()).get("id") != self._number:
            self.events.append(message)
        if "error" in message:
            raise RuntimeError(f"{method}: {message['error']}")
        return dict(message["result"])

    def open(self, address: str, width: int = 1200) -> None:
        """Open an address in a new page and wait until it has loaded."""
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.send(f"{domain}.enable")
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self.send("Page.navigate", url=address)
        while not self.named("Page.loadEventFired"):
            self.events.append(self._message())

    def named(self, method: str) -> list[dict[str, Any]]:
        """Return what came with the events of a name."""
        return [event["params"] for event in self.events if event.get("method") == method]

    def value(self, expression: str) -> Any:
        """Return the value of a JavaScript expression in the page."""
        found = self.send("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in found:
            raise RuntimeError(str(found["exceptionDetails"]))
        return found["result"].get("value")


def _pipe() -> list[int]:
    """Return a pipe out of the way of 3 and 4, which the browser reads from and writes to."""
    ends = os.pipe()
    moved = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends]
    for end in ends:
        os.close(end)
    return moved


@contextmanager
def browser(profile: Path) -> Iterator[Page]:
    """Start Chromium with an empty profile in a folder, and end it."""
    commands_out, commands_in = _pipe()
    answers_out, answers_in = _pipe()

    def take_pipes() -> None:
        os.dup2(commands_out, 3)
        os.dup2(answers_in, 4)

    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe"]
    command = [str(find()), *options, "--no-first-run", f"--user-data-dir={profile}", "about:blank"]
    process = subprocess.Popen(command, pass_fds=(3, 4), preexec_fn=take_pipes, stderr=subprocess.DEVNULL)
    os.close(commands_out)
    os.close(answers_in)
    try:
        yield Page(answers_out, commands_in)
    finally:
        process.terminate()
        process.wait(20)
        os.close(commands_in)
        os.close(answers_out)
