"""Numbers as they are written in English and Chinese words, and in the digits of other scripts.

`one` and 一 are none of them: they are said of anything.
"""

import re
import sys
import unicodedata

from scripts.common.number_names import SMALL, TENS

_HUNDREDS = {"hundred": "100", "thousand": "1000"}
NUMBERS = {word: str(number) for number, word in enumerate(SMALL) if number > 1} | _HUNDREDS
NUMBERS |= {word: str(number) for word, number in TENS.items()}
HYPHENED = {f"{ten}-{SMALL[unit]}": str(TENS[ten] + unit) for ten in TENS for unit in range(1, 10)}
_WORDS = re.compile(rf"\b(?:{'|'.join([*HYPHENED, *NUMBERS])})\b", re.IGNORECASE)
DIGITS = {
    sign: str(unicodedata.decimal(sign))
    for sign in map(chr, range(0x80, sys.maxunicode + 1))
    if unicodedata.decimal(sign, None) is not None
}
"""The decimal digits of other scripts: ٤ is 4."""
_HAN_DIGITS = {sign: value for value, sign in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2, "兩": 2}
_HAN_UNITS = {"十": 10, "百": 100, "千": 1000}
HAN_NUMBER = r"[零〇一二三四五六七八九两兩十百千]{2,}|[二三四五六七八九两兩十]"


def in_digits(text: str) -> str:
    """Return a text whose English words for numbers are digits."""
    return _WORDS.sub(lambda found: {**HYPHENED, **NUMBERS}[found[0].lower()], text)


def han_in_digits(text: str) -> str:
    """Return a text whose Chinese words for numbers are digits: 十五 is 15, 二〇二四 is 2024."""
    return text if text.isascii() else re.sub(HAN_NUMBER, lambda found: _han_value(found[0]), text)


def _han_value(word: str) -> str:
    if _HAN_UNITS.keys().isdisjoint(word):
        return "".join(str(_HAN_DIGITS[sign]) for sign in word)
    value = digit = 0
    for sign in word:
        if sign in _HAN_UNITS:
            value, digit = value + (digit or 1) * _HAN_UNITS[sign], 0
        else:
            digit = _HAN_DIGITS[sign]
    return str(value + digit)
