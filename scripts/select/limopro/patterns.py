"""The four patterns of a step (LIMOPro, 2505.19187), and the classes of phrases by which a reader tells them.

Progressive steps carry the derivation and are never removed. The functional ones are verification, multi-method
validation and error correction. No phrase decides alone: features.py says which classes a unit has, and the trained
model weighs them. The phrases are the paper's (Table 4) and those of R1's chains.
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
LETTERS = {pattern: pattern[0].upper() for pattern in PATTERNS}
"""P, V, M and E, as labelled chains name the patterns."""

_WAY = "way|method|approach|idea|angle|thought|possibility|interpretation"
_PHRASES = {
    # What turns around
    "wait": r"\b(?:wait|hold on|hmm+|hm)\b",
    "but": r"\b(?:but|however)\b",
    "actually": r"\bactually\b",
    "error": r"\b(?:mistake|wrong|error|incorrect|not right|not correct|oops|misread|confus\w*|contradict\w*|impossible"
    r"|misunderst\w*|miscalc\w*)\b",
    "doubt": r"\b(?:maybe|perhaps|might|could|possibly|not sure|unsure|seems?|suspicious|strange|trick|careful\w*)\b",
    # What looks back
    "check": r"(?:double|re|cross)?[- ]?\b(?:check|verify|confirm|make sure|sanity|validate|verification)\w*",
    "test": r"\b(?:test|try|plug|substitut)\w*\b",
    "again": r"\b(?:again|once more|recheck|recap|reconsider|rethink|re-?read|go over|going back|go back|earlier|before"
    r"|previous\w*|already)\b",
    "sure": r"\b(?:just|to be (?:sure|safe|thorough)|thorough|sure|certain)\b",
    "verdict": r"\b(?:yes|yep|correct|right|good|great|okay|fine|perfect|works?|match\w*|agrees?|holds|consistent"
    r"|confirm\w*|same (?:answer|result)|makes sense|checks out)\b|[✓✔]",
    # What goes another way
    "other": rf"\balternativ\w*|\b(?:another|different|other|second) (?:{_WAY})\w*|\bor maybe\b|\binstead\b",
    "suppose": r"\b(?:suppose|assume|consider|if)\b",
    "example": r"\b(?:for example|e\.g|for instance|example)\b",
    # What goes on
    "so": r"^(?:so|therefore|thus|hence|then)\b",
    "first": r"^(?:first|next|now|second|finally|then|step)\b",
    "let": r"\b(?:let me|let's|i'll|i need|we need|i can|we can|i should)\b",
    "since": r"\b(?:since|because|as)\b",
    "remember": r"\b(?:remember|recall|i think|i believe|think)\b",
    # What concludes, and what asks
    "conclusion": r"\b(?:therefore|thus|hence|indeed|conclude\w*|confident|conclusion)\b",
    "final": r"\bfinal answer\b|\\boxed|\banswer (?:is|should be|would be|must be)\b|\*\*(?:final )?answer",
    "problem": r"\b(?:problem|question|statement|asks?|asked|given|interpret\w*|phras\w*|says|said)\b",
    "ask": r"\b(?:what if|what about|is there|are there|does|did i|is it|is that|is this|could there)\b",
}
CUES = {name: re.compile(phrases, re.IGNORECASE) for name, phrases in _PHRASES.items()}
"""Classes of phrases. A unit has a class where one of its phrases stands in it, in English (Chinese: see `english`)."""

# Chinese phrases and the English ones they are read as. Of two that fit at one place the first listed has it.
_CHINESE = {
    "等等|等一下|慢着|且慢": "wait, ",
    "不对|错了|是错的|弄错|算错|看错|搞错|写错": " wrong, ",
    "不可能": " impossible ",
    "矛盾": " contradiction ",
    "让我们?(?:再|来)*(?:仔细)?(?:检查|验证|确认|核对|验算|检验|看看)": "let me check ",
    "(?:再|来|重新)+(?:检查|验证|确认|核对|验算|检验)": "let me check again ",
    "检查|验证|确认|核对|验算|检验": "check ",
    "另(?:外)?一?种(?:方法|思路|办法|做法|解法|方式)|换(?:一)?[种个](?:方法|思路|角度|办法)?"
    "|还有一种(?:方法|思路|办法)": "alternatively, another way ",
    "或者|另解|也可以(?:用|从)|我们也可以": "alternatively, ",
    "没错|正确|对的|没有?问题|符合|吻合|成立": " correct ",
    "结果(?:是)?一[致样]|一致": " same result ",
    "最终答案|答案(?:是|为|应该是|就是)": " answer is ",
    "因此|因而|从而": "therefore, ",
    "所以|于是|那么": "so ",
    "但是|可是|不过|然而": "but ",
    "其实|实际上": "actually ",
    "首先|第一步": "first, ",
    "其次|接下来|接着|然后": "then ",
    "最后": "finally ",
    "现在": "now ",
    "代入": " substitute ",
    "可能|也许|好像|似乎|或许": " maybe ",
    "刚才|之前|前面|已经|重新": " earlier ",
    "题目|题意|问题": " problem ",
    "让我(?:们)?|我们需要|需要": " let me ",
    "因为|由于": " because ",
    "假设|假如|如果|若": " suppose ",
    "例如|比如": " for example ",
    "确实|的确": " indeed ",
    "是否|是不是|有没有": " is there ",
}
_CHINESE_PHRASE = re.compile("|".join(f"({phrase})" for phrase in _CHINESE))
_ENGLISH = list(_CHINESE.values())
_HAN = re.compile(r"[\u4e00-\u9fff]")
_MARKS = str.maketrans({"，": ", ", "。": ". ", "？": "? ", "！": "! ", "：": ": ", "；": "; ", "’": "'", "‘": "'"})


def english(text: str) -> str:
    """Return `text` in small letters with the Chinese phrases that are known in English, so that the model, which was
    trained on English chains, finds in it the same words and classes."""
    if _HAN.search(text):
        text = _CHINESE_PHRASE.sub(lambda match: _ENGLISH[(match.lastindex or 1) - 1], text)
    return text.translate(_MARKS).strip().lower()
