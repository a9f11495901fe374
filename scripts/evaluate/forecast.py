"""How many tokens a job has still to make: what its time left is told by."""

from collections.abc import Callable, Sequence
from typing import Any


class Forecast:
    """The tokens that are left of a job's requests: known beforehand, or told by the answers so far.

    Of answers that end by themselves the mean length is estimated by all tokens made, those of answers that go on
    included, over the answers that have ended: short answers end first, so the mean of those alone is too small (the
    estimate of an exponential distribution from times of which some go on). No answer is longer than its limit.
    """

    def __init__(self, requests: Sequence[Any], size: Callable[[Any], int] | None) -> None:
        """`size` returns the tokens of a request; None: answers are drawn, up to `max_new_tokens` of each."""
        self._size = size or (lambda request: request.max_new_tokens)
        self._known = size is not None
        self._most = sum(map(self._size, requests))
        self._open = len(requests)
        self._ended = 0
        self.tokens = 0
        """Of the requests that have ended."""

    def ended(self, request: Any, tokens: int) -> None:
        """Take in that a request has ended with so many tokens."""
        self._most -= self._size(request)
        self._open -= 1
        self._ended += 1
        self.tokens += tokens

    def left(self, made: float) -> float | None:
        """Return the tokens that are left when `made` are there in all; None while nothing tells."""
        most = self._most - max(0.0, made - self.tokens)
        if self._known:
            return most
        return min(most, self._open * made / self._ended) if self._ended else None
