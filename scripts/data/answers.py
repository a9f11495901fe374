r"""The final answer of a row, and whether the chain ends in the one that the source has.

The final answer is what PIR asks after. A source that has a column for it is believed; else it is what the response
ends in (scripts/common/answers.py) or, of code, the last fenced block after the thinking. Whether a chain ends in the
source's answer is judged as a benchmark of mathematics (of choices, where it is a letter) judges it.
"""

import re
import string
from contextlib import AbstractContextManager, ExitStack
from typing import Any, NamedTuple

from scripts.common.answers import final_answer
from scripts.common.chain import Response
from scripts.common.config.dataset import RowRules
from scripts.common.fences import last_block
from scripts.common.questions import Question
from scripts.evaluate.kinds import KINDS

JUDGES = ("math", "choice")
CODE = ("code", "coding", "programming")
"""Categories whose rows end in a program."""

_STATED = re.compile(
    r"(?:\b(?:final )?(?:answer|result)\b(?: is|:))[^\n\d+-]{0,20}?(?P<value>[+-]?\d[\d,]*(?:\.\d+)?)[*$.\s]*\Z",
    re.IGNORECASE,
)
# C, (C), C) 42, (C) 42, C. 42; \text{} and blanks are off. A small letter may be a name.
_CHOICE = re.compile(r"(?:\(([A-J])\)|([A-J])[).]|([A-J])(?=$))(?!\()(.*)", re.DOTALL)
_NUMBER = re.compile(r"[+-]?\d[\d,]*(?:\.\d+)?")


def row_answer(response: Response, given: str | None, category: str | None) -> str | None:
    """Return the answer that a row is about, or None where it has none. Raises ValueError for a box never closed."""
    block = last_block(response.after)
    code = block.code if block else None
    if _is_code(category) and code:  # a box in a program is no answer
        return (given or "").strip() or code
    found = final_answer(response)
    return (given or "").strip() or found or code or None


def code_of_verdicts(rules: RowRules) -> list[str]:
    """Return the judge's code, as `code_digest` takes it, where verdicts decide which rows are kept; none otherwise."""
    return [part for name in JUDGES for part in KINDS[name].judging_code()] if rules.check_answers == "reject" else []


def _is_code(category: str | None) -> bool:
    return (category or "").strip().casefold() in CODE


class Checked(NamedTuple):
    """Whether a chain ends in the answer that its source has."""

    verdict: str
    """right, wrong, or why it was not checked: no_gold, no_final_answer, not_judged."""
    found: str | None = None
    """The chain's own answer, where it is wrong."""


class AnswerCheck(AbstractContextManager["AnswerCheck"]):
    """Holds chains against the answers of their source. A judge starts with the first chain that it is asked about."""

    def __init__(self) -> None:
        self._judges: dict[str, Any] = {}
        self._stack = ExitStack()

    def __exit__(self, *error: object) -> None:
        self._judges.clear()
        self._stack.close()

    def __call__(self, response: Response, given: str | None, category: str | None) -> Checked:
        """Check one response against the answer that its source gives. Raises ValueError for a box never closed."""
        gold = (given or "").strip()
        if not gold:
            return Checked("no_gold")
        text = response.after if response.after.strip() else response.reasoning
        found = None if _is_code(category) else _own_answer(response)
        if found is None:
            return Checked("no_final_answer")
        value, boxed = found
        if _plain(value) == _plain(gold):
            return Checked("right")
        if (lettered := _by_letter(gold, value)) is not None:
            return Checked(lettered, value if lettered == "wrong" else None)
        if not boxed:  # a number in a sentence can be told from another number, and from nothing else
            return Checked("wrong", value) if _NUMBER.fullmatch(gold) else Checked("not_judged")
        # The last box of a text may be its answer alone, or all of them together.
        read = True
        for judged in (f"$\\boxed{{{value}}}$", text):
            verdict = self._verdict(gold, judged)
            if verdict.correct:
                return Checked("right")
            read = read and verdict.extracted is not None
        return Checked("wrong", value) if read else Checked("not_judged")

    def _verdict(self, gold: str, text: str) -> Any:
        from lighteval.tasks.requests import Doc

        letters = list(string.ascii_uppercase[: max(4, string.ascii_uppercase.find(gold) + 1)])
        if gold in letters:
            return self._judge("choice").verdict(Doc(query="", choices=letters, gold_index=letters.index(gold)), text)
        wanted = KINDS["math"].gold(Question(id="", question="", answer=gold))
        return self._judge("math").verdict(Doc(query="", choices=[wanted], gold_index=0), text)

    def _judge(self, name: str) -> Any:
        if name not in self._judges:
            scoring = [metric.sample_level_fn for metric in KINDS[name].metrics(1)]
            self._judges[name] = self._stack.enter_context(KINDS[name].judge(scoring, [], False, 1))
        return self._judges[name]


def _by_letter(gold: str, value: str) -> str | None:
    """Return the verdict on answers of which one has a letter and more ("C) 42"), or None where neither has.

    Where only one has a letter, only what stands behind it can be compared: a letter alone tells nothing of 42.
    """
    ours, theirs = _lettered(gold), _lettered(value)
    if ours is None and theirs is None:
        return None
    (letter, behind), (other, other_behind) = ours or ("", _plain(gold)), theirs or ("", _plain(value))
    both = behind and other_behind
    if letter and other and letter != other:
        return "wrong"
    if both and behind != other_behind:
        return "not_judged"
    return "right" if both or (letter and other) else "not_judged"


def _lettered(text: str) -> tuple[str, str] | None:
    """Return the letter that an answer begins with and what stands behind it, if anything; None for any other."""
    found = _CHOICE.fullmatch(_bare(text))
    return (found[1] or found[2] or found[3], _plain(found[4])) if found else None


def _own_answer(response: Response) -> tuple[str, bool] | None:
    """Return the answer that a response ends in, and whether it is marked as that (a box, ####) or a number in a last
    sentence; None where it states none."""
    if found := final_answer(response):
        return found, True
    stated = _STATED.search(response.after if response.after.strip() else response.reasoning)
    return (stated["value"], False) if stated else None


def _bare(text: str) -> str:
    text = re.sub(r"\\(?:text|textbf|mathrm|mathbf)\{([^{}]*)\}", r"\1", text)
    return re.sub(r"[\s$]|\\[,;! ]", "", text).replace("\\dfrac", "\\frac")


def _plain(text: str) -> str:
    text = _bare(text).casefold()
    number = _NUMBER.fullmatch(text)
    return str(float(text.replace(",", ""))) if number and len(text) < 16 else text
