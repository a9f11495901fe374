"""How long a run trains, and which of its steps lie at which share of it."""

from collections.abc import Iterable

from scripts.common.config.training import Optimisation
from scripts.train.rows import Account

BY_EPOCHS = -1
"""What the trainer takes for a number of steps that follows from the epochs."""


def steps_to_make(settings: Optimisation, account: Account, steps_an_epoch: int) -> int:
    """Return the optimiser steps of a run, or BY_EPOCHS; `steps_an_epoch` is those of one pass over the rows.

    A step reads as many tokens as rows are long, so that a budget of tokens is met to the nearest step, by the mean
    over a pass; only what the last, begun pass reads is left to the order of its rows. One step is made at least.
    """
    if settings.budget == "steps":
        assert settings.steps is not None
        return settings.steps
    if settings.budget == "tokens":
        assert settings.tokens is not None
        return max(1, round(settings.tokens * steps_an_epoch / (account.tokens - account.truncated)))
    return BY_EPOCHS


def steps_at(percents: Iterable[int], steps: int) -> dict[int, int]:
    """Return the step at which so many percent of `steps` are made, by percent: the nearest, the first at least."""
    return {percent: max(1, round(percent * steps / 100)) for percent in percents}
