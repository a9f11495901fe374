"""Numbers in English words: seventeen, one hundred and five, two thirds; Chinese digits alone."""

import sympy as sp

from scripts.common.number_names import SMALL, TENS

_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_FRACTIONS = "half third fourth fifth sixth seventh eighth ninth tenth"
_PARTS = {name: part for part, name in enumerate(_FRACTIONS.split(), start=2)}
_PARTS |= {"quarter": 4, "hundredth": 100, "thousandth": 1000}
_CHINESE = "零一二三四五六七八九十"


def number_in_words(text: str) -> sp.Rational | None:
    """Return the number that words say, all of them, or None."""
    if len(text) == 1 and text in _CHINESE:
        return sp.Integer(_CHINESE.index(text))
    words = text.lower().replace("-", " ").split()
    part = _PARTS.get(words[-1].removesuffix("s").replace("halve", "half")) if len(words) > 1 else None
    if part:
        above = _whole(words[:-1])
        return sp.Rational(above, part) if above and (above == 1) != words[-1].endswith("s") else None
    whole = _whole(words)
    return None if whole is None else sp.Integer(whole)


def _whole(words: list[str]) -> int | None:
    """Return a whole number: groups before thousand, million, ..., each up to 999."""
    total, group, last = 0, 0, 10**15
    least = 1000
    for place, word in enumerate(words):
        if word == "and" and 0 < place < len(words) - 1 and least >= 100:
            continue
        if word in _SCALES:
            if not group or _SCALES[word] >= last:
                return None
            total, group, last, least = total + group * _SCALES[word], 0, _SCALES[word], 1000
        elif word == "hundred":
            if not 0 < group < 10:
                return None
            group, least = group * 100, 100
        else:
            value = TENS.get(word, SMALL.index(word) if word in SMALL else -1)
            if value < 0 or (group and (least < 20 or value >= least or (least < 100 and not 0 < value < 10))):
                return None
            group, least = group + value, 20 if word in TENS else 0
    return total + group if words else None
