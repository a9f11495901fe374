"""Are a trainer's summary figures those of the whole run? Of a resumed run the Hugging Face trainer prints others.

On resuming, `trainer` divides the steps of the whole run by the seconds of the last part, and sums the loss of the last
part over the steps of the whole. The log (LLaMA-Factory's trainer_log.jsonl) has what truly happened.
"""

import json
from pathlib import Path
from typing import NamedTuple

from scripts.common.cli import UserError

TOLERANCE = 0.05  # share by which a figure may differ from the log's


class Log(NamedTuple):
    """What a training log says of a run, all its parts together."""

    parts: int
    steps: int
    useful_seconds: float
    """Seconds of the steps that count: those done again after a resumption only once."""
    spent_seconds: float
    last_seconds: float
    """Seconds of the last part alone."""
    lowest_loss: float
    final_loss: float


def seconds_of(text: str) -> float:
    """Return the seconds of '1 day, 2:03:04' or '0:02:12'."""
    days, _, clock = text.rpartition(" ")
    hours, minutes, seconds = (int(part) for part in clock.split(":"))
    return 86400 * int(days.split()[0] if days else 0) + 3600 * hours + 60 * minutes + seconds


def read_log(path: Path) -> Log:
    """Read trainer_log.jsonl. A new part begins where the elapsed time starts over, which is where it falls by half:
    several processes may write the same log, each with its own clock.

    Raises UserError where the file is no such log.
    """
    parts: list[list[tuple[int, float]]] = []
    losses: list[float] = []
    total = 0
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            step, elapsed = int(entry["current_steps"]), seconds_of(entry["elapsed_time"])
            total = int(entry["total_steps"]) if step >= int(entry["total_steps"]) - 1 else total
            if not parts or elapsed < parts[-1][-1][1] / 2:
                parts.append([])
            parts[-1].append((step, elapsed))
            if "loss" in entry:
                losses.append(float(entry["loss"]))
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise UserError(f"{path} is no log as LLaMA-Factory writes it (trainer_log.jsonl): {error}") from error
    if not losses:
        raise UserError(f"{path} has no losses")
    useful = 0.0
    for part, following in zip(parts, [*parts[1:], None], strict=True):
        # What a later part does again does not count here.
        until = following[0][0] if following else float("inf")
        useful += max((elapsed for step, elapsed in part if step < until), default=0.0)
    spent = [max(elapsed for _, elapsed in part) for part in parts]
    steps = max(step for step, _ in parts[-1])
    return Log(len(parts), max(steps, total), useful, sum(spent), spent[-1], min(losses), losses[-1])


def training_faults(folder: Path) -> list[str]:
    """Return what is wrong with train_results.json of `folder`, held against trainer_log.jsonl."""
    log, path = read_log(folder / "trainer_log.jsonl"), folder / "train_results.json"
    try:
        claimed = {name: float(value) for name, value in json.loads(path.read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise UserError(f"{path} is no summary as the trainer writes it (train_results.json): {error}") from error
    faults = []
    rate, true = claimed.get("train_steps_per_second"), log.steps / log.useful_seconds
    if rate and abs(rate - true) > TOLERANCE * true:
        hours = f"{log.useful_seconds / 3600:.1f} h of it useful, {log.spent_seconds / 3600:.1f} h spent"
        text = f"{rate:g} steps/s are {true:.4f}: {log.steps:,} steps in {log.parts} parts, {hours}"
        of_last = log.steps / log.last_seconds
        if abs(rate - of_last) < TOLERANCE * of_last:
            text += f"; {rate:g} is all steps by the {log.last_seconds / 3600:.1f} h of the last part"
        faults.append(text)
        if samples := claimed.get("train_samples_per_second"):
            faults.append(f"{samples:g} samples/s are {samples * true / rate:.2f}, for the same reason")
    loss = claimed.get("train_loss")
    if loss is not None and loss < log.lowest_loss:
        faults.append(
            f"a mean training loss of {loss:g} lies below every loss of the log (lowest {log.lowest_loss:g}, last "
            f"{log.final_loss:g}): the last part's sum divided by all steps"
        )
    return faults
