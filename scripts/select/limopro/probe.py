"""Whether the tree of a chain equals plain passes for a model: found out by trying, not by the model's name.

A chain of random tokens, as long as the longest that will be scored, goes through the tree and through plain passes of
the model's own forward, in float32. So windows, factors that change with the length, caches that forget and masks that
are ignored all show, whatever the architecture.
"""

import math
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch

from scripts.common.cli import UserError, log
from scripts.select.limopro.chain import Chain
from scripts.select.limopro.plain import plain_nlls, variants
from scripts.select.limopro.scorer import Scorer
from scripts.select.limopro.tree import LARGEST_SHARED_TREE, TreeWay

SHORTEST = 48  # tokens of the shortest chain that is tried
SHORT = 256  # tokens within which what depends on no length shows


class Bounds(NamedTuple):
    """Up to where two ways count as the same."""

    nats: float
    share: float
    """Of the spread of the values that are compared: where steps hardly matter, neither do mistakes."""
    rounding: float
    """In nats: below it nothing counts."""


EXACT = Bounds(1e-4, 0.01, 5e-6)  # float32: the tree is off by 1e-6 nats
ROUGH = Bounds(0.05, 0.25, 0.02)  # bfloat16


class Gap(NamedTuple):
    """How far two ways to the same values are apart."""

    nats: float
    """Largest difference; infinity where one of the ways fails."""
    spread: float
    """Largest less smallest of the values."""

    def within(self, bounds: Bounds) -> bool:
        """Whether the two ways count as the same."""
        return self.nats <= min(bounds.nats, max(bounds.rounding, bounds.share * self.spread))


def random_chain(tokens: Sequence[int], length: int) -> Chain:
    """Return a chain of `length` tokens drawn from `tokens`: ten steps, of which the first and the last two are scored.

    The last is scored so often that its branches fill a pass: a tree is as wide here as it can become.
    """
    draw = random.Random(length)

    def ids(count: int) -> list[int]:
        return draw.choices(tokens, k=count)

    prompt, opening, closing, answer = length // 8, 2, 3, 8
    steps = length - prompt - opening - closing - answer
    cuts = sorted(draw.sample(range(1, steps), 9))
    sizes = [end - start for start, end in zip([0, *cuts], [*cuts, steps], strict=True)]
    last = [9] * (LARGEST_SHARED_TREE // (closing + answer))
    return Chain(
        "probe",
        ids(prompt),
        ids(opening),
        [ids(size) for size in sizes],
        ids(closing),
        ids(3),
        ids(answer),
        [0, 8, *last],
    )


def _plain(scorer: Scorer, chain: Chain) -> list[float]:
    """Return the NLLs of the chain's variants, each by a pass of its own."""
    sequences = variants(chain)
    different = {tuple(sequence): sequence for sequence in sequences}
    nlls = plain_nlls(scorer, [(sequence, chain.answer) for sequence in different.values()], 0, pads=False)
    by_sequence = dict(zip(different, nlls, strict=True))
    return [by_sequence[tuple(sequence)] for sequence in sequences]


def _gap(first: Sequence[float], second: Sequence[float]) -> Gap:
    gaps = [abs(a - b) for a, b in zip(first, second, strict=True)]
    return Gap(math.inf if any(map(math.isnan, gaps)) else max(gaps), max(second) - min(second))


def tree_gap(scorer: Scorer, tokens: Sequence[int], length: int) -> Gap:
    """Return how far the tree and plain passes are apart on random chains of up to `length` tokens."""
    way = TreeWay()
    long = random_chain(tokens, length)
    short = [random_chain(tokens, min(length, most)) for most in (SHORTEST, SHORTEST + 20)]
    scores = [way.score_long(scorer, long, LARGEST_SHARED_TREE), *way.score_together(scorer, short)]
    gaps = [
        _gap([score.nll_full, score.nll_question, *score.nll_without], _plain(scorer, chain))
        for score, chain in zip(scores, [long, *short], strict=True)
    ]
    # The one that is furthest apart for its spread.
    return max(gaps, key=lambda gap: gap.nats / (gap.spread or 1))


def padding_gap(scorer: Scorer, tokens: Sequence[int], length: int) -> Gap:
    """Return how far sequences in one pass, padded to `length` tokens, and each alone are apart."""
    chains = [random_chain(tokens, some) for some in (length, max(SHORTEST, length // 2), SHORTEST)]
    pairs = [(chain.sequence(), chain.answer) for chain in chains]
    together = plain_nlls(scorer, pairs, len(chains) * length, pads=True)
    return _gap(together, plain_nlls(scorer, pairs, 0, pads=False))


def attempt(what: str, gap: Callable[..., Gap], *inputs: Any) -> Gap:
    """Return `gap` of the inputs and write it in the log; it is infinite where one of the two ways fails."""
    try:
        value = gap(*inputs)
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # whatever a model's code raises on inputs that it was not made for
        log.info("PIR: %s: not possible (%s)", what, _in_short(error))
        return Gap(math.inf, 0)
    log.info("PIR: %s: off by %.1g nats on random tokens", what, value.nats)
    return value


def _in_short(error: Exception) -> str:
    first_line = str(error).strip().split("\n")[0]
    return f"{type(error).__name__}: {first_line}"[:200]


@contextmanager
def in_float32(model: Any) -> Iterator[Bounds]:
    """Compute in float32 inside, where rounding hides nothing; yields up to where two ways count as the same.

    Weights of fewer bits come back as they were. Without memory for that, the model stays as it is and the bounds are
    those of bfloat16.
    """
    tensors = [
        tensor for tensor in (*model.parameters(), *model.buffers()) if tensor.dtype in (torch.bfloat16, torch.float16)
    ]
    types = [tensor.dtype for tensor in tensors]
    bounds = EXACT
    with torch.inference_mode(False), torch.no_grad():
        try:
            for tensor in tensors:
                tensor.data = tensor.data.float()
        except torch.OutOfMemoryError:
            log.info("PIR: no memory for the model in float32; it is tried as it is")
            bounds = ROUGH
            _restore(tensors, types)
    try:
        yield bounds
    finally:
        with torch.inference_mode(False), torch.no_grad():
            _restore(tensors, types)


def agree(model: Any, what: str, gap: Callable[..., Gap], *inputs: Any) -> bool:
    """Whether two ways come to the same: in float32, or as the model is where there is no memory for that."""
    try:
        with in_float32(model) as bounds:
            return attempt(what, gap, *inputs).within(bounds)
    except torch.OutOfMemoryError:
        log.info("PIR: no memory for that in float32; it is tried in the scorer's own number format")
        torch.cuda.empty_cache()
    return attempt(what, gap, *inputs).within(ROUGH)


def _restore(tensors: Sequence[Any], types: Sequence[Any]) -> None:
    for tensor, dtype in zip(tensors, types, strict=True):
        tensor.data = tensor.data.to(dtype)


def examine(model: Any, name: str, tokens: Sequence[int], length: int) -> Scorer:
    """Return the model as a scorer: how its forward is to be called for chains of up to `length` tokens.

    Raises UserError where a plain pass is not possible.
    """
    chain = random_chain(tokens, max(SHORTEST, min(length, SHORT)))
    whole, thinned = Scorer(model, thins=False), Scorer(model, thins=True)
    with in_float32(model) as bounds:
        try:
            nlls = _plain(whole, chain)
        except torch.OutOfMemoryError:
            raise
        except Exception as error:
            raise UserError(f"the scorer '{name}' cannot read a text ({_in_short(error)}); take another") from error
        if _gap(nlls, nlls).nats > 0:
            raise UserError(f"the scorer '{name}' gives logits that are no numbers; take another")

        def gap(scorer: Scorer) -> Gap:
            return _gap(nlls, _plain(scorer, chain))

        scorer = thinned if attempt("logits of the answer only", gap, thinned).within(bounds) else whole
        used = model.config._attn_implementation
        if used != "eager":
            # PyTorch's attention leaves out soft caps and the like; the model's own code is what defines it.
            model.set_attn_implementation("eager")
            difference = attempt("PyTorch's attention against the model's own code", gap, scorer)
            if difference.within(bounds) or difference.nats == math.inf:
                model.set_attn_implementation(used)
    return scorer
