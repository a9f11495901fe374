"""One way of writing for what means the same: characters, Chinese punctuation, spacing, fractions, words."""

import re
import unicodedata

CHARACTERS = {
    "∞": r"\infty ", "×": r"\times ", "·": r"\cdot ", "⋅": r"\cdot ", "÷": "/", "−": "-", "–": "-", "—": "-",
    "≤": r"\le ", "≦": r"\le ", "⩽": r"\le ", "≥": r"\ge ", "≧": r"\ge ", "⩾": r"\ge ", "≠": r"\ne ", "≈": r"\approx ",
    "≡": r"\equiv ", "∈": r"\in ", "∪": r"\cup ", "∩": r"\cap ", "±": r"\pm ", "∓": r"\mp ", "°": r"^\circ ",
    "º": r"^\circ ", "℃": r"^\circ C", "⟨": r"\langle ", "⟩": r"\rangle ", "〈": r"\langle ", "〉": r"\rangle ",
    "∅": r"\emptyset ", "ℝ": r"\mathbb{R}", "ℤ": r"\mathbb{Z}", "…": r"\ldots ", "、": ",", "。": ".", "′": "'",
    "％": "%", "【": "[", "】": "]", "\u00a0": " ", "\u2009": " ", "\u202f": " ", "\u3000": " ", "∖": r"\setminus ",
    "∶": ":", "¢": r"\text{ cents}",
    "⌊": r"\lfloor ", "⌋": r"\rfloor ", "⌈": r"\lceil ", "⌉": r"\rceil ", "µ": r"\mu ", "ℓ": r"\ell ", "∫": r"\int ",
    "∑": r"\sum ", "→": r"\to ", "’": "'", "∛": r"\sqrt[3]",
    "∠": r"\angle ", "△": r"\triangle ", "∥": r"\parallel ", "⊥": r"\perp ", "∂": r"\partial ", "⊂": r"\subset ",
    "⊆": r"\subseteq ", "∉": r"\notin ", "¬": r"\neg ", "∧": r"\wedge ", "∨": r"\vee ",
}  # fmt: skip
SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ", "0123456789+-n", strict=True))
CAPITALS = "ΓΔΘΛΞΠΣΦΨΩ"
"""Greek capitals that have a command; the others look Latin."""
SUBSCRIPTS = dict(zip("₀₁₂₃₄₅₆₇₈₉", "0123456789", strict=True))
CJK = r"\u3400-\u9fff"

SAME_COMMAND = {
    "dfrac": "frac", "tfrac": "frac", "cfrac": "frac", "dbinom": "binom", "tbinom": "binom", "leq": "le",
    "leqslant": "le", "geq": "ge", "geqslant": "ge", "neq": "ne", "gt": ">", "lt": "<", "lbrace": "{", "rbrace": "}",
    "lvert": "|", "rvert": "|", "vert": "|", "mid": "|", "mathds": "mathbb", "varnothing": "emptyset", "dots": "ldots",
    "cdots": "ldots", "dotsc": "ldots", "ast": "*", "tg": "tan", "ctg": "cot", "arctg": "arctan", "degree": "^\\circ ",
    "varphi": "phi", "varepsilon": "epsilon", "vartheta": "theta", "lbrack": "[", "rbrack": "]", "land": "wedge",
    "percent": "%", "fbox": "boxed", "lor": "vee", "bmod": "pmod", "mod": "pmod", "colon": ":",
    "operatorname": "mathrm",
    "And": "&", "euro": "", "pounds": "", "textdegree": "^\\circ ", "celsius": "^\\circ C",
}  # fmt: skip
# Commands that change looks only, and those that stand around mathematics in another font.
LOOKS = re.compile(
    r"\\(?:left|right|[bB]igg?[lrm]?|displaystyle|textstyle|limits|nolimits|rm|bf|it|large|Large|mathstrut|phantom\{\})"
    r"(?![A-Za-z])"
)
FONTS = r"\\(?:mathbf|boldsymbol|bm|pmb|mathit|mathsf|mathcal|mathrm|textbf|textit|text|textrm|mbox|hbox|emph|boxed"
FONTS += r"|ensuremath|textup|textnormal)"
FONT = re.compile(FONTS + r"\s*\{([^{}]*)\}")
OPEN_FONT = re.compile(FONTS + r"\s*\{")
# 1{,}000  1,\!000  1\,000  1\ 000  1~000 (also a blank character between groups of three)
THOUSANDS = re.compile(r"(?<=\d)\s*(?:\{,\}|,?(?:\\[,;:! ]|~)|,\s*\\!)\s*(?=\d{3}(?!\d))")
BLANK_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?: \d{3})+(?![\d,])")
COMMA_THOUSANDS = re.compile(r"(?<![\d.,(\[{])[1-9]\d{0,2}(?:,\d{3})+(?!\d)(?!,\d)")
SCALES = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}
SCALE = re.compile(rf"(?<=[\d}}])\s*(\\text\{{)?\s*\b({'|'.join(SCALES)})s?\b", re.IGNORECASE)
BEHIND_NUMBER = re.compile(r"(?:[\d})\u0002]|\\pi)(?:\s|~|\\[,;:! ]|\\cdot|\\quad)*$")
# m, m/s, N \cdot m, m^2: in a font of words and behind a number. d, e and i alone are none.
_POWER = r"(?:\^?-?\d|\^\{-?\d\})?"
UNIT = re.compile(
    rf"\s*(?:[A-Za-cf-hj-z]|[A-Za-z]{{2,4}}){_POWER}(?:\s*(?:/|\\cdot|\s)\s*\(?[A-Za-z]{{1,4}}{_POWER})*\)?\s*"
)
ROW = "\u0003"
"""In the place of \\\\, which is no blank behind a backslash."""
SPACES = re.compile(r"\\(?:[,;:! >]|quad|qquad|thinspace|enspace|hfill|hspace\{[^{}]*\})|~|&nbsp;")


PERCENT = re.compile(r"\\text\{\s*(?:per ?cent|pct)\.?\s*\}|\s*\b(?:per ?cent|pct)\b\.?", re.IGNORECASE)
_BOLD = r"\\(?:mathbf|boldsymbol|bm|textbf|hat|vec)"
UNIT_VECTOR = re.compile(rf"{_BOLD}\s*\{{\s*(?:{_BOLD}\s*\{{)?\s*\\?([ijk])(?:math)?\s*\}}?\s*\}}")
_IN_FONT = r"\{\s*\\(?:text|mathrm)\s*\{\s*([A-Za-z]+)\s*\}\s*(\^\{?\d\}?)?\s*\}"
UNITS_APART = re.compile(rf"(?<=[\d}}\s])\\frac\s*{_IN_FONT}\s*{_IN_FONT}\s*$")


BARE_SET = re.compile(
    r"[\s$]*\{([^{}\\()\[\]=<>]*,[^{}\\()\[\]=<>]*|\s*\([^{}()]*\)\s*(?:,\s*\([^{}()]*\)\s*)+)\}[\s$.]*"
)
"""{1, 3}: braces that LaTeX does not show, and are meant."""
_AMOUNT, _SIGN = r"([\d.,]*\d)", r"(US ?\\?\$|USD|\\\$|EUR|€|GBP|£|¥|JPY|CNY|RMB)"
MONEY = re.compile(rf"[\s$*]*(?:{_SIGN}\s*{_AMOUNT}|{_AMOUNT}\s*\$?\s*{_SIGN})[\s.$*]*")
_CURRENCY = {
    "€": "euro",
    "EUR": "euro",
    "£": "pound",
    "GBP": "pound",
    **dict.fromkeys(("¥", "JPY", "CNY", "RMB"), "yen"),
}


def _money(match: re.Match[str]) -> str:
    """Return an amount of money with its unit behind it."""
    sign, amount = match[1] or match[4], match[2] or match[3]
    return f"{amount} \u0001{_CURRENCY.get(sign, 'dollar')}\u0002"


def _characters(text: str) -> str:
    """Return `text` in ASCII as far as mathematics goes."""
    text = re.sub(
        "[" + "".join(SUPERSCRIPTS) + "]+", lambda m: "^{" + "".join(SUPERSCRIPTS[c] for c in m[0]) + "}", text
    )
    text = re.sub("[" + "".join(SUBSCRIPTS) + "]+", lambda m: "_{" + "".join(SUBSCRIPTS[c] for c in m[0]) + "}", text)
    found = []
    for character in text:
        if character in CHARACTERS:
            found.append(CHARACTERS[character])
        elif unicodedata.name(character, "").startswith("GREEK CAPITAL LETTER ") and character in CAPITALS:
            found.append("\\" + unicodedata.name(character).split(" ")[3].capitalize().replace("Lamda", "Lambda") + " ")
        elif unicodedata.decomposition(character).startswith("<fraction>"):
            above, below = unicodedata.normalize("NFKC", character).split("\u2044")
            found.append(rf"\frac{{{above}}}{{{below}}}")
        elif unicodedata.name(character, "").startswith("GREEK SMALL LETTER ") and ord(character) < 0x3D0:
            found.append("\\" + unicodedata.name(character).split(" ")[3].lower().replace("lamda", "lambda") + " ")
        else:
            found.append(unicodedata.normalize("NFKC", character))
    return re.sub(r"√\s*(\d+(?:\.\d+)?|[A-Za-z]|\([^()]*\)|\{[^{}]*\})", _root, "".join(found))


def _root(match: re.Match[str]) -> str:
    inner = match[1]
    return rf"\sqrt{{{inner[1:-1] if inner[0] in '({' else inner}}}"


def _closes(text: str) -> int:
    """Return where the brace that opens a text closes, or -1."""
    depth = 0
    for place, character in enumerate(text):
        if character in "{}" and (place == 0 or text[place - 1] != "\\"):
            depth += 1 if character == "{" else -1
            if depth == 0:
                return place
    return -1


def _without_fonts(text: str) -> str:
    """Return `text` without the fonts that stand around more than words: \\mathbf{\\frac{1}{2}}."""
    for match in reversed(list(OPEN_FONT.finditer(text))):
        position = match.end() + _closes(text[match.end() - 1 :])
        inner = text[match.end() : position - 1]
        unit = re.sub(r"\^\s*\{(-?\d+)\}", r"^\1", SPACES.sub(" ", inner)).replace(r"\cdot", " ")
        if BEHIND_NUMBER.search(text[: match.start()]) and UNIT.fullmatch(unit):
            inner = unit
            text = rf"{text[: match.end()]}{unit}{text[position - 1 :]}"
            position = match.end() + len(unit) + 1
        if position > match.end() and ("{" in inner or "\\" in inner):
            inner = inner if re.fullmatch(r"\s*\\[A-Za-z]+\s*", inner) else "{" + inner + "}"
            text = text[: match.start()] + inner + text[position:]
    return text


def _font(match: re.Match[str]) -> str:
    """Return words in a font as \\text{words}, and mathematics as it is."""
    before = match.string[: match.start()]
    inner = match[1].replace("~", " ")
    if inner[:1].isalpha() and re.search(r"\\[A-Za-z]+$", before):
        inner = " " + inner  # \pi\mathrm{m}
    unit = BEHIND_NUMBER.search(before) and UNIT.fullmatch(inner)
    words = unit or re.search(rf"[A-Za-z]{{2,}}|[{CJK}]", inner)
    if words and not match[0].startswith((r"\mathbf", r"\boldsymbol", r"\bm", r"\mathcal", r"\boxed", r"\ensuremath")):
        return "\u0001" + inner + "\u0002"
    return inner if re.fullmatch(r"\s*\W*\w*\W*\s*", inner) else "{" + inner + "}"


def plain(text: str) -> str:
    r"""Return an answer in one way of writing: ASCII and LaTeX without looks; words as \text{words}."""
    if bare := BARE_SET.fullmatch(text):
        text = rf"\{{{bare[1]}\}}"
    text = _characters(text.replace(r"\\", ROW).replace("\\\n", " ").replace("\n", " "))
    if not re.search(r"(?<![\w)\]}])\*\*", text):  # no bold begins
        text = re.sub(r"\*\*(?=[\w({-])", "^", text)
    text = re.sub(r"\*\*|__|(?<![\\\w])`|`(?!\w)", " ", text)
    text = THOUSANDS.sub("", text)
    if money := MONEY.fullmatch(text):
        text = _money(money)
    text = re.sub(r"\\\$|(?<=\d)\s*美元|\b(?:np|math|sp)\.(?=[a-z])", " ", text)
    text = re.sub(r"\\[()]|(?<!\\)\\[\[\]]|\$|[€£¥]", " ", text)
    text = re.sub(r"\\([A-Za-z]+)", lambda m: _command(m[1]), text)
    text = LOOKS.sub("", text)
    text = text.replace("<=", r"\le ").replace(">=", r"\ge ").replace("!=", r"\ne ").replace("\\%", "%")
    text = UNIT_VECTOR.sub(r"\\hat{\1}", text) if re.search(UNIT_VECTOR.pattern.replace("ijk", "ij"), text) else text
    text = UNITS_APART.sub(r"\\text{\1\2/\3\4}", text)
    text = _without_fonts(text)
    for _ in range(4):
        text, before = FONT.sub(_font, text), text
        if text == before:
            break
    text = text.replace("\u0001", r"\text{").replace("\u0002", "}")
    text = re.sub(
        rf"(?<=\d)\s*(?:\\text\{{\s*(?:degrees?|度)\s*\}}|(?:degrees?|度)(?![{CJK}A-Za-z]))", r"^\\circ ", text
    )
    text = SCALE.sub(lambda m: rf"\times 10^{{{SCALES[m[2].lower()]}}} {m[1] or ''}", text)
    text = PERCENT.sub("% ", text)
    text = (
        re.sub(r"(?:\\text\{\s*)?(?:或者|或是|或|以及|和|及|与|且)(?:\s*\})?", r" \\text{or} ", text)
        if _joins(text)
        else text
    )
    text = re.sub(r"\s+", " ", SPACES.sub(" ", text))
    text = BLANK_THOUSANDS.sub(lambda m: m[0].replace(" ", ""), text)
    text = _without_stop(text)
    while text.startswith("{") and _closes(text) == len(text) - 1:
        text = _without_stop(text[1:-1])
    return text.replace(ROW, r" \\ ")


def _command(name: str) -> str:
    same = SAME_COMMAND.get(name)
    if same is None:
        return "\\" + name
    if name in ("lbrace", "rbrace") or same.isalpha():
        return "\\" + same
    return same


def _joins(text: str) -> bool:
    """Return whether Chinese words only join formulas: with others around they are a sentence's."""
    return not re.search(rf"[{CJK}]", re.sub(r"或者|或是|或|以及|和|及|与|且", "", text))


def _without_stop(text: str) -> str:
    """Return `text` without outer blanks and the full stop (or comma, colon) that ends a sentence."""
    text = text.strip()
    while text and text[-1] in ".,;" and not text.endswith(("\\.", "\\,", "\\;", "...")):
        text = text[:-1].rstrip()
    return text.removesuffix("\\").strip()


def joined_thousands(text: str) -> str:
    """Return `text` with commas between groups of three digits left out: 12,345 may be one number or two."""
    return COMMA_THOUSANDS.sub(lambda m: m[0].replace(",", ""), text)
