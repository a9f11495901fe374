"""What arms, families of comparisons, patterns and numbers are called, in tables and for people."""

from collections.abc import Sequence

from scripts.common.config.arms import DRAW_OF_CONTROL, SHARED
from scripts.select import controls
from scripts.select.among import AMONG

# Kinds of comparison, each a family of its own in Holm's procedure; the tables call the column question.
FAMILIES = ("base", *controls.CONTROLS)
NOTABLE = 0.01  # share of answers from which on a failure (cut off, no answer) is shown and named as a threat

CONTROLS = {name: control.label for name, control in controls.CONTROLS.items()}
ASKED = {
    "base": "Does fine-tuning beat the baseline?",
    **{name: control.asked for name, control in controls.CONTROLS.items()},
}
AGAINST = {name: control.against for name, control in controls.CONTROLS.items()}
PATTERNS = {
    "progressive": "progressive",
    "verification": "verification",
    "multi_method": "multi-method validation",
    "error_correction": "error correction",
}
FUNCTIONAL = tuple(PATTERNS)[1:]

# Below a table of scores some of whose intervals carry the mark.
THESE_RUNS = (
    "† This interval covers the expected score of these runs only, not that of the method: there are too few training "
    "runs to know how much they vary."
)


def mark(level: str) -> str:
    """Return the mark of a score whose interval speaks of these runs only."""
    return " †" if level == "these runs" else ""


def control_of(arm: str) -> str:
    """Return which of CONTROLS an arm, or one of its draws, is; '' for a subset or another model."""
    if draw := DRAW_OF_CONTROL.fullmatch(arm):
        arm = draw["arm"]
    return "rows" if SHARED.fullmatch(arm) else arm.partition(".")[2]


def arm_label(arm: str) -> str:
    """Return an arm's name for people: 'limopro.unpruned' is 'limopro · unpruned', 'random-400' '400 random rows', and
    'random-400-d2' '400 random rows, draw 2'."""
    if draw := DRAW_OF_CONTROL.fullmatch(arm):
        return f"{arm_label(draw['arm'])}, draw {draw['number']}"
    if random := SHARED.fullmatch(arm):
        if random["like"]:
            return f"{random['like']} · {CONTROLS['rows']}"
        which = AMONG[random["among"] or ""].words
        return f"{int(random['size']):,} random rows{' ' if which else ''}{which}"
    subset, _, control = arm.partition(".")
    return f"{subset} · {CONTROLS[control]}" if control else subset


def is_control(arm: str) -> bool:
    """Whether an arm is a control of a subset. Against the baseline controls are in the tables only."""
    return bool(control_of(arm))


def reference_label(reference: str, words: dict[str, str] = CONTROLS) -> str:
    """Return what an arm is held against, in the `words` for each control: 'random rows', or 'as many random rows'."""
    return words.get(control_of(reference), reference)


def kind_of(arm: str, trained: bool = True) -> str:
    """Return what kind of arm it is: subset, one of the controls, or fixed (not trained here)."""
    return control_of(arm) or "subset" if trained else "fixed"


def listed(words: Sequence[str]) -> str:
    """Return 'a', 'a and b' or 'a, b and c'."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def counted(number: int, what: str) -> str:
    """Return '1 run', '3 runs', '1,200 rows'."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def points(difference: float, sign: bool = True) -> str:
    """Return a difference of scores in percentage points with one decimal: '+1.2', with a true minus sign."""
    text = f"{100 * difference:+.1f}" if sign else f"{100 * abs(difference):.1f}"
    return ("0.0" if text in ("-0.0", "+0.0") else text).replace("-", "−")


def amount(measure: str, value: float, sign: bool = True) -> str:
    """Return a number of output tokens, or of right answers per 1,000 of them (eff), with a true minus sign."""
    digits = 2 if measure == "eff" else 0 if abs(value) >= 100 else 1
    text = f"{value:+,.{digits}f}" if sign else f"{abs(value):,.{digits}f}"
    return (text.lstrip("+-") if float(text.replace(",", "")) == 0 else text).replace("-", "−")


def percent(share: float) -> str:
    """Return a share in percent with one decimal."""
    return f"{100 * share:.1f}"


def p_text(p: float) -> str:
    """Return a p-value as it stands after 'p': '= 0.012', '< 0.001'."""
    text = "< 0.001" if p < 0.001 else f"= {p:.3f}" if p < 0.1 else f"= {p:.2f}"
    return text.replace(" ", "\u00a0")
