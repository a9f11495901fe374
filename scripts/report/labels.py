"""What things are called in the report."""

from collections.abc import Sequence

QUESTIONS = ("base", "rows", "tokens", "unpruned", "random_prune")
NOTABLE = 0.01  # share of answers from which on a failure (cut off, no answer) is shown and named as a threat

CONTROLS = {
    "rows": "random rows",
    "tokens": "random, equal tokens",
    "unpruned": "unpruned",
    "random_prune": "pruned at random",
}
ASKED = {
    "base": "Does fine-tuning beat the baseline?",
    "rows": "Does the selection beat as many random rows?",
    "tokens": "Does the selection beat random rows of as many tokens?",
    "unpruned": "Is it the band alone, or does pruning add to it?",
    "random_prune": "Is it the pruning: does PIR choose better than chance?",
}
AGAINST = {
    "rows": "as many random rows",
    "tokens": "random rows of as many tokens",
    "unpruned": "the same rows unpruned",
    "random_prune": "the same rows pruned at random",
}
PATTERNS = {
    "progressive": "progressive",
    "verification": "verification",
    "multi_method": "multi-method validation",
    "error_correction": "error correction",
}
FUNCTIONAL = tuple(PATTERNS)[1:]


def arm_label(arm: str) -> str:
    """Return an arm's name for people: 'limopro.rows' is 'limopro · random rows'."""
    subset, _, control = arm.partition(".")
    return f"{subset} · {CONTROLS[control]}" if control else subset


def is_control(arm: str) -> bool:
    """Whether an arm is a control of a subset. Against the baseline controls are in the tables only."""
    return "." in arm


def reference_label(reference: str, words: dict[str, str] = CONTROLS) -> str:
    """Return what an arm is held against, in the `words` for each control: 'random rows', or 'as many random rows'."""
    return words.get(reference.partition(".")[2], reference)


def kind_of(arm: str, trained: bool = True) -> str:
    """Return what kind of arm it is: subset, one of the controls, or fixed (not trained here)."""
    if not trained:
        return "fixed"
    return arm.partition(".")[2] or "subset"


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
