"""How long a program has run by its own doing: processor time, and time in which it asked for no processor.

A busy machine lets a program wait. That is not its doing, so a limit by the clock would fail right programs; a limit of
processor time alone would let a program sleep for ever.
"""

import os
import subprocess
import time
from pathlib import Path

STEP = 0.1
"""Seconds between two looks."""
RUNS = "RD"
"""States of a thread that has a processor, or waits for one or for the disk."""
TICKS = os.sysconf("SC_CLK_TCK")


def _family(pid: int) -> list[Path]:
    """Return the folders of the threads of a process and of all that it has started."""
    found: list[Path] = []
    waiting = [pid]
    while waiting:
        for thread in Path(f"/proc/{waiting.pop()}/task").glob("*"):
            found.append(thread)
            try:
                waiting += map(int, (thread / "children").read_text(encoding="ascii").split())
            except OSError:  # it has ended
                continue
    return found


def _look(pid: int) -> tuple[bool, float]:
    """Return whether a process or what it has started runs or would run, and the processor seconds of those alive."""
    runs, ticks = False, 0
    for thread in _family(pid):
        try:
            fields = (thread / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        runs |= fields[0] in RUNS
        ticks += int(fields[11]) + int(fields[12])
    return runs, ticks / TICKS


def wait(process: "subprocess.Popen[bytes]", seconds: float, longest: float) -> int:
    """Return the exit code of a process. Raises TimeoutExpired after `seconds` of its own, or `longest` on the clock.

    Its own seconds are those of the processor and those in which it neither ran nor waited for a processor.
    """
    started = last = time.monotonic()
    idle = used = 0.0
    while True:
        try:
            return process.wait(STEP)
        except subprocess.TimeoutExpired:
            now = time.monotonic()
            runs, alive = _look(process.pid)
            # What has ended is no longer counted, so the sum may fall.
            idle += 0.0 if runs or alive > used else now - last
            used = max(used, alive)
            last = now
            if idle + used > seconds or now - started > longest:
                raise
