"""What a run was at shares of its training: kept on the way as models, so that no run is trained again for a curve.

They lie among the checkpoints of the run until it ends, and belong to it as these do: the next attempt of a killed run
finds them, or goes back to before the step of one that is missing.
"""

import math
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from scripts.common.atomic import replacing
from scripts.train.budget import steps_at
from scripts.train.saving import full_disk_is_said


def all_steps(trainer: Any) -> int:
    """Return how many optimiser steps a trainer that has not begun will make."""
    if trainer.args.max_steps > 0:
        return int(trainer.args.max_steps)
    # The rows fill whole steps (rows.py).
    arguments = trainer.args
    each = arguments.per_device_train_batch_size * arguments.world_size * arguments.gradient_accumulation_steps
    return math.ceil(arguments.num_train_epochs * (len(trainer.train_dataset) // each))


def tokens_read(steps: pd.DataFrame, step: int, processes: int) -> int:
    """Return the tokens that a run had read up to and with a step, without padding, with filling rows of two tokens.

    `steps` are the useful ones of its log, which the first process wrote: the others are taken to have read as many.
    """
    return int(steps.loc[steps["step"] <= step, "tokens"].sum()) * processes


class Keeper:
    """Keeps models of a run on its way."""

    def __init__(self, folder: Path, percents: Sequence[int], save: Callable[[Path], None]) -> None:
        """`folder` is that of the checkpoints; `save` writes the model as it is to a folder, by every process."""
        self._folder, self._percents, self._save = folder, list(percents), save

    def _place(self, step: int) -> Path:
        return self._folder / f"kept-{step}"

    def missing(self, steps: int) -> int | None:
        """Return the first step of which a model is to be kept and none is there, of a run of so many steps."""
        wanted = sorted(steps_at(self._percents, steps).values())
        return next((step for step in wanted if not self._place(step).is_dir()), None)

    def callback(self) -> Any:
        """Return the trainer's callback that keeps them."""
        from transformers import TrainerCallback

        keeper = self

        class KeepOnTheWay(TrainerCallback):
            def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
                if state.global_step in steps_at(keeper._percents, state.max_steps).values():
                    keeper._keep(state.global_step, state.is_world_process_zero)

        return KeepOnTheWay()

    def _keep(self, step: int, main: bool) -> None:
        if not main:
            self._save(Path())  # its part of sharded weights; it writes nothing
            return
        with full_disk_is_said(self._folder, f"the model of step {step}"), replacing(self._place(step)) as temporary:
            self._save(temporary)

    def hand_over(self, steps: int, places: Sequence[Path]) -> None:
        """Copy what was kept of a run of so many steps to its places, in the order of the shares."""
        for step, place in zip(steps_at(self._percents, steps).values(), places, strict=True):
            with full_disk_is_said(place.parent, f"the model of step {step}"), replacing(place) as temporary:
                shutil.copytree(self._place(step), temporary)
