"""Progress that can be believed: a bar with the rate over the last minute, told to `make status` as well.

Where a job counts tokens beside its items, rate and time left are those of tokens: long chains that come first, or
answers that come in no order, say nothing about the items that are left. While a job works, what its bar shows is also
in a small file of the folder that the environment names; a job that ends takes its file away.
"""

import json
import os
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from tqdm import tqdm

FOLDER = "SFT_REPORT_PROGRESS"
"""The environment variable that holds the folder of the experiment's running jobs; without it nothing is told."""
WINDOW = 60.0
"""Seconds that a rate is taken over."""
SLURM = ("SLURM_JOB_ID", "SLURM_ARRAY_JOB_ID")


class Told(NamedTuple):
    """What a running job tells of itself."""

    ids: list[str]
    """Of its process, of the one that started it (`local_id`), and the numbers of its Slurm job."""
    doing: str
    done: int
    total: int | None
    unit: str
    """Of what is done."""
    per_second: float
    """Over the last minute."""
    counted_in: str
    """What that counts: tokens, or what is done."""
    seconds_left: float | None
    alarm: str | None
    """What is wrong so far, in words."""
    at: float
    """When it was told (time.time)."""


class Rate:
    """How fast work is done, over the last minute."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._looks: deque[tuple[float, float]] = deque([(clock(), 0.0)])

    def restart(self, work: float) -> None:
        """Forget what was before: `work` is there by now."""
        self._looks = deque([(self._clock(), work)])

    def look(self, work: float) -> float:
        """Return the work a second, given all the work that is done by now."""
        now = self._clock()
        if now > self._looks[-1][0]:
            self._looks.append((now, work))
        while len(self._looks) > 2 and self._looks[1][0] <= now - WINDOW:
            self._looks.popleft()
        start, before = self._looks[0]
        return (work - before) / (now - start) if now > start else 0.0


def tell(told: Told) -> None:
    """Write down what this job tells of itself, where the environment names a folder for that."""
    if (file := _file()) is None:
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_suffix(".part")
        temporary.write_text(json.dumps(told._asdict()), encoding="utf-8")
        temporary.replace(file)
    except OSError:  # a full disk, a folder that may not be written: a job does not end for that
        return


def tell_no_more() -> None:
    """Take away what this job told of itself."""
    if file := _file():
        with suppress(OSError):  # as in `tell`
            file.unlink(missing_ok=True)


def own_ids() -> list[str]:
    """Return the numbers by which this job is known."""
    return [local_id(os.getpid()), local_id(os.getppid()), *filter(None, map(os.environ.get, SLURM))]


def local_id(process: int | str) -> str:
    """Return the number of a process of this machine, told from those of other machines."""
    return f"{os.uname().nodename}:{process}"


def _file() -> Path | None:
    folder = os.environ.get(FOLDER)
    return Path(folder) / f"{os.uname().nodename}-{os.getpid()}.json" if folder else None


def read_told(folder: Path) -> list[Told]:
    """Return what the jobs of an experiment tell, those that were killed included."""
    found = []
    for file in sorted(folder.glob("*.json")):
        try:
            found.append(Told(**json.loads(file.read_text(encoding="utf-8"))))
        except (OSError, ValueError, TypeError):  # it has just ended; or another version's
            continue
    return found


_open: list["Bar"] = []
"""The bar of this job that counts work."""


class Bar(tqdm):
    """A bar of items; with `work` (the unit of it, "token") it is the work that tells how long the rest takes."""

    def __init__(self, *args: Any, work: str | None = None, **options: Any) -> None:
        self.work, self.made = work, 0.0
        self.rate = Rate()
        self.left: Callable[[], float | None] = lambda: None
        """Return the work that is left, as far as it can be told."""
        self.alarm: str | None = None
        """What is wrong so far, in words."""
        shown = "{l_bar}{bar}| {n_fmt}/{total_fmt} {unit}s [{elapsed}{postfix}]" if options.get("total") else None
        super().__init__(*args, bar_format=shown, **options)
        if work:
            _open[:] = [self]

    def begin(self) -> None:
        """Say that the work begins now: what was before (the start of an engine) is no part of the rate."""
        self.rate.restart(self.made if self.work else self.n)

    def count(self, work: float) -> None:
        """Count work; what it is part of need not be complete."""
        self.made += work
        self.update(0)

    def reach(self, work: float) -> None:
        """Say that so much work in all is complete; what was counted before of it is not counted twice."""
        self.made = max(self.made, work)

    def figures(self) -> tuple[float, float | None]:
        """Return the work a second over the last minute, and the seconds left as far as they can be told."""
        speed = self.rate.look(self.made if self.work else self.n)
        left = self.left() if self.work else self.total - self.n if self.total else None
        return speed, max(left, 0) / speed if left is not None and speed > 0 else None

    @property
    def format_dict(self) -> dict[str, Any]:
        """What the bar shows: behind the items the rate, and the time left."""
        speed, seconds = self.figures()
        words = [rate_in_words(speed, self.work or self.unit)]
        words += [f"about {self.format_interval(seconds)} left"] if seconds is not None else []
        return {**super().format_dict, "postfix": ", ".join(words)}

    def display(self, *args: Any, **options: Any) -> Any:
        """Show the bar, here and to `make status`."""
        shown = super().display(*args, **options)
        speed, seconds = self.figures()
        tell(
            Told(
                ids=own_ids(),
                doing=(self.desc or "").removesuffix(": "),
                done=self.n,
                total=self.total,
                unit=self.unit,
                per_second=speed,
                counted_in=self.work or self.unit,
                seconds_left=seconds,
                alarm=self.alarm,
                at=time.time(),
            )
        )
        return shown

    def close(self) -> None:
        """Show the bar for the last time, and tell no more of it."""
        if self.disable:  # it is closed
            return
        super().close()
        _open[:] = [bar for bar in _open if bar is not self]
        tell_no_more()


def rate_in_words(per_second: float, unit: str) -> str:
    """Return a rate as people say it: 1,234 tokens/s, 5.2 chains/min."""
    amount, time_unit = (per_second, "s") if per_second >= 1 else (60 * per_second, "min")
    return f"{amount:,.1f} {unit}s/{time_unit}" if amount < 10 else f"{amount:,.0f} {unit}s/{time_unit}"


def made(work: float) -> None:
    """Count work for the bar of this job that counts any: tokens of answers that have not ended yet."""
    for bar in list(_open):
        bar.count(work)
