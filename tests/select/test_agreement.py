"""The rules against chains that were cut and labelled by hand (chains.md, chains_held_back.md, chains_fresh.md:
their first lines say what the rules had seen of them).

boundaries   F1 of the places where a step begins, a chain's own start left out
steps        share of the hand-made steps whose pattern most of their characters (without spaces) have by the rules
characters   share of the characters (without spaces) that have the same pattern in both

`pytest -s tests/select/test_agreement.py` prints them.
"""

import re
from collections import Counter
from pathlib import Path

import pytest

from scripts.select.patterns import ERROR_CORRECTION, MULTI_METHOD, PATTERNS, PROGRESSIVE, VERIFICATION, classify
from scripts.select.segment import step_bounds

TAGS = {"P": PROGRESSIVE, "V": VERIFICATION, "M": MULTI_METHOD, "E": ERROR_CORRECTION}
Steps = list[tuple[str, str]]  # text and pattern


def read_chains(name: str) -> dict[str, Steps]:
    """Return the labelled steps of every chain of a file by its heading."""
    sections = re.split(r"^## (.*)\n\n", (Path(__file__).parent / name).read_text(encoding="utf-8"), flags=re.MULTILINE)
    chains = {}
    for title, body in zip(sections[1::2], sections[2::2], strict=True):
        start, *parts = re.split("⟦([PVME])⟧", body.rstrip("\n"))
        assert start == "", title
        chains[title] = [(text, TAGS[tag]) for tag, text in zip(parts[::2], parts[1::2], strict=True)]
    return chains


def by_rules(chain: str) -> Steps:
    return [(chain[start:end], classify(chain[start:end])) for start, end in step_bounds(chain)]


def starts(steps: Steps) -> set[int]:
    return {sum(len(text) for text, _ in steps[:number]) for number in range(1, len(steps))}


def characters(steps: Steps) -> list[str]:
    """Return the pattern of every character that is no space."""
    return [pattern for text, pattern in steps for character in text if not character.isspace()]


def agreement(chains: dict[str, Steps]) -> dict[str, float]:
    counts: Counter[str] = Counter()
    for hand in chains.values():
        rules = by_rules("".join(text for text, _ in hand))
        counts["by_hand"] += len(starts(hand))
        counts["by_rules"] += len(starts(rules))
        counts["both"] += len(starts(hand) & starts(rules))
        found = characters(rules)
        counts["same"] += sum(one == other for one, other in zip(characters(hand), found, strict=True))
        counts["characters"] += len(found)
        for text, pattern in hand:
            length = len(characters([(text, pattern)]))
            [(most, _)] = Counter(found[:length]).most_common(1)
            found = found[length:]
            counts["right"] += most == pattern
            counts["steps"] += 1
    return {
        "boundaries": 2 * counts["both"] / (counts["by_hand"] + counts["by_rules"]),
        "steps": counts["right"] / counts["steps"],
        "characters": counts["same"] / counts["characters"],
    }


@pytest.mark.parametrize(("name", "number"), [("chains.md", 14), ("chains_held_back.md", 6), ("chains_fresh.md", 6)])
def test_rules_agree_with_labels_made_by_hand(name: str, number: int) -> None:
    chains = read_chains(name)
    measured = agreement(chains)
    patterns = Counter(pattern for steps in chains.values() for _, pattern in steps)
    print(
        f"\n{name}: {len(chains)} chains, {dict(patterns)}, " + ", ".join(f"{k} {v:.3f}" for k, v in measured.items())
    )
    assert len(chains) == number
    assert set(patterns) == set(PATTERNS)
    assert min(measured.values()) >= 0.9, measured
