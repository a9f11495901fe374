"""How much a score owes to the draw of the rows, and how much to the training: the table draws.

A draw that was trained with several seeds tells the two apart (one-way analysis of variance by moments, as in Searle,
Casella and McCulloch, Variance Components, 3.6). Where every draw was trained once they are confounded.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from scripts.compare.answer_matrix import Arm, by_draw
from scripts.compare.tables import COLUMNS


def draws_table(arms: Mapping[str, Mapping[str, Arm]]) -> pd.DataFrame:
    """Return the table draws from the arms by benchmark and name, each with its single runs."""
    return pd.DataFrame(list(_rows(arms)), columns=COLUMNS["draws"])


def _rows(arms: Mapping[str, Mapping[str, Arm]]) -> Iterator[dict[str, Any]]:
    for benchmark, found in arms.items():
        for name, arm in found.items():
            unit = by_draw(arm)
            if not unit.kind.drawn or len(arm.models) < 2:
                continue
            draws, seeds = len(unit.models), unit.kind.runs
            # The runs of one draw follow each other (config.arms.runs_of).
            parts = variance_parts(arm.run_scores.reshape(draws, seeds)) if seeds > 1 else (None, None)
            sizes = {"draws": draws, "seeds": seeds, "run_sd": float(arm.run_scores.std(ddof=1))}
            sds = dict(zip(("draw_sd", "seed_sd"), parts, strict=True))
            yield {"benchmark": benchmark, "arm": name, **sizes, **sds, "confounded": seeds == 1}


def variance_parts(scores: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]") -> tuple[float, float]:
    """Return the SD between draws, and within them, of scores (draws, seeds); what comes out below zero is zero."""
    within = float(scores.var(axis=1, ddof=1).mean())
    between = float(scores.mean(axis=1).var(ddof=1)) - within / scores.shape[1]
    return max(between, 0.0) ** 0.5, within**0.5
