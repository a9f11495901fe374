"""lighteval's sampling metrics over the experiment's number of answers: what the kinds that generate share."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any


def over_samples(metric: Any, samples: int, normalize: Callable[[str], str] | None = None) -> list[Any]:
    """Return pass@1 over `samples` answers (the mean of their scores), and pass@`samples` if that is another.

    `metric` is one of lighteval's sampling metrics; `normalize` is applied to an answer before it is scored.
    """
    found = [deepcopy(metric)(sample_params={"k": k, "n": samples}) for k in sorted({1, samples})]
    for one in found:
        one.sample_level_fn.normalize = normalize
    return found
