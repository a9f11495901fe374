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
_LEAD = (
    r"(?:(?:but|so|and|oh|ah|hmm+|hm|no|okay|ok|well|yes|now|actually|also|just|then|maybe|perhaps)\b"
    r"[,.…]?[^\S\n]{1,4}){0,3}"
)
_CHECK = r"(?:(?:double|re|cross)[- ]?)?(?:check|verify|confirm|test|validate|examine)\b"
_WAY = r"(?:way|method|approach|idea|solution|route|angle)s?\b"
_OTHER = r"(?:another|a different|an alternative|a second|some other|an? \w{3,12}er|a more \w{1,20})"

# Phrases that mark a step only where a sentence begins: inside one, "wait" or "or" is an ordinary word.
# Of two that begin at the same place the pattern listed first has it: "wait, no" corrects.
_AT_START = {
    ERROR_CORRECTION: r"(?:that|this)(?:'s|’s| is| was| can(?:'t|’t|not) be) "
    r"(?:wrong|incorrect|impossible|not right|not correct|not possible|a mistake|right either)\b"
    r"|oops\b|scratch that\b|my (?:mistake|bad)\b|(?:wait|hold on)[,.…]* no\b(?! (?:need|problem))|actually,? no\b"
    r"|i (?:made|see|found|spotted) (?:a|an|the|my) (?:mistake|error)\b"
    r"|i (?:was wrong|misread|miscalculated|misunderstood|miscounted|mixed up|messed up|forgot|overlooked)\b"
    r"|(?:这|那)?(?:不对|错了|是错的|不可能)|我(?:算|弄|搞|看|想)错了",
    VERIFICATION: r"wait\b|hold on\b|going back to\b"
    rf"|(?:let(?:'|’)s|let me|i(?:'|’)ll|i should|we should) (?:(?:also|now|just|quickly|first) )?{_CHECK}"
    r"|let(?:'|’)s (?:just )?(?:make sure|be sure)\b"
    rf"|(?:just )?to (?:{_CHECK}|be sure|be safe|make sure)"
    rf"|{_CHECK}|(?:double[- ]?|re-?)?(?:checking|verifying|confirming)\b|verification\b|(?:quick|sanity|final) check\b"
    r"|(?:does|do|did|is|are) (?:that|this|it|these|i|we) (?:make sense|work|hold|right|correct|true|possible"
    r"|(?:read|understand|count|compute|miss|forget)[^?\n]{0,80}\?)"
    r"|(?:but|hmm+),? (?:and )?(?:is|are|does|do|did|can|could|should|how|why)\b[^.!?\n]{0,160}\?"
    r"|what (?:if|about)\b[^.!?\n]{0,160}\?"
    rf"|both {_WAY}|both (?:work|agree|match|give|solutions work)\b"
    r"|等等|等一下|让我(?:们)?(?:再|来)?(?:检查|验证|确认|核对|验算)|(?:再|来)?(?:检查|验证|验算|核对|检验)",
    MULTI_METHOD: rf"alternatively\b|another {_WAY}|(?:a )?different {_WAY}|or,? (?:we|i|maybe|perhaps|alternatively)\b"
    rf"|(?:is there|there(?:'s|’s| is| (?:may|might|must|should) be)) {_OTHER} {_WAY}|{_OTHER} {_WAY}"
    r"|(?:另(?:外)?一种|换一种|换个|还有一种)(?:方法|思路|办法|角度|做法)|或者|另解|也可以(?:用|从)|我们也可以",
    PROGRESSIVE: r"let(?:'|’)s (?:solve|start|begin|compute|calculate|denote|find|consider)\b"
    r"|first(?:ly)?\b|second(?:ly)?\b|then\b|next\b|finally\b|therefore\b|thus\b|hence\b|so\b|now\b|since\b"
    r"|we need to\b|given that\b"
    r"|因此|所以|首先|其次|然后|接下来|最后|于是|我们需要",
}
# Phrases that mark a step wherever they stand in it.
_ANYWHERE = {
    ERROR_CORRECTION: r"this is wrong\b|the mistake (?:was|is)\b|that(?:'|’)s impossible\b|this contradicts\b"
    r"|the error is\b|i made (?:a|an) (?:mistake|error)\b|(?:算|写|看|弄|搞)错了",
    VERIFICATION: r"let me (?:(?:just|also|now|quickly|first) )?(?:double[- ]?|re-?)?"
    r"(?:check|verify|confirm|test|trace|make sure|see if|run through|go over"
    r"|re-?(?:read|do|compute|calculate|count|examine|trace))\b|double[- ]check\b",
    MULTI_METHOD: rf"(?:let(?:'|’)s|let me|try|trying) (?:try |use |using )?{_OTHER} {_WAY}"
    rf"|let(?:'|’)s try (?:a different|another)\b|(?:using|in|by|with|via) {_OTHER} (?:way|method|approach)\b"
    r"|(?:we|i) (?:can|could|might) also (?:verify|check|solve|use|try)\b",
}
# Connectives end a step that checks or corrects, but do not cut a derivation.
_CONNECTIVE = r"(?:then|therefore|thus|hence|so|now|since)\b|因此|所以|然后|于是"
# These go on with a check as often as they end it: they end one that has come to its verdict.
_GOES_ON = re.compile(r"(?:then|since|now)\b", re.IGNORECASE)
_VERDICT = re.compile(
    r"\b(?:yes|yep|correct|right|good|great|okay|ok|fine|nice|perfect|works?|match(?:es)?|agrees?|holds|fits|consistent"
    r"|confirmed|checks out|same (?:answer|result))\b|[✓✔]|没错|正确|一致|对的",
    re.IGNORECASE,
)

_OPENERS = r"[ \t\xa0\u3000\"'“‘(\[*_#>-]{0,16}+"


def _starts(pattern: str) -> str:
    return "|".join(phrases[pattern] for phrases in (_AT_START, _ANYWHERE) if pattern in phrases)


def _named(prefix: str, phrases: dict[str, str]) -> list[str]:
    return [f"(?P<{prefix}_{name}>{alternatives})" for name, alternatives in phrases.items()]


_MARKERS = "|".join(_named("start", {name: _starts(name) for name in _AT_START}))
_MARKER = re.compile(rf"{_OPENERS}{_LEAD}(?:{_MARKERS})", re.IGNORECASE)
_CONNECTING = re.compile(rf"{_OPENERS}(?:{_CONNECTIVE})", re.IGNORECASE)
_CODE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_SENTENCE_START = r"(?:\A|(?<=[.!?…]\s)|(?<=[.!?…][\"'”’)\]]\s)|(?<=[。！？\n]))"
_FIRST_PHRASE = re.compile(
    rf"{_SENTENCE_START}{_OPENERS}{_LEAD}(?:{_MARKERS})"
    rf"|(?:\b|(?<=[\u4e00-\u9fff]))(?:{'|'.join(_named('any', _ANYWHERE))})",
    re.IGNORECASE,
)


def _pattern(match: re.Match[str] | None) -> str | None:
    return str(match.lastgroup).split("_", 1)[1] if match else None


def is_verdict(text: str, start: int, end: int) -> bool:
    """Tell whether a check comes to its end in text[start:end]."""
    return bool(_VERDICT.search(text, start, end))


def begins_step(text: str, step: int, position: int, is_remark: bool) -> bool:
    """Tell whether the sentence at `position` begins a step of its own, after the step so far, text[step:position].

    A connective ends a functional step, and goes on with a progressive one. A further marker of the step's own pattern
    ("Hold on. Is that right?") and a weak connective go on with the step until it has come to a verdict.
    A remark ("So that works.") belongs to what it remarks on.
    """
    match = _MARKER.match(text, position)
    if not match:
        return False
    pattern, so_far = _pattern(match), classify(text[step:position])
    if pattern == PROGRESSIVE and (is_remark or (so_far == PROGRESSIVE and _CONNECTING.match(text, position))):
        return False
    goes_on = pattern == so_far or (pattern == PROGRESSIVE and _GOES_ON.match(text, position))
    return so_far == PROGRESSIVE or not goes_on or is_verdict(text, max(step, position - 80), position)


def classify(step: str) -> str:
    """Return the pattern of a step: that of the first phrase in its text, code left out, progressive without one."""
    return _pattern(_FIRST_PHRASE.search(_CODE.sub("", step))) or PROGRESSIVE
