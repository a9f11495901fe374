"""The way in: is the answer that a model's text gives the gold one?"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from scripts.common.judging.compare import same
from scripts.common.judging.final import final_answer
from scripts.common.judging.labels import same_labels
from scripts.common.judging.letters import final_letter, letter_of
from scripts.common.judging.notation import plain
from scripts.common.judging.readings import readings
from scripts.common.judging.thinking import after_thinking
from scripts.common.judging.values import Number, Text, Value

LONGEST = 3000
"""Characters of an answer that is read; a longer one is compared as it is written."""
LETTERS = "ABCDEFGH"
# A gold letter, alone or with the text of its choice: C, (C), (C) x = 3.
LETTERED = re.compile(r"([A-H])\.?|\(([A-H])\).*", re.DOTALL)
IN_THINKING = "the text ends inside the thinking"
NO_ANSWER = "no answer behind the thinking"


class Judged(NamedTuple):
    """What is known of one answer."""

    correct: bool
    extracted: str | None
    """The answer in one way of writing: equal texts are equal answers."""
    rule: str
    """What was compared: number, set, text, ...; or why nothing was."""
    reason: str | None = None
    """Why there is no answer."""


def same_answer(gold: str, answer: str) -> tuple[bool, str]:
    """Return whether a written answer equals the gold one, and as what they were compared (or could not be)."""
    gold = gold.strip()
    if max(len(gold), len(answer)) > LONGEST:
        return "".join(gold.split()) == "".join(answer.split()), "as it is written"
    if (labels := same_labels(gold, answer)) is not None:
        return labels, "labels"
    letter = LETTERED.fullmatch(plain(gold))
    if letter and (found := letter_of(plain(answer), LETTERS, small=False)):
        return found == (letter[1] or letter[2]), "letter"
    ours, theirs = readings(gold, gold=True), readings(answer)
    for one in ours:
        for other in theirs:
            if same(one, other):
                return True, type(one).__name__.lower()
    return False, "text" if isinstance(ours[0], Text) else type(ours[0]).__name__.lower()


def shown(answer: str) -> str:
    """Return an answer in one way of writing: 12 for 24/2."""
    if len(answer) > LONGEST:
        return answer
    value: Value = readings(answer)[0]
    if isinstance(value, Number) and value.expression.is_Rational:
        return str(value.expression) if len(str(value.expression.q)) < 20 else plain(answer)
    return plain(answer)


def judge_mathematics(gold: str, text: str) -> Judged:
    """Judge a model's whole text against a gold answer."""
    rest = after_thinking(text)
    if rest is None:
        return Judged(False, None, "thinking", IN_THINKING)
    answer = final_answer(rest)
    if answer is None:
        return Judged(False, None, "none", NO_ANSWER)
    correct, rule = same_answer(gold, answer)
    return Judged(correct, shown(answer), rule)


def judge_choice(gold: str, letters: Sequence[str], text: str) -> Judged:
    """Judge a model's whole text against the letter of the right choice."""
    rest = after_thinking(text)
    if rest is None:
        return Judged(False, None, "thinking", IN_THINKING)
    letter = final_letter(rest, letters)
    return Judged(letter == gold, letter, "letter", None) if letter else Judged(False, None, "none", NO_ANSWER)
