r"""Several options as an answer: (A)(C), (i) and (iii), ①④, I and II only. As expressions they would be products.

What is written as labels is compared as a set of them: their order says nothing.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

_CIRCLED = "①②③④⑤⑥⑦⑧⑨⑩"
_ROMAN = "i|ii|iii|iv|v|vi|vii|viii|ix|x"
_FONT = re.compile(r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mathsf|mathit)\s*\{([^{}]*)\}")
_AROUND = re.compile(r"\\[(\[\])]|\$|\\(?:quad|[,;:! ])|\\text(?=\()|\*\*")
_WORDS = re.compile(
    r"\b(?:only|both|options?|choices?|statements?|conclusions?|propositions?|are\s+(?:correct|true))\b|[.。]\s*$", re.I
)
_JOINT = r"\s*(?:,|;|、|，|\+|&|/|\band\b|和)?\s*(?:\band\b\s*)?"
_KINDS = {"letter": "[A-H]|[a-h]", "roman": f"{_ROMAN}|{_ROMAN.upper()}", "number": r"\d{1,2}"}


class Labels(NamedTuple):
    """Labels of one kind."""

    kind: str
    names: frozenset[str]


def labels_of(text: str, bare: str = "") -> Labels | None:
    """Return the labels that a text consists of; None where it may be anything else.

    Those in brackets or circles count, and bare Roman numbers of "I and II only". Bare ones of the kind `bare`, which
    the other answer has, count too: ABD, A and B, 1, 3.
    """
    for _ in range(2):
        text = _FONT.sub(r" \1 ", text)
    text = _AROUND.sub("", text)
    only = bool(re.search(r"\b(?:only|both)\b", text, re.I))
    text = unicodedata.normalize("NFKC", _WORDS.sub(" ", _uncircled(text))).strip().removeprefix(",")
    for kind, one in _forms(bare, only):
        joint = r"[\s,;、+&和]*(?:\band\b)?\s*" if kind == bare == "letter" else _JOINT
        if re.fullmatch(rf"(?:{one})(?:{joint}(?:{one}))*", text):
            found = [next(name for name in match.groups() if name) for match in re.finditer(one, text)]
            return Labels(kind, frozenset(name.upper() for name in found))
    return None


def _uncircled(text: str) -> str:
    return re.sub(f"[{_CIRCLED}]", lambda match: f" <{_CIRCLED.index(match[0]) + 1}> ", text)


def _forms(bare: str, only: bool) -> Iterator[tuple[str, str]]:
    """Yield kinds and how one label of each is written."""
    yield "number", r"<(\d+)>"
    for kind, names in _KINDS.items():
        yield kind, rf"\(({names})\)"
    if only:
        yield "roman", rf"\b({_ROMAN.upper()})\b"
    if bare:
        edge = "" if bare == "letter" else r"\b"
        yield bare, rf"\(?{edge}({_KINDS[bare]}){edge}\)?"


def same_labels(gold: str, answer: str) -> bool | None:
    """Return whether an answer names the labels of the gold one; None where that is for the other rules to say.

    One label in brackets may be a value, (2) or (i), and letters in brackets a product.
    """
    ours = labels_of(gold)
    if ours is None:
        return None
    theirs = labels_of(answer, bare=ours.kind)
    roman = ours.kind == "roman" and (any(len(name) > 1 for name in ours.names) or "only" in gold.lower())
    if len(ours.names) == 1 and not roman and (theirs is None or len(theirs.names) == 1):
        return None
    return theirs == ours if theirs or roman or ours.kind == "number" else None
