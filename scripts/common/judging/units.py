"""Units behind a number: taken off; where both answers have known ones they must be the same."""

import re

from scripts.common.judging.notation import CJK

_SAME = """
mm millimeter millimetre|cm centimeter centimetre 厘米|dm decimeter|m meter metre 米
|km kilometer kilometre 千米 公里|in inch inche|ft foot feet|yd yard|mi mile|nm nanometer|s sec second 秒
|min minute 分钟|h hr hour 小时|ms millisecond|day|week|month|year yr|g gram 克|kg kilogram 千克 公斤
|mg milligram|lb lbs pound|oz ounce|l liter litre|ml milliliter|gal gallon|N newton|J joule|kJ kilojoule|W watt
|kW|V volt|A ampere|Pa pascal|kPa|Hz hertz|kHz|MHz|K kelvin|degC celsius|degF fahrenheit|mol mole|eV|keV|MeV|cent
|dollar|euro|AU|pc|ly|rad radian|mph|M|C coulomb|T tesla|erg|dyne|angstrom|sr|Ω ohm|deg degree|岁|m2 平方米
|cm2 平方厘米|m3 立方米|cm3 立方厘米 cc|B byte|bit|torr|atm atmosphere|mmHg|bar|cal calorie|kcal|acre|ha hectare
|qt quart|pint|ton tonne|knot|yen yuan 元 円|F farad|H henry|siemens|Wb weber|lm lumen|lx lux|cd candela|mmol|rpm
"""
CANONICAL = {
    word: group.split()[0] for group in _SAME.replace("\n", "").split("|") if group.split() for word in group.split()
}
# A prefix may stand before any unit of physics, as a letter before its sign (kV) or as a word before its name.
_PREFIXES = {
    "tera": "T", "giga": "G", "mega": "M", "kilo": "k", "deci": "d", "centi": "c", "milli": "m", "micro": "u",
    "nano": "n", "pico": "p", "femto": "f",
}  # fmt: skip
_SIGNS = "mol|m|g|s|A|K|cd|Hz|N|Pa|J|W|C|V|F|Ω|S|Wb|T|H|lm|lx|eV|L|l|cal|B|bit|bar|M|t|h|min"
_NAMES = "volt ampere amp hertz watt joule newton pascal farad henry ohm tesla weber bit byte mole calorie electronvolt"
_SIGN_OF = {name: CANONICAL.get(name, name) for name in _NAMES.split()} | {"amp": "A", "electronvolt": "eV"}
_OF_SIGNS = re.compile(rf"(?:(?:{'|'.join(_PREFIXES.values())}|)(?:{_SIGNS})(?:-?\d)?)+")
_ONE_SIGN = re.compile(rf"(?:{'|'.join(_PREFIXES.values())}|)(?:{_SIGNS})")
_RAISED = {"square": 2, "sq": 2, "cubic": 3}
_SHORT = {"mph": "mi/h", "kph": "km/h", "kmh": "km/h", "kmph": "km/h", "fps": "ft/s"}
KNOWN = {*CANONICAL.values(), *_SIGNS.split("|")}
_PREFIXED = re.compile(rf"(?:{'|'.join(_PREFIXES.values())})(?:{_SIGNS})")
# Letters that are units only behind a number that a model wrote: in a gold answer they are variables.
SINGLE = {"m", "s", "g", "h", "l", "N", "J", "W", "V", "A", "K"}
# Signs that are names or products where no font of words says that they are units: 2cd, 5F.
NAMES = {"M", "C", "T", "B", "F", "H", "pc", "in", "rad", "min", "cd", "lm", "lx", "ha", "qt", "Wb"}
# Words of a condition or a range: what they stand in is no unit.
_STATES = """
or and if when where for with not no none more less least most than over under about except unless only all any either
neither both between mod is are even odd to from percent undefined squared cubed factorial dozen dozens score choose ten
hundred thousand million billion first third fourth fifth half halves thirds quarters fourths fifths
"""
STATES = set(_STATES.split())
WAYS = re.compile(
    r"up|down|left|right|north|south|east|west|[ns]of[ew]|[ew]of[ns]|increas|decreas|gain|loss?|profit|before|after|true"
    r"|false|more|less?|counterclockwise|anticlockwise|clockwise"
)
PLAIN = re.compile(
    r"^(?P<value>.*[\d}%)])(?P<blank>\s*)(?P<unit>[A-Za-z]+(?:\s*/\s*[A-Za-z]+|\s+[A-Za-z]{2,}|\s+[smgK](?=\s*[/^]))*)(?P<power>\^\{?-?\d\}?)?$"
)
TEXT = re.compile(
    r"^(?P<value>.*\S)\s*\\text\{(?P<unit>[^{}]*)\}\s*(?P<power>\^\s*\{?\s*-?\d\s*\}?)?(?P<more>(?:\s*/\s*[A-Za-z]+)?)$"
)
_POWER = r"(?:\s*\^\s*(?:-?\d+|\{\s*-?\d+\s*\}))?"
SEVERAL = re.compile(rf"\\text\{{[^{{}}]*\}}{_POWER}(?:\s*(?:\\cdot|/|\*)?\s*\\text\{{[^{{}}]*\}}{_POWER})+")
DEGREES = re.compile(
    r"^(?P<value>[-+]?[\d.,]*(?:\\frac\s*(?:\{[^{}]*\}|\d)\s*(?:\{[^{}]*\}|\d)|\\pi)?)\s*\^\s*\{?\s*\\circ\s*\}?$"
)
TEMPERATURE = re.compile(
    r"^(?P<value>.*\S)\s*\^\s*\{?\\circ\s*\}?\s*(?:\\text\{)?\s*(?P<scale>C|F|[Cc]elsius|[Ff]ahrenheit)\s*\}?$"
)
MICRO_OR_OHM = re.compile(
    r"^(?P<value>.*?(?:[\d})]|\\pi))(?:[\s{]|\\text\{)*(?P<unit>\\mu(?:[\s{]|\\text\{)*[mgslLFAVCHWJT]|[kMm]?[\s}]*\\Omega)[\s}]*$"
)
BRACKETED = re.compile(rf"^(?P<value>.*\S)\s*\((?:\\text\{{)?\s*(?P<unit>[A-Za-z {CJK}]{{2,}})\}}?\s*\)$")
CHINESE = re.compile(rf"^(?P<value>[^{CJK}]*[\dA-Za-z}})%])\s*(?P<unit>[{CJK}]{{1,4}})$")


def canonical(unit: str, power: str = "") -> str:
    """Return a unit in one way of writing, a product of known ones as kg m2 s-1."""
    unit = re.sub(r"\\mu\s*(?=[A-Za-z])", "u", unit).replace(r"\Omega", "Ω").replace(r"\cdot", " ").replace("*", " ")
    unit = re.sub(r"\s+per\s+", "/", f" {unit} ").strip()
    if factors := _factors(_SHORT.get(unit, unit) + power):
        return " ".join(f"{name}{'' if raised == 1 else raised}" for name, raised in sorted(factors.items()))
    words = [_word(word) for word in re.split(r"[\s^{}]+|(?<=/)|(?=/)", unit.strip()) if word]
    power = re.sub(r"[\s{}^]", "", power)
    joined = "".join(words)
    for name, number in (("square", "2"), ("sq", "2"), ("cubic", "3")):
        if joined.startswith(name) and len(joined) > len(name):
            joined, power = joined.removeprefix(name), power or number
    return CANONICAL.get(joined, joined) + power


def _factors(unit: str) -> dict[str, int]:
    """Return the known units that a product or quotient consists of, with their powers; nothing for another one."""
    found: dict[str, int] = {}
    below, within, name, following = False, False, "", 1
    for piece in re.findall(r"[^\W\d_]+|-?\d+|\S", unit):
        if piece in "^{}":
            continue
        if piece == "/":
            below = True
        elif piece in "()":
            within, below = piece == "(" and below, below and piece == "("
        elif re.fullmatch(r"-?\d+", piece):
            if not name:
                return {}
            found[name] += (-1 if found[name] < 0 else 1) * (int(piece) - 1)
            name = ""
        elif piece.lower() in _RAISED:
            following = _RAISED[piece.lower()]
        else:
            parts = [part[0] for part in _ONE_SIGN.finditer(piece)] if _is_run(piece) else [piece]
            for part in parts:
                name = _word(part)
                if name not in KNOWN and not _PREFIXED.fullmatch(name):
                    return {}
                found[name] = found.get(name, 0) + (-following if below else following)
            below, following = below and within, 1
    return {name: power for name, power in found.items() if power}


def _is_run(word: str) -> bool:
    """Return whether signs are joined: Nm, kgm; but ms is one."""
    return word not in CANONICAL and not _PREFIXED.fullmatch(word) and bool(_OF_SIGNS.fullmatch(word))


def _word(word: str) -> str:
    word = word.strip(".")
    for prefix, letter in _PREFIXES.items():
        sign = _SIGN_OF.get(word.lower().removeprefix(prefix).removesuffix("s"))
        if sign and word.lower().startswith(prefix):
            return letter + sign
    if word in CANONICAL or _OF_SIGNS.fullmatch(word):
        return CANONICAL.get(word, word)  # mM is no mm
    for form in (word.lower(), word.lower().removesuffix("s"), word.lower().removesuffix("es")):
        if form in CANONICAL:
            return CANONICAL[form]
    return word.lower().removesuffix("s") if len(word) > 3 else word


def way(unit: str) -> list[str]:
    """Return the directions in a canonical unit: 5 N up is not 5 N down, 10% increase no decrease."""
    return WAYS.findall(unit.lower())


def is_known(unit: str) -> bool:
    """Return whether a canonical unit is one of physics or money, and no word such as 'balls'."""
    return bool(_factors(unit))


def without_unit(text: str, gold: bool) -> tuple[str, str] | None:
    """Return plain notation without the unit at its end, and that unit; None where there is none."""
    if found := TEMPERATURE.match(text):
        return found["value"], "deg" + found["scale"][0].upper()
    if found := DEGREES.match(text):
        return found["value"], "deg"
    if found := MICRO_OR_OHM.match(text):
        return found["value"], canonical(re.sub(r"[{}]|\\text", "", found["unit"]).replace(" ", ""))
    text = SEVERAL.sub(_together, text)
    text = re.sub(r"(?<=\d)\s*(?:\"|'')$", r" \\text{inches}", text)
    text = re.sub(r"(?<=\d)\s*'$", r" \\text{feet}", text)
    found = TEXT.match(text) or BRACKETED.match(text)
    if found:
        unit = found["unit"] + (found.groupdict().get("more") or "")
        words = unit.lower().split()
        if not words or len(words) > 4 or STATES & set(words) or _is_open(found["value"]):
            return None
        if not (re.search(r"\d", found["value"]) or is_known(canonical(unit))):
            return None  # O(mn), n prime
        return found["value"], canonical(unit, found.groupdict().get("power") or "")
    if (found := CHINESE.match(text)) and not re.search("以[上下内外]|左右|[多余成折不万亿]|次方|分之", found["unit"]):
        return found["value"], canonical(found["unit"])
    found = PLAIN.match(text)
    if not found or "\\" in found["unit"] or _is_open(found["value"]) or STATES & set(found["unit"].lower().split()):
        return None
    words = re.split(r"\s*/\s*|\s+", found["unit"])
    apart = {word for word in NAMES if len(word) > 2 or word == "in"} if found["blank"] else set()
    if all(_word(word) in CANONICAL.values() and word not in SINGLE | NAMES - apart for word in words):
        known = True
    elif len(words) == 1 and (
        words[0] in SINGLE
        or (found["blank"] and words[0] in {"C", "T", "F", "H", "M"})
        or (found["blank"] and _PREFIXED.fullmatch(words[0]))
    ):
        known = not gold and bool(
            re.fullmatch(
                r"[-+]?[\d.,]+(\s*(?:\\times|\\cdot|\*)\s*10\s*\^\s*[{(]?\s*-?\s*\d+\s*[)}]?)?", found["value"]
            )
        )
    else:
        known = bool(found["blank"]) and all(len(word) >= 4 and word.islower() for word in words[:1])
        known = known or (len(words) > 1 and all(_word(word) in CANONICAL.values() for word in words))
    return (found["value"], canonical(found["unit"], found["power"] or "")) if known else None


def _together(match: re.Match[str]) -> str:
    """Return units in several fonts as those of one."""
    return r"\text{" + re.sub(r"\\(?:text|cdot)|[{}]", " ", match[0]) + "}"


def _is_open(value: str) -> bool:
    """Return whether a text ends where something must follow, or a bracket is open in it."""
    ends = value.rstrip().endswith(("=", ",", "+", "-", "_", "^", "\\", "<", ">", " and", " or"))
    return ends or value.count("{") != value.count("}")
