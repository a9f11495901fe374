"""Words in one way of writing: capitals, articles and plurals do not matter."""

import re

from scripts.common.judging.notation import CJK
from scripts.common.judging.tokens import text_of, tokens_of

# As they are written here: without articles, and without an s at the end of a longer word.
SAME = {
    **dict.fromkeys(["no solution", "no solution exist", "empty set", "solution set is empty"], r"\emptyset"),
    **dict.fromkeys(["doe not exist", "limit doe not exist", "it doe not exist"], "dne"),
    **dict.fromkeys(["all real", "real number", "set of all real number", "全 体 实 数"], "all real number"),
}
_MONTHS = "january|february|march|april|may|june|july|august|september|october|november|december"
DAY = re.compile(
    rf"(?:(\d{{1,2}})(?: [snrt][tdh])?(?: of)? ({_MONTHS})|({_MONTHS}) (\d{{1,2}})(?: [snrt][tdh])?)( \d{{4}}|)"
)


def words_of(text: str) -> str:
    """Return a text as words in one way of writing: capitals and plurals do not matter where there are words."""
    inner = re.sub(r"\\text\{([^{}]*)\}", r" \1 ", text)
    inner = re.sub(r"^\s*there (?:is|are|exists?)\b", " ", inner, flags=re.IGNORECASE)
    if re.search(rf"[A-Za-z]{{3,}}|[{CJK}]|^\W*[Nn][Oo]\W*$", re.sub(r"\\[A-Za-z]+", "", inner)) and not re.search(
        r"[=^_\\]", inner
    ):
        words = re.findall(
            rf"[a-z]+|\d+(?:\.\d+)?|[{CJK}]|[^\s\w.,;:!?'\"()-]|-(?=\d)|(?<![^\s(])-(?=\s*[a-z])", inner.lower()
        )
        words = [word.removesuffix("s") if len(word) > 3 else word for word in words if word not in ("a", "an", "the")]
        found = re.sub(r"(?<=[a-z]) and (?=\d)", " ", " ".join(words))
        if date := DAY.fullmatch(found):
            return f"{date[2] or date[3]} {date[1] or date[4]}{date[5]}"
        return SAME.get(found, found)
    return text_of(tokens_of(inner))
