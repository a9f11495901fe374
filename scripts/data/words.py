"""What counts as a word where texts are compared: spelling that means nothing is taken off first."""

import polars as pl

from scripts.data.numbers import DIGITS, HAN_NUMBER, han_in_digits

HAN = r"\p{Han}"
WORD = r"\p{Han}|[\p{L}--\p{Han}]+|\p{N}+"
"""A Han character, a run of other letters, a run of digits: `2x`, `2 x` and `$2x$` are the same words."""
# NFKC makes x² to x2.
_SUPERSCRIPTS = {mark: f"^{digit}" for digit, mark in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")}
_THOUSANDS = r"(\d)(?:,|\{,\}|\\,|\\!,|\u202f|\u2009)(\d{3})\b"
# Cyrillic letters that look like Latin ones in one of their cases, and the Greek o: they hide in Latin words.
_LOOK_ALIKE = dict(zip("асеіјѕорхукмнтвο", "aceijsopxykmhtbo", strict=True))
_LOOK_ALIKE |= {letter.upper(): latin.upper() for letter, latin in _LOOK_ALIKE.items()}
# Signs by their names in LaTeX, and of several names one.
_GREEK = "alpha beta gamma delta epsilon zeta eta theta kappa lambda mu nu xi pi rho sigma tau phi chi psi omega"
_NAMED = dict(zip("αβγδεζηθκλμνξπρστφχψω", _GREEK.split(), strict=True))
_NAMED |= dict(zip("ΓΔΘΛΞΠΣΦΨΩ", "Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega".split(), strict=True))  # noqa: SIM905
_OPERATORS = (
    "times times times times div pm leq leq geq geq neq sqrt infty circ in cup cap angle triangle to sum prod int"
)
_NAMED |= dict(zip("×·⋅∙÷±≤⩽≥⩾≠√∞°∈∪∩∠△→∑∏∫", _OPERATORS.split(), strict=True))
_SIGNS = _LOOK_ALIKE | {sign: f"\\{name} " for sign, name in _NAMED.items()} | dict.fromkeys("−‐‑–", "-")
# The first that fits counts: what begins like another stands before it.
_SYNONYMS = {name: name for name in (r"\left", r"\neg", r"\nearrow", r"\gets", r"\cdots")}
_SYNONYMS |= {r"\cdot": r"\times ", r"\leqslant": r"\leq ", r"\leq": r"\leq ", r"\le": r"\leq ", r"\neq": r"\neq "}
_SYNONYMS |= {r"\geqslant": r"\geq ", r"\geq": r"\geq ", r"\ge": r"\geq ", r"\ne": r"\neq ", r"\rightarrow": r"\to "}
_SYNONYMS |= {rf"\var{name}": rf"\{name}" for name in ("epsilon", "phi", "theta", "rho", "sigma")}
_PRODUCT = r"(\d)\s?\*\s?(\d)"
_INVISIBLE = dict.fromkeys("\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff", "")  # blanks of no width, soft hyphens
_NAMES = _SIGNS | _SYNONYMS | _INVISIBLE | DIGITS
# What only says how a formula is set.
_SETTING = (
    r"(?i)\\(?:[dt]?frac|left|right|text(?:bf|it|rm)?|math(?:rm|bf|it|bb|cal)|mbox|displaystyle|q?quad|bigg?[lr]?)"
    r"(?:\b|_)"
)
_SHORT_FRACTION = r"(?i)\\[dt]?frac\s*(\d)\s*(\d)"


def spelt(texts: pl.Series) -> pl.Series:
    """Return texts in Unicode NFKC, numbers in digits without thousands separators, formulas without their setting.

    Signs are called as in LaTeX, letters of other scripts that look like Latin ones are those.
    """
    plain = texts.fill_null("").str.replace_many(_SUPERSCRIPTS).str.normalize("NFKC")
    plain = plain.str.replace_many(_NAMES, leftmost=True).str.replace_all(_PRODUCT, r"${1}\times ${2}")
    if (han := plain.str.contains(HAN_NUMBER)).any():
        plain = plain.scatter(han.arg_true(), plain.filter(han).map_elements(han_in_digits, pl.String))
    plain = plain.str.replace_all(_SHORT_FRACTION, " ${1} ${2}").str.replace_all(_SETTING, " ")
    # Twice: of 1,234,567 the first pass takes every second separator.
    return plain.str.replace_all(_THOUSANDS, "${1}${2}").str.replace_all(_THOUSANDS, "${1}${2}")


def normalise(texts: pl.Series) -> pl.Series:
    """Return texts plainly spelt and in lower case."""
    return spelt(texts).str.to_lowercase()


def split_words(texts: pl.Series) -> pl.Series:
    """Return the words of each text, as lists."""
    return normalise(texts).str.extract_all(WORD)
