r"""The letter of a multiple choice that a text ends on.

What says it outright counts first, the last of its kind: an answer line ("Answer: C", "the correct option is C") or a
box. Where there is none: a first or last line that is one of the choices ("C) 42"), or a sentence that chooses ("C is
correct", "I choose C"). Two letters are no answer.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from itertools import pairwise

from scripts.common.judging.boxes import BOX, boxes
from scripts.common.judging.final import BETWEEN

LONGEST = 600
"""Characters of a line or sentence that may choose."""
# In these patterns @ stands for the letters. A letter as models write it: B, (B), B., B) 5 m/s, $B$, \(B\), \text{B},
# **B**, `B`, option B; of both A and B the first.
_MARKS = r"\s$*_(\[{`'\"“‘<"
WRAPPED = (
    rf"[{_MARKS}]*(?:\\[(\[]\s*)?(?:(?:[Bb]oth|[Ee]ither)\s+)?"
    rf"(?:\\(?:text|textbf|textit|mathrm|mathbf|mathsf|boxed)\s*\{{\s*)*[{_MARKS}]*(?:(?:[Oo]ption|[Cc]hoice|[Ll]etter|选项)\s*(?![a-z]))?"
    rf"[{_MARKS}]*([@])"
)
SECOND = (
    r"\s*[)\]}$*]*\s*(?:\\text\s*\{\s*)?(?:and|or|&|,|/|;|\+|和|或|、)\s*\}?\s*[(\[$]*(?:[Oo]ption\s+)?"
    r"[@](?![A-Za-z']|\s+is\b)"
)
ENDS = r"(?![A-Za-z0-9^=+]|[)\]}.*$]*\s+(?:is|was)\s+(?:not|wrong|incorrect|false)\b|['’](?!\W*(?:\n|$))|_(?!_)|-[a-z])"
# A small letter counts where nothing else can be meant: (c), c) 42, c at the line's end, or two of them.
_SMALL_ENDS = rf"(?=[\s$*_`'\"}}\])]*[.。]?\s*(?:$|\n)|[)\].]\s|{SECOND})"
_IS = r"(?:is|are|was|(?:would|must|should|will)\s+be|es|est|ist|è|é)\b"
_OF = (
    r"(?:\s+(?:to|for|of|in|this|that|the|question|problem|here|choice|option|letter|i|we|choose|chose|have|get|give"
    r"|multiple[- ]choice|final|correct[ae]?)\b){0,8}?"
)
_WORD = (
    r"(?<!wrong )(?<!false )(?<!incorrect )(?<!least likely )(?<!second best )\banswer"
    r"|\b(?:correct|right|best|final|chosen)\s+(?:option|choice|letter)\b|答案|正确(?:的)?选项|答え|正解|정답"
    r"|\b(?:respuesta|réponse|antwort|risposta|resposta|ответ)\b"
)
_THEN = r"(?:\s*\b(?:therefore|thus|hence|then|indeed|clearly|simply|(?:most\s+)?likely|probably)\b\s*)?"
LINE = re.compile(
    rf"(?i)(?:{_WORD}){_OF}[*_]*\s*(?:[\"'”]?\s*[:=→]|\s-\s|\b{_IS}|[为是は]|(?<=答案)\s*(?=\(?[A-Z]))[*_\s]*{_THEN}[:：]?[*_\s]*"
    r"|(?<![不没若果选])选(?![项手])(?:择)?[:：为是]?\s*"
)
_A = (
    r"(?:(?:[Oo]ption|[Cc]hoice|[Ll]etter|[Ss]tatement|[Aa]nswer|选项)\s*(?![a-z]))?"
    r"[$*_(\[{]*(?:\\text(?:bf)?\{\(?)?([@])[$*_)\]}]*"
)
_RIGHT = (
    r"(?:(?:the|our|my|therefore|thus|also|indeed|only|most\s+likely)\s+)*(?:correct|right|best|true|answer|valid)\b"
)
_FITS = rf"(?:\s+(?:is|must\s+be)\s+{_RIGHT}|\s+(?:holds|works|remains|fits)\b|\s*(?:选?项)?(?:是)?(?:正确|对的))"
_HE = r"(?:I|[Ww]e)(?:\s+(?:would|will|can)|['’](?:d|ll|m|re))?(?:\s+(?:therefore|thus|am|are))?"
_CHOOSES = r"(?:choose|pick|select|answer|say|guess|conclude|go(?:ing)?\s+with|confident\s+in)(?:\s+that\s+it\s+is)?"
# What chooses wherever it stands, and what does at the end of a text.
_BEFORE = (
    r"(?:^[\s>#*-]*|[,:;，：；]\s*|(?:所以|因此|故|即|则)\s*"
    r"|\b(?i:so|thus|hence|therefore|then|that|think|believe|only|the|and|but|see|means|while|just|is)\s+)"
)
SENTENCE = rf"{_BEFORE}(?<![A-Za-z0-9_'’]){_A}{_FITS}|\b{_HE}\s+{_CHOOSES}\s+{_A}(?![A-Za-z0-9'’])"
LAST = (
    r"(?i:\b(?:so|thus|hence|therefore|choose|pick|select(?:ed)?|going\s+with|leav(?:es|ing)|match(?:es|ing)"
    r"|corresponds\s+to|(?:it|this|that|which|one|statement|response|solution|option|choice|pick|guess|letter|selection)"
    r"(?:['’]s|\s+(?:is|must\s+be|has\s+to\s+be|would\s+be|gives))|must\s+be|think|believe(?:\s+it\s+is)?|conclude|elimination"
    r"|(?:final|correct|best|my|result|solution|conclusion|selected|pick|guess|choice)(?=\s*:))\s*[,:]?\s*)"
    rf"(?:only\s+)?{_A}(?:\s+then)?[\s.!]*$|(?:正确的?是|选)\s*{_A}[\s.。]*$"
)
_NOT_THE = r",?\s+(?:and\s+)?not\s+[$(]*[@]\b[)$]*"
REJECTS = re.compile(
    r"(?i)\b(?:next|another|first|second|other|worst|least likely)\b[^,;]*$"
    r"|\b(?:wrong|incorrect|false|fails?)\b[^,;]*$"
)
DOUBTS = re.compile(
    r"(?i)\b(?:not|never|neither|nor|cannot|or|either|if|unless|whether|may|might|could|perhaps|maybe|except|suppose|assume"
    r"|consider|both|false that|doubt|few|many|nobody|someone|students?|refuse|sometimes|mistake)\b"
    r"|n['’]t\b|\?|[不非错若]|如果"
)
_LISTED = r"[ \t>#*_(\[$-]*(?:\\text(?:bf|rm)?\{\(?)?([@])[*_$]*(?:[.)\]:]\}?|(?= - ))(?=[\s*$\\]|$)"


@cache
def _compiled(pattern: str, letters: str) -> re.Pattern[str]:
    return re.compile(pattern.replace("@", letters))


def _match(text: str, letters: str, small: bool) -> tuple[re.Match[str], str] | None:
    """Return the match of the letter that a short answer begins with, and the letters in its case."""
    for alike, ends in ((letters, ENDS), (letters.lower(), ENDS + _SMALL_ENDS))[: 1 + small]:
        if match := _compiled(WRAPPED + ends, alike).match(text, 0, LONGEST):
            return match, alike
    return None


def _two_letters(text: str, letters: str, small: bool = True) -> bool:
    found = _match(text, letters, small)
    return bool(found and _compiled(SECOND, found[1]).match(text, found[0].end()))


def letter_of(text: str, letters: Sequence[str], small: bool = True) -> str | None:
    """Return the letter that a short answer begins with, or None for none or two of them.

    Without `small` none but capital letters count: in mathematics c and C are two names.
    """
    allowed = "".join(letters)
    found = _match(text, allowed, small)
    if found is None or _two_letters(text, allowed, small):
        return None
    match = found[0]
    if re.match(r"\s+[a-z]", text[match.end() :]) and match[1] in "AI" and "(" not in match[0]:
        return None  # A ball falls
    return match[1].upper()


def final_letter(text: str, letters: Sequence[str]) -> str | None:
    """Return the letter that a text ends on, or None."""
    text, allowed = unicodedata.normalize("NFKC", text), "".join(letters)  # Ｃ, （C）
    said = [*_lines(text, allowed), *_boxed(text, allowed)]
    if said:
        return max(said, key=lambda each: each[0])[1]
    return _alone(text, allowed) or _weak(text, allowed)


def _lines(text: str, letters: str) -> list[tuple[int, str | None]]:
    """Return where a line says the answer, and the letter; None for two."""
    found = []
    for match in LINE.finditer(text):
        rest = text[match.end() :]
        boxed = re.match(r"[\s$*]*" + BOX.pattern, rest)
        letter = letter_of(rest, letters)
        if letter or (not boxed and _two_letters(rest, letters)):
            found.append((match.start(), letter))
    return found


def _boxed(text: str, letters: str) -> list[tuple[int, str | None]]:
    """Return where a box holds a letter, and it; None for two, in one box or in two that are one answer."""
    every = [box for box in boxes(text) if box.inside]
    found: dict[int, str | None] = {}
    for box in every:
        letter = letter_of(box.inside, letters)
        if letter or _two_letters(box.inside, letters):
            found[box.start] = letter
    read = dict(found)
    for one, other in pairwise(every):
        first, last = read.get(one.start), read.get(other.start)
        if first and last and first != last and BETWEEN.fullmatch(text[one.end : other.start]):
            found[other.start] = None
    return list(found.items())


def _alone(text: str, letters: str) -> str | None:
    """Return the letter of a last line that holds nothing else, or of a first or last line that is one of the choices,
    where no other line is another."""
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines or len(lines[-1]) > LONGEST:
        return None
    for known in (letters, letters.lower()):
        if alone := _compiled(WRAPPED + r"[\s)\]}$*_.,!`'\"]*", known).fullmatch(lines[-1]):
            return alone[1].upper()
    listed = [_compiled(_LISTED, letters).match(line) for line in lines]
    ends = listed[0] or listed[-1]
    alike = len({match[1] for match in listed if match}) == 1
    return ends[1] if ends and alike and not ends[0].endswith("A:") else None


def _weak(text: str, letters: str) -> str | None:
    """Return the letter that sentences choose, where they agree; else that of the last one."""
    sentences = [
        part for part in re.split(r"(?<=[.!?。？！;])\s+|(?<=[。；])|,(?=\S)|\n+", text) if part.strip(" *_$.")
    ]
    found = {letter for part in sentences for letter in _chosen(SENTENCE, part, letters)}
    if found:
        return found.pop() if len(found) == 1 else None
    if sentences and REJECTS.search(sentences[-1]):
        return None
    last = _chosen(LAST, re.split(r"[,;，]\s*(?=so\b|it\b|leaving\b)", sentences[-1])[-1], letters) if sentences else []
    return last[-1] if last else None


def _chosen(pattern: str, sentence: str, letters: str) -> list[str]:
    """Return the letters that a sentence without doubts chooses."""
    sentence = _compiled(_NOT_THE, letters).sub("", sentence[-LONGEST:])
    if DOUBTS.search(sentence):
        return []
    return [next(filter(None, match.groups())) for match in _compiled(pattern, letters).finditer(sentence)]
