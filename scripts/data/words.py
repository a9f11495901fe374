"""What counts as a word where texts are compared: spelling that means nothing is taken off first."""

import polars as pl

HAN = r"\p{Han}"
WORD = r"\p{Han}|[\p{L}--\p{Han}]+|\p{N}+"
"""A Han character, a run of other letters, a run of digits: `2x`, `2 x` and `$2x$` are the same words."""
# NFKC makes x² to x2.
_SUPERSCRIPTS = {mark: f"^{digit}" for digit, mark in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")}
_THOUSANDS = r"(\d)(?:,|\{,\}|\\,|\\!,|\u202f|\u2009)(\d{3})\b"
# What only says how a formula is set.
_SETTING = (
    r"(?i)\\(?:[dt]?frac|left|right|text(?:bf|it|rm)?|math(?:rm|bf|it|bb|cal)|mbox|displaystyle|q?quad|bigg?[lr]?)"
    r"(?:\b|_)"
)
_SHORT_FRACTION = r"(?i)\\[dt]?frac\s*(\d)\s*(\d)"


def spelt(texts: pl.Series) -> pl.Series:
    """Return texts in Unicode NFKC, numbers without thousands separators, formulas without their setting."""
    plain = texts.fill_null("").str.replace_many(_SUPERSCRIPTS).str.normalize("NFKC")
    plain = plain.str.replace_all(_SHORT_FRACTION, " ${1} ${2}").str.replace_all(_SETTING, " ")
    # Twice: of 1,234,567 the first pass takes every second separator.
    return plain.str.replace_all(_THOUSANDS, "${1}${2}").str.replace_all(_THOUSANDS, "${1}${2}")


def normalise(texts: pl.Series) -> pl.Series:
    """Return texts plainly spelt and in lower case."""
    return spelt(texts).str.to_lowercase()


def split_words(texts: pl.Series) -> pl.Series:
    """Return the words of each text, as lists."""
    return normalise(texts).str.extract_all(WORD)
