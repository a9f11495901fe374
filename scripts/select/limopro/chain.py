r"""What is scored of a row: the token ids of its chain, and the scores that come of them.

The scored sequence is a concatenation of separately tokenised parts, so that leaving a step out changes no other id:
prompt, `<think>\n`, each step, the closing words, the answer. An answer stands in a box, a program in its fences.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from scripts.common import chat
from scripts.common.chain import BOXED, last_boxed, split_response
from scripts.common.fences import MARK, last_block
from scripts.common.rendering import without_chain

OPENING = "<think>\n"
CLOSING = "\n</think>\n\n"
ANSWER_TOKENS = 512
"""At most so many tokens of an answer are scored, its first: every functional step pays for them once more."""


class Ending(NamedTuple):
    """What stands around the scored answer."""

    lead: str
    close: str
    leaks: tuple[str, ...]
    """A step that holds one of these states the answer, or may: it is no part of the scored chain."""


BOX = Ending(r"The final answer is \boxed{", "}", (BOXED,))


def ending_of(response: str, answer: str) -> Ending:
    """Return how the answer of a response is scored: a program that the response ends in stands in its fences."""
    after = split_response(response).after
    block = last_block(after)
    if block is None or block.code != answer:
        return BOX
    try:
        if last_boxed(after) == answer:
            return BOX
    except ValueError:  # a box in a program
        pass
    return Ending(f"```{block.info}\n", "\n```", (BOXED, *MARK))


class Chain(NamedTuple):
    """The token ids of one row to score."""

    id: str
    prompt: list[int]
    opening: list[int]
    steps: list[list[int]]
    """Every step of the scored chain: those that state the answer in a box are left out."""
    closing: list[int]
    lead: list[int]
    """The closing words where there is no chain."""
    answer: list[int]
    """The answer and `}` (a program: and its last fence), at most ANSWER_TOKENS: the tokens whose NLL is taken."""
    functional: list[int]
    """Indices into `steps` of those to score."""

    def sequence(self) -> list[int]:
        """Return the whole scored sequence."""
        return [*self.prompt, *self.opening, *(i for step in self.steps for i in step), *self.closing, *self.answer]

    def question_alone(self) -> list[int]:
        """Return the sequence without any chain: no `<think>` either."""
        return [*self.prompt, *self.lead, *self.answer]

    def places(self) -> list[tuple[int, int]]:
        """Return where each functional step begins and ends in the scored sequence."""
        starts = [len(self.prompt) + len(self.opening)]
        for step in self.steps:
            starts.append(starts[-1] + len(step))
        return [(starts[k], starts[k + 1]) for k in self.functional]


class Score(NamedTuple):
    """What a chain's passes give: mean NLLs in nats per answer token."""

    nll_full: float
    nll_without: list[float]
    """One per functional step, that step left out (or hidden)."""
    nll_question: float
    """The whole chain left out."""


def encode_chain(
    tokenizer: Any,
    identity: str,
    system: str | None,
    question: str,
    steps: Sequence[str],
    functional: list[int],
    answer: str,
    ending: Ending = BOX,
) -> Chain:
    """Tokenise the parts of a row to score."""
    (prompt,) = chat.prompt_texts(tokenizer, [chat.prompt_messages(system, question)])
    # Whether the prompt opens the chain or not: the scored sequence does, once.
    (start,) = tokenizer([without_chain(prompt, question)], add_special_tokens=False)["input_ids"]
    parts = [
        OPENING,
        *steps,
        CLOSING + ending.lead,
        ending.lead,
        answer + ending.close,
    ]
    ids = chat.continuations(tokenizer, parts)
    return Chain(identity, start, ids[0], ids[1:-3], ids[-3], ids[-2], ids[-1][:ANSWER_TOKENS], functional)
