r"""Rarer ways of writing as the usual one: 3.2 x 10^5, ]1, 2[, 0.333..., 5‰, log2(x), n an integer."""

import re

_FONT = r"(?:\\text\{)?\s*"
_USUAL: list[tuple[str, str]] = [
    (r"\\text\{([^{}]*\bmod\b[^{}]*)\}", r"\1"),
    (r"^[\"'“](.*)[\"'”]$", r"\1"),
    (r"\\text\{\s*only\s*\}$", ""),
    (r"(?<=[,\s])\.\.\.(?=\s*(?:,|$))", r"\\ldots "),
    (r"(?<=[\d.)}])\s*(?:\\text\{\s*[xX]\s*\}|(?<!\b0)[xX])\s*(?=\d)", r"\\times "),
    (rf"([\d.]*\d)\s*(?:‰|\\permil\b|\\textperthousand\b|{_FONT}per mill?e?\b\s*\}}?)", r"\\frac{\1}{1000}"),
    (r"(?<=\d)\s*\^\s*(?:o\b|\{\s*o\s*\})", r"^\\circ "),
    (
        r"(?<![\d.])(?=\d+\.\d+\s*(?:\.\.\.|\\ldots))"
        r"(\d+\.\d{0,12}?)(?:(\d{2,12}?)\2+|(\d)\3{2,})\s*(?:\.\.\.|\\ldots)",
        r"\1\\overline{\2\3}",
    ),
    (r"\{?\s*(\w+)\s*\\choose\s*(\w+)\s*\}?", r"\\binom{\1}{\2}"),
    (r"\\?\blog(2|10)(?=\s*\()", r"\\log_{\1}"),
    (r"\(\s*([\dA-F]+)\s*\)\s*(?=_)", r"\1"),
    (r"_\s*\{\s*\(\s*(\d+)\s*\)\s*\}", r"_{\1}"),
    (
        rf"(?:\\text\{{\s*(?:for|where)\s*\}}\s*)?\b([a-z])\s*{_FONT}(?:is\s+)?(?:an?\s+|any\s+)?integers?\s*\}}?$",
        r", \1\\in \\mathbb{Z}",
    ),
    (r"[,\s]*\\text\{\s*(?:for|where)?\s*(?:any|all|an)?\s*integers?\s*\}\s*([a-z])$", r", \1\\in \\mathbb{Z}"),
    (
        r"\\\{\s*\\begin\s*\{(?:array\}\s*\{[^{}]*\}|aligned\}|matrix\})(.*?)\\end\s*\{\w+\}\s*\.?(?!\s*\\\})",
        r"\\begin{cases}\1\\end{cases}",
    ),
    (r"(\\\\ )\s*\[[\d.]+\s*(?:pt|em|ex|mm|cm)\]", r"\1"),
    (r"(?<=\d)\s*万", r"\\times 10^{4} "), (r"(?<=\d)\s*亿", r"\\times 10^{8} "),
    (r"(\\mathbb\s*\{?\s*R\s*\}?)\s*-\s*\\\{", r"\1\\setminus \\{"),
    (r"\bsq\.\s*(?=[a-z])", "square "),
    (r"\\(?:textcolor|color|colorbox|bbox)\s*(?:\[[^\[\]]*\]|\{[^{}]*\})", ""),
    (r"\\(?:blacksquare|square|qed|checkmark|underline|tag\s*\{[^{}]*\})(?![A-Za-z])|\\#", ""),
]  # fmt: skip
USUAL = [(re.compile(pattern), by) for pattern, by in _USUAL]
CHOSEN = re.compile(r"\bC\s*_\s*\{?\s*(\d{1,4})\s*\}?\s*\^\s*\{?\s*(\d{1,4})\s*\}?(?!\d)")
"""C_5^2, 2 of 5; but C_1^2 is the square of a constant."""
_END = r"\s*[^\s\[\](){},;][^\[\](){},;]*"
# An interval; in France an open end is a bracket turned outward.
INTERVAL = re.compile(rf"([\[\]])({_END}[,;]{_END})([\[\]])")


def _inward(match: re.Match[str]) -> str:
    """Return an interval with round brackets where they were turned outward."""
    if (match[1], match[3]) == ("[", "]"):
        return match[0]
    return f"{'(' if match[1] == ']' else '['}{match[2]}{']' if match[3] == ']' else ')'}"


def usual(text: str) -> str:
    """Return plain notation in the usual way of writing."""
    for pattern, by in USUAL:
        text = pattern.sub(by, text)
    text = CHOSEN.sub(lambda m: rf"\binom{{{m[1]}}}{{{m[2]}}}" if int(m[1]) > int(m[2]) else m[0], text)
    return INTERVAL.sub(_inward, text)
