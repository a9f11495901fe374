"""Opinions on an answer: ours, by `scripts.common.judging`, and those of lighteval's rules beside them.

lighteval's are given what stands behind the thinking, so that the two differ over answers and not over tags.
"""

from lighteval.tasks.requests import Doc

from scripts.common.judging.thinking import after_thinking
from scripts.common.judging.verdict import Judged, judge_choice, judge_mathematics
from scripts.evaluate.lighteval_patches import letter_in_box, plain_in_box, wrapped
from scripts.evaluate.scoring import Compute, Opinion, Verdict, judge_answer

LONGEST = 20_000
"""Characters from the end of a text that lighteval's regular expressions are given."""


def _verdict(judged: Judged) -> Verdict:
    return Verdict(int(judged.correct), judged.extracted, judged.reason, judged.rule)


def mathematics(doc: Doc, text: str) -> Verdict:
    """Return our verdict on an answer to a question of mathematics."""
    return _verdict(judge_mathematics(doc.choices[int(doc.gold_index)], text))


def choice(doc: Doc, text: str) -> Verdict:
    """Return our verdict on a letter; the choices of `doc` are the letters."""
    letters = [letter.strip() for letter in doc.choices]
    return _verdict(judge_choice(letters[int(doc.gold_index)], letters, text))


def lighteval_on_mathematics(compute: Compute) -> Opinion:
    """Return the opinion of lighteval's scoring function of mathematics."""

    def opinion(doc: Doc, text: str) -> Verdict:
        gold = Doc(query="", choices=[wrapped(doc.choices[int(doc.gold_index)])], gold_index=0)
        return judge_answer(compute, gold, plain_in_box((after_thinking(text) or "")[-LONGEST:]))

    return opinion


def lighteval_on_choice(compute: Compute) -> Opinion:
    """Return the opinion of lighteval's scoring function of multiple choice."""
    return lambda doc, text: judge_answer(compute, doc, letter_in_box((after_thinking(text) or "")[-LONGEST:]))
