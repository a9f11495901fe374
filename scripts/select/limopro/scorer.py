"""The scorer's forward pass, of which only the answer's tokens are read."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

PIECE = 1024
"""Places whose logits are held at a time: 0.6 GB in float32 for a vocabulary of 152,000, however long the answer."""
Logits = Callable[..., Iterator[tuple[int, Any]]]
"""Yields (first place, logits of so many places)."""


class Reading(NamedTuple):
    """An answer to read in a pass: where it stands in the (rows, tokens) that the pass is given."""

    row: int
    end: int
    """The place after its last token."""
    answer: list[int]


@dataclass
class Scorer:
    """A causal language model and what was found out about it."""

    model: Any
    thins: bool = True
    """Its head can be given the hidden states of single places: logits are made for the answers' tokens only, so that
    memory does not grow with vocabulary times chain length."""

    @property
    def device(self) -> Any:
        """Where inputs have to be."""
        return self.model.device

    def nlls(self, readings: Sequence[Reading], **inputs: Any) -> list[float]:
        """Return the mean NLL of each answer, in nats a token, in one pass of the model's own forward over `inputs`.

        Its own forward, since what comes after the body differs by model: scaled logits, soft caps, a bias.
        """
        rows = torch.tensor([r.row for r in readings for _ in r.answer], device=self.device)
        # The token before an answer's token predicts it.
        places = [r.end - len(r.answer) + k - 1 for r in readings for k in range(len(r.answer))]
        columns = torch.tensor(places, device=self.device)
        target = torch.tensor([token for r in readings for token in r.answer])
        with _thinned(self.model, rows, columns) if self.thins else _whole(self.model, rows, columns) as logits:
            nll = torch.cat([_nll(part, target[first : first + PIECE]) for first, part in logits(PIECE, **inputs)])
        return [float(part.mean()) for part in nll.split([len(r.answer) for r in readings])]


def _nll(logits: Any, target: Any) -> Any:
    return torch.nn.functional.cross_entropy(logits.float(), target.to(logits.device), reduction="none").double()


@contextmanager
def _whole(model: Any, rows: torch.Tensor, columns: torch.Tensor) -> Iterator[Logits]:
    """Yield what gives the logits at (rows, columns) of a pass, all logits of which are made."""

    def logits(piece: int, **inputs: Any) -> Iterator[tuple[int, Any]]:
        yield from _cut(model(**inputs).logits[rows, columns], piece)

    yield logits


def _cut(states: Any, piece: int) -> Iterator[tuple[int, Any]]:
    for first in range(0, len(states), piece):
        yield first, states[first : first + piece]


@contextmanager
def _thinned(model: Any, rows: torch.Tensor, columns: torch.Tensor) -> Iterator[Logits]:
    """Yield what gives the logits at (rows, columns) of a pass, `piece` places at a time.

    The body of the model hands its head the hidden states of these places only, as (1, places, width). It is run once:
    for the pieces after the first its own result is given out again, and only what comes after the body is computed.
    """
    body = model.base_model
    kept: list[Any] = []
    states: list[Any] = []

    def once(*arguments: Any, **keywords: Any) -> Any:
        if not kept:
            kept.append(own(*arguments, **keywords))
        return kept[0]

    def thin(module: Any, arguments: Any, output: Any) -> Any:
        if not states:
            whole = output.last_hidden_state
            states.append(whole[rows.to(whole.device), columns.to(whole.device)])
            output.last_hidden_state = None  # of a long text it is large
        output.last_hidden_state = states[0][place[0] : place[0] + place[1]][None]
        return output

    def logits(piece: int, **inputs: Any) -> Iterator[tuple[int, Any]]:
        for first in range(0, len(rows), piece):
            place[:] = first, piece
            yield first, model(**inputs).logits[0]

    place = [0, 0]
    instance, own = vars(body).get("forward"), body.forward
    body.forward = once
    handle = body.register_forward_hook(thin)
    try:
        yield logits
    finally:
        handle.remove()
        del body.forward
        if instance is not None:
            body.forward = instance
