r"""The answer in a text whose thinking is taken off: the last box, or the last line that says what the answer is."""

import re
from collections.abc import Sequence

from scripts.common.judging.boxes import BOX, Box, boxes

# What may stand between boxes that are one answer: \boxed{2} and \boxed{-4}.
BETWEEN = re.compile(
    r"[\s$,;]*(?:\\(?:text|quad|qquad)\s*)?\{?\s*(?:and|or|和|或|,)?\s*\}?[\s$,;]*(?:[A-Za-z](?:_\{?\w\}?)?\s*=)?[\s$]*"
)
IS = r"(?:\s*(?:is|are|was|equals|为|是|[:：=])\s*[:：]?)"
_OTHERS = r"\b(?:antwort|réponse|respuesta|risposta|resposta|ответ)\s*(?:(?:ist|est|es|è|é)\b|[:：—])"
_OTHERS += r"|(?:答え|正解|정답|답|答)\s*(?:[は은는]|[:：])|(?:最终)?答案(?:\s*(?:为|是|[:：=])\s*[:：]?)|故选"
STRONG = re.compile(
    rf"(?i)(?:final\s+answer[*_\s]*{IS}|(?:^|\n)[ \t>#*_\-]*(?:(?:the|my|our)\s+)?"
    rf"(?:(?:final|correct)\s+)?(?:answer|ans|result)\s*[*_]*\s*(?:[:：=]|-\s)"
    rf"|(?:^|\n)[ \t]*ans\.\s|{_OTHERS}|####"
    rf"|(?:^|\n)[ \t>#*_\-]*(?:the\s+)?(?:final\s+)?answer[\s*_:]*\n)[*_\s]*"
)
WEAK = re.compile(r"(?i)\banswer\b[^.\n$]{0,60}?\b(?:is|are|equals|be)\b\s*:?[*_\s]*")
# The last formula of a text that ends on it: ... so the sum is $7+7=14$.
CONCLUSION = re.compile(r"(?:\$\$?([^$]+)\$\$?|\\\[(.+?)\\\]|\\\((.+?)\\\)|\*\*([^*\n]+)\*\*)\s*[.。]?\s*$", re.DOTALL)
CONCLUDES = re.compile(
    r"(?i)\b(?:so|thus|therefore|hence|finally|we (?:get|have|find|obtain)|there (?:are|is)|total)\b|所以|因此|故|得"
)
LONGEST = 300
ASIDE = re.compile(
    r"\s*\((?:since|because|as|i\.e\.|that is|which|where|from|see|note)\b[^()]*\)\s*\.?$", re.IGNORECASE
)


ADVERB = re.compile(r"^(?:therefore|thus|hence|then|simply|just|about|approximately|exactly)\s+", re.IGNORECASE)
# What takes a box back.
BACK = re.compile(
    r"(?i)[\s$*.,)\]\\]*(?:(?:(?:but|however|wait|hmm|no)\b[\s,.]*)+(?:that|this|it))?(?:\s*\b(?:is|was)|['’]s)\s+"
    r"(?:wrong|not\s+(?:right|correct)|incorrect)\b"
)
CONTRAST = re.compile(r"(?i)\b(?:however|but|wait|actually|correction)\b")
WHOLE = re.compile(r"(?:[A-Za-z]\s*=\s*)?[-+−$\\(]*[\d√][^\n]{0,60}|\$[^$\n]{1,60}\$")
# A last sentence that says a value, and ends: so x = 5. There are 5 ways.
SAYS = re.compile(
    r"(?:=|\b(?:so|thus|hence|therefore),?|\b(?:is|are|equals?|be|get|gets|have|obtain|find|gives?|yields?)\b|[为是得有等于])\s*\**\s*"
    r"(?P<value>-?\$?[\d√][\d.,/]*\d*\$?)\**(?P<unit>(?:\s+[a-z]+){0,2})\s*[.。]\**$",
    re.IGNORECASE,
)
# It is no answer that something else hangs on, or that is taken back.
SUPPOSED = re.compile(
    r"(?i)\b(?:suppose|assume|assuming|let|if|when|try|consider|cases?|steps?|not|never|wrong|false|incorrect|cannot|unless|perhaps|maybe|might|may|could|or"
    r"|least|most|than)\b|n['’]t\b|\b(?:for|where|with|since)\s+(?:\$?\w+\s*=\s*)?\S*$|[若设不]"
)


def _line(text: str) -> str:
    """Return the answer at the beginning of `text`: its first line with something in it, up to the sentence's end."""
    lines = [line.strip() for line in text.split("\n") if line.strip(" \t*_")]
    if not lines:
        return ""
    line = lines[0]
    if line in (r"\[", "$$") and len(lines) > 1:
        line = lines[1]
    if line.startswith("```") and len(lines) > 1:
        line = lines[1]
    line = line[:LONGEST].strip().strip("*_# ")
    line = ADVERB.sub("", re.sub(r"です$|입니다$", "", line.rstrip("?.。")) or line)
    line = re.sub(r"(?<=[\w)}$])(?:,?\s+(?:because|since)|,\s+not)\s.*", "", line)
    line = ASIDE.sub("", line)
    if bold := re.match(r"[^\d$*\\]{0,30}\*\*([^*]+)\*\*", line):
        return bold[1].strip()
    formulas = re.match(r"(\$+)(.+?)\1", line)
    if formulas and not re.search(r"[\d$]", line[formulas.end() :]):
        return line[: formulas.end()] + _unit_behind(line[formulas.end() :])
    sentence = re.split(r"(?<=[^.])[.。](?:\s|$)|\*\*", line, maxsplit=1)[0]
    return sentence.strip().strip("*_ ")


def _unit_behind(text: str) -> str:
    found = re.match(r"\s*[a-zA-Z%°/^0-9]{1,12}(?=\s*[.*]*\s*$)", text)
    return found[0] if found else ""


def _is_answer(text: str) -> bool:
    """Return whether a line says a value, and is no prose."""
    if re.fullmatch(r"(?i)(?:\w+ ){0,3}(?:above|below|boxed)\W*", text):
        return False  # as above
    if re.match(r"[a-z]{3}", text) and not re.search(r"[$\\=]", text):
        return len(text.split()) <= 4
    return bool(text) and (bool(re.search(r"[\d$\\=]", text)) or len(text.split()) <= 4)


def final_answer(text: str) -> str | None:
    """Return the answer of a text as it is written, or None where it gives none. A box that is cut off is none."""
    found = list(boxes(text))
    after = found[-1].end if found else 0
    if found and not found[-1].inside:
        return None
    for match in reversed(list(STRONG.finditer(text, after))):
        rest = text[match.end() :]
        line = _line(re.sub(r"^[-*•]\s", "", rest) if match[0].endswith("\n") else rest)  # an item of a list
        if _is_answer(line) and not BOX.search(line):
            return line
    if found and BACK.match(text, after):
        return None
    tail = text[after:]
    if found and not (CONTRAST.search(tail) and WEAK.search(tail)):
        return _boxed(text, found)
    for match in reversed(list(WEAK.finditer(text, after))):
        if SUPPOSED.search(re.split(r"[.\n]", text[: match.end()])[-1]):
            continue
        line = _line(text[match.end() :])
        if _is_answer(line) and (not found or re.match(r"[-$\\(]*\d", line)):
            return line
    return _boxed(text, found) if found else _concluded(text)


def _boxed(text: str, found: Sequence[Box]) -> str:
    """Return the last box, with those right before it that only a word or a comma parts from it."""
    first = len(found) - 1
    while first > 0 and BETWEEN.fullmatch(text[found[first - 1].end : found[first].start]):
        first -= 1
    return ", ".join(dict.fromkeys(box.inside for box in found[first:]))


def _concluded(text: str) -> str | None:
    """Return the formula that a text ends on, where its sentence concludes; of an equation the last side."""
    bare = re.sub(r"```\w*", "", text).strip().strip("*")
    if WHOLE.fullmatch(bare) and len(bare.split()) < 8:
        return bare  # nothing but an answer
    *_, sentence = re.split(r"(?<=[.。!?])\s+|\n+", text[-LONGEST:].strip())
    if said := SAYS.search(sentence):
        return None if SUPPOSED.search(sentence) else said["value"].strip("$") + said["unit"]
    match = CONCLUSION.search(text[-LONGEST:])
    if match is None:
        return None
    formula = next(group for group in match.groups() if group)
    sentence = re.split(r"[.。\n]\s", text[-LONGEST:][: match.start()])[-1]
    if SUPPOSED.search(sentence) or ("=" not in formula and not CONCLUDES.search(sentence)):
        return None
    return formula.rpartition("=")[2].strip() or None
