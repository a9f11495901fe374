"""PIR estimated in one pass over the chain: each functional step is hidden from the answer's tokens only."""

from scripts.select.limopro.chain import Chain
from scripts.select.limopro.tree import Branch


def hidden_from_answer(chain: Chain) -> list[Branch]:
    """Return a branch per functional step: the answer's tokens again, and the one before, which predicts the first.

    They stand where they stood and do not see the step. All that lies between has seen it: what later steps took over
    from it still counts.
    """
    sequence = chain.sequence()
    first = len(sequence) - len(chain.answer) - 1
    return [Branch(sequence[first:], first, first, place) for place in chain.places()]
