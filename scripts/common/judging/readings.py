"""What a written answer may mean: its values in several readings, the likeliest first, and its words."""

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

from scripts.common.judging import units
from scripts.common.judging.functions import Unreadable
from scripts.common.judging.notation import CJK, joined_thousands, plain
from scripts.common.judging.number_words import number_in_words
from scripts.common.judging.parsing import read_value
from scripts.common.judging.sets import REALS
from scripts.common.judging.tokens import text_of, tokens_of
from scripts.common.judging.values import InBase, Mixed, Named, Number, Pieces, Ratio, Text, Value
from scripts.common.judging.variants import usual
from scripts.common.judging.words import words_of

LEAD = re.compile(
    r"^(?:一共|总共|共有|共|答案[是为]?[:：]?)(?=\s*[\d$\\-])|^(?:\\text\{)?\s*(?:(?:the|our|so|hence|thus)\s+)?(?:final\s+|general\s+)?(?:answers?|solutions?|results?)\b[^:=\d\\$\[({]{0,40}?"
    r"(?:\bis\b|\bare\b|:|=)\s*:?\s*\}?\s*:?",
    re.IGNORECASE,
)
CHOSEN = re.compile(r"(?:\\text\{)?\s*\(?[A-H][).](?:\s*\}|\s)\s*(?=[-\d\\$])")
"""The option that a value is: (B) 5."""
MODULUS = re.compile(r"\(?\s*(?<![A-Za-z\\])\\?p?mod(?![a-z])\s*\{?\s*([\w^]+)\s*\}?\s*\)?")
CLOCK = re.compile(r"(\d:\d\d)[\s~\\,]*(?:\\(?:text|mathrm)\{)?\s*([ap])\.?\s?m\b\.?\s*\}?", re.IGNORECASE)
"""A time of the day, whose "pm" is no plus or minus."""
BASE = re.compile(
    r"(?<=[\dA-F])\s*(?:\\text\{)?\s*[,(]?\s*(?:in\s+)?(?:\\text\{)?base[\s}-]*(\d+|[a-z]+)\s*\)?\s*\}?\s*\)?$"
)
"""1011 in base 2, 1011 (base two)"""
MATRICES = re.compile(r"(?:[A-Z]\s*(?:\^\s*(?:\{\s*(?:-\s*1|T|\\top)\s*\}|T|\\top)\s*)?){2,}")
"""A product whose order matters: P^{-1}AP."""
BETWEEN = re.compile(r"(\d+(?:\.\d+)?)\s*-\s*(\d+(?:\.\d+)?)")
TO = re.compile(r"(\d+)\s*(?:\\text\{)?\s*to\s*\}?\s*(\d+)")
"""A ratio, or from a number to another."""
LETTERS = re.compile(r"(?:\\text\{)?\s*[A-H](?:\s*(?:,|\band\b|\\text\{\s*and\s*\})\s*[A-H])+\s*\}?")
"""Several options of a question, which golds write as one word."""
DATE = re.compile(r"(?:\d{4}([-/.])\d{1,2}\1\d{1,2}|\d{1,2}([-/.])\d{1,2}\2\d{4})")
"""A day, which is no difference or quotient."""
INTEGER = re.compile(r"(?<![A-Za-z\\])([a-z])\s*\\in\s*(?:\\mathbb\s*\{?\s*)?[NZ]\b")
COUNTED = re.compile(r"(.+) ([a-z]{3,}s|people|children|men|women)")
"""Seventeen apples."""
TIGHT = re.compile(r"/([A-Za-z]{2,3})(?![A-Za-z(])")
"""t/RC, which is often meant as t/(RC)."""
INSIDE = re.compile(r"^\\text\{([^{}]*\d[^{}]*)\}$")
INDEXED = re.compile(r"(?=.*[A-Za-z)]\d)[A-Za-z][A-Za-z\d()]*")
"""H2O, x1: digits behind letters are below them, and nothing else stands around."""
DIGITS = re.compile(r"(?=[\dA-Za-z]*\d)([\dA-Za-z]*[A-Za-z][\dA-Za-z]*)\s*_\s*\{?\s*(\d\d)\s*\}?")
SAID = re.compile(
    rf"(?:\\text\{{)?\s*(?P<name>[A-Za-z][A-Za-z' ]{{2,40}}?|[{CJK}]{{1,10}}?)\s*"
    rf"(?:\bis\b|\bare\b|:|为|是|等于)[\s}}:]*(?P<value>[^{CJK}]*[\d\\=].*)"
)
"""The area is 6."""
NO_NAME = re.compile(
    r"(?i)\b(?:not?|least|most|than|between|about|near|never|if|when|or|and|nor|except)\b|n't\b|[不非至超约近]|[小大多少]于"
)


@lru_cache(maxsize=256)
def readings(answer: str, gold: bool = False) -> tuple[Value, ...]:
    """Return what a written answer may mean, the likeliest first; the last is its text."""
    half = ""
    if clock := CLOCK.search(answer):
        answer, half = f"{answer[: clock.end(1)]}{answer[clock.end() :]}", f"{clock[2].upper()}M"
    text = MODULUS.sub(r" \\pmod{\1}", usual(plain(answer)))
    if (only := _no_formula(text)) is not None:
        return (Text(only),)
    text = BASE.sub(r"_{\1}", TO.sub(r"\1:\2", text) if TO.fullmatch(text) else text)
    text = _with_k(INSIDE.sub(r"\1", text).strip())
    found = list(_outright(text))
    for form in _forms(text):
        found += _values(LEAD.sub("", form) or form, gold)
    if half:
        found = [replace(value, half=half) if isinstance(value, Ratio) else value for value in found]
    if not found and (said := SAID.fullmatch(text)) and not NO_NAME.search(said["name"]):
        found = [Named(words_of(said["name"]), value) for value in _values(said["value"], gold)]
    words = f"{text} {half}".strip()
    in_a_unit = bool(found) and isinstance(found[0], Number) and units.is_known(found[0].unit)
    return (*found, *_as_sentence(text), Text(words if in_a_unit else words_of(words)))  # MHz is no mHz


def _no_formula(text: str) -> str | None:
    """Return as words what looks like a formula and is none: a date, a code, a range, a product of matrices."""
    if DATE.fullmatch(text):
        return "-".join(number.lstrip("0") for number in re.findall(r"\d+", text))
    if re.fullmatch(r"0\d{3,}", text):
        return text  # 00101
    if (ends := BETWEEN.fullmatch(text)) and float(ends[1]) < float(ends[2]):
        return f"{ends[1]} - {ends[2]}"  # 5-10, which would be left as no difference
    return text_of(tokens_of(text)) if MATRICES.fullmatch(text) and "^" in text else None


def _forms(text: str) -> list[str]:
    """Return a text with commas in or between numbers, without the option before a value, and t/RC as t/(RC)."""
    option = CHOSEN.match(text)
    forms = [joined_thousands(text), text, text[option.end() if option else 0 :], TIGHT.sub(r"/(\1)", text)]
    return list(dict.fromkeys(forms))


def _values(form: str, gold: bool) -> Iterator[Value]:
    """Yield the values that notation says, in all readings of its units and marks."""
    for value, unit in _with_units(form, gold):
        try:
            yield _in_unit(read_value(tokens_of(value)), unit)
        except (Unreadable, ValueError, TypeError, RecursionError, AttributeError, NotImplementedError):
            continue


def _outright(text: str) -> Iterator[Value]:
    """Yield what a whole text says that is no notation: letters of options, a number in words, a formula of chemistry,
    digits of a base above ten."""
    if LETTERS.fullmatch(text):
        yield Text(words_of("".join(re.findall("[A-H]", text))))
    words = re.sub(r"\\text\{([^{}]*)\}", r"\1", text).strip()
    if (number := number_in_words(words)) is not None:
        yield Number(number)
    elif (
        (counted := COUNTED.fullmatch(words))
        and not {counted[2], counted[2].removesuffix("s")} & units.STATES
        and (number := number_in_words(counted[1])) is not None
    ):
        yield Number(number, unit=units.canonical(counted[2]))
    if INDEXED.fullmatch(compact := re.sub(r"\\text\{|[{}_]", "", text)):
        yield Text(compact)
    if (digits := DIGITS.fullmatch(text)) and 10 < int(digits[2]) < 37:
        yield InBase(digits[1].upper(), digits[2])
    if words_of(text) == "all real number":
        yield Pieces((REALS[r"\mathbbR"],))


def _with_k(text: str) -> str:
    """Return text with k for the name that is any whole number: n pi, n in Z."""
    name = INTEGER.search(text)
    if name is None or re.search(r"(?<![A-Za-z\\])k(?![A-Za-z])", text):
        return text
    return re.sub(rf"(?<![A-Za-z\\]){name[1]}(?![A-Za-z])", "k", text)


def _with_units(text: str, gold: bool) -> list[tuple[str, str]]:
    """Return the text without its unit, if it has one, and as it is."""
    without = units.without_unit(text, gold)
    if without and without[1] == "deg":
        return [without]  # with its sign it would be read as a number without a unit
    return [without, (text, "")] if without else [(text, "")]


def _in_unit(value: Value, unit: str) -> Value:
    if isinstance(value, Number):
        return replace(value, unit=unit)
    return (
        replace(value, value=_in_unit(value.value, unit), equation=None) if isinstance(value, Named) and unit else value
    )


def _as_sentence(text: str) -> list[Value]:
    """Return a Chinese sentence with formulas as its words and values."""
    chunks = [chunk.strip(" ,;.:") for chunk in re.split(rf"([{CJK}]+)", re.sub(r"\\text\{([^{}]*)\}", r"\1", text))]
    chunks = [chunk for chunk in chunks if chunk]
    if len(chunks) < 2 or not any(re.search(f"[{CJK}]", chunk) for chunk in chunks):
        return []
    return [Mixed(tuple(Text(c) if re.search(f"[{CJK}]", c) else readings(c)[0] for c in chunks))]
