"""English words for numbers. `one` is none of them: it is said of anything."""

_TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
_COUNTED = f"two three four five six seven eight nine {_TEENS}"
_TENS = dict(zip("twenty thirty forty fifty sixty seventy eighty ninety".split(), range(20, 100, 10), strict=True))  # noqa: SIM905
_UNITS = {"one": 1} | {word: number for number, word in enumerate(_COUNTED.split()[:8], start=2)}
_HUNDREDS = {"hundred": "100", "thousand": "1000"}
NUMBERS = {word: str(number) for number, word in enumerate(_COUNTED.split(), start=2)} | _HUNDREDS
NUMBERS |= {word: str(number) for word, number in _TENS.items()}
HYPHENED = {f"{ten}-{unit}": str(_TENS[ten] + _UNITS[unit]) for ten in _TENS for unit in _UNITS}
