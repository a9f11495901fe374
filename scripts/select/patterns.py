"""The four patterns of a step, told by phrases (LIMOPro, 2505.19187, Table 4, and their forms seen in R1's chains).

Progressive steps carry the derivation and are never removed. The functional ones are verification, multi-method
validation and error correction. Exactly one pattern a step: the one whose phrase stands first in its text, and
progressive where there is none.
"""

import re

PROGRESSIVE, VERIFICATION, MULTI_METHOD, ERROR_CORRECTION = (
    "progressive",
    "verification",
    "multi_method",
    "error_correction",
)
PATTERNS = (PROGRESSIVE, VERIFICATION, MULTI_METHOD, ERROR_CORRECTION)
FUNCTIONAL = PATTERNS[1:]

# What R1 says before a marker: "But wait", "Hmm, no, alternatively", "Okay so let me check".
_LEAD = r"(?:(?:but|so|and|oh|ah|hmm+|hm|no|okay|ok|well|yes|now|actually|also|just|then)\b[,.…]?\s+){0,3}"

# Phrases that mark a step only where a sentence begins: inside one, "wait" or "or" is an ordinary word.
_AT_START = {
    VERIFICATION: r"wait\b|hold on\b|going back to\b"
    r"|let(?:'|’)s (?:double[- ]?)?(?:check|verify|confirm|test)\b"
    r"|(?:just )?to (?:double[- ]?check|verify|confirm|be sure|make sure)\b"
    r"|(?:double[- ]?)?check(?:ing)?\b|verify(?:ing)?\b"
    r"|等等|等一下|让我(?:再)?(?:检查|验证|确认|核对)|(?:再)?(?:检查|验证|验算|核对)",
    MULTI_METHOD: r"alternatively\b|another (?:way|method|approach|idea)\b"
    r"|(?:a )?different (?:approach|method|way)\b|or,? (?:we|i|maybe|perhaps|alternatively)\b"
    r"|(?:另一种|换一种|换个)(?:方法|思路|办法|角度)|或者",
    ERROR_CORRECTION: r"(?:that|this)(?:'s|’s| is| was) "
    r"(?:wrong|incorrect|impossible|not right|not possible|a mistake)\b"
    r"|oops\b|i (?:made|see|found) (?:a|an|the|my) (?:mistake|error)\b"
    r"|(?:这|那)?(?:不对|错了|是错的|不可能)|我(?:算|弄|搞)错了",
    PROGRESSIVE: r"let(?:'|’)s (?:solve|start|begin|compute|calculate|denote|find|consider)\b"
    r"|first(?:ly)?\b|second(?:ly)?\b|then\b|next\b|finally\b|therefore\b|thus\b|hence\b|so\b|now\b|since\b"
    r"|we need to\b|given that\b"
    r"|因此|所以|首先|其次|然后|接下来|最后|于是|我们需要",
}
# Phrases that mark a step wherever they stand in it.
_ANYWHERE = {
    VERIFICATION: r"let me (?:just )?(?:double[- ]?|re-?)?(?:check|verify|confirm|test)\b|double[- ]check\b",
    MULTI_METHOD: r"let(?:'|’)s try (?:a different|another)\b|using another (?:method|approach)\b"
    r"|we can also (?:verify|check|solve|use)\b",
    ERROR_CORRECTION: r"this is wrong\b|the mistake (?:was|is)\b|that(?:'|’)s impossible\b|this contradicts\b"
    r"|the error is\b|i made (?:a|an) (?:mistake|error)\b",
}

_OPENERS = r"[\s\"'“‘(\[*_#>-]*"


def _any(phrases: dict[str, str]) -> str:
    return "|".join(f"(?:{alternatives})" for alternatives in phrases.values())


MARKER_AT_START = re.compile(rf"{_OPENERS}{_LEAD}(?:{_any(_AT_START)}|{_any(_ANYWHERE)})", re.IGNORECASE)

_SENTENCE_START = r"(?:\A|(?<=[.!?…]\s)|(?<=[。！？\n]))"
_FIRST_PHRASE = re.compile(
    "|".join(
        [rf"{_SENTENCE_START}{_OPENERS}{_LEAD}(?P<start_{name}>{phrases})" for name, phrases in _AT_START.items()]
        + [rf"(?P<any_{name}>\b(?:{phrases}))" for name, phrases in _ANYWHERE.items()]
    ),
    re.IGNORECASE,
)


def classify(step: str) -> str:
    """Return the pattern of a step: that of the first phrase in its text, progressive without one."""
    match = _FIRST_PHRASE.search(step)
    if not match:
        return PROGRESSIVE
    return str(match.lastgroup).split("_", 1)[1]
