"""The segmenter against chains that were written, cut and labelled by hand: chains.md, chains_held_back.md,
chains_fresh.md. How it does on real chains is in docs/limopro.md.

boundaries   F1 of the places where a step begins, a chain's own start left out
steps        share of the hand-made steps whose pattern most of their characters (without spaces) have by the segmenter
characters   share of the characters (without spaces) that have the same pattern in both

`pytest -s tests/select/test_agreement.py` prints them.
"""

from collections import Counter
from pathlib import Path

import pytest

from scripts.select.limopro.patterns import ERROR_CORRECTION, MULTI_METHOD, PATTERNS, PROGRESSIVE, VERIFICATION
from scripts.select.limopro.steps import segment
from scripts.select.limopro.train_segmenter import tagged_chains

TAGS = {"P": PROGRESSIVE, "V": VERIFICATION, "M": MULTI_METHOD, "E": ERROR_CORRECTION}
Steps = list[tuple[str, str]]  # text and pattern


def read_chains(name: str) -> dict[str, Steps]:
    """Return the labelled steps of every chain of a file by its heading."""
    chains = tagged_chains(Path(__file__).parent / name)
    return {title: [(text, TAGS[tag]) for text, tag in steps] for title, steps in chains.items()}


def by_segmenter(chain: str) -> Steps:
    return [(chain[step.start : step.end], step.pattern) for step in segment(chain)]


def starts(steps: Steps) -> set[int]:
    return {sum(len(text) for text, _ in steps[:number]) for number in range(1, len(steps))}


def characters(steps: Steps) -> list[str]:
    """Return the pattern of every character that is no space."""
    return [pattern for text, pattern in steps for character in text if not character.isspace()]


def agreement(chains: dict[str, Steps]) -> dict[str, float]:
    counts: Counter[str] = Counter()
    for hand in chains.values():
        ours = by_segmenter("".join(text for text, _ in hand))
        counts["by_hand"] += len(starts(hand))
        counts["by_segmenter"] += len(starts(ours))
        counts["both"] += len(starts(hand) & starts(ours))
        found = characters(ours)
        counts["same"] += sum(one == other for one, other in zip(characters(hand), found, strict=True))
        counts["characters"] += len(found)
        for text, pattern in hand:
            length = len(characters([(text, pattern)]))
            [(most, _)] = Counter(found[:length]).most_common(1)
            found = found[length:]
            counts["right"] += most == pattern
            counts["steps"] += 1
    return {
        "boundaries": 2 * counts["both"] / (counts["by_hand"] + counts["by_segmenter"]),
        "steps": counts["right"] / counts["steps"],
        "characters": counts["same"] / counts["characters"],
    }


# The first file is among the training data, the others are not: the floors are what was found, less a little.
FILES = [("chains.md", 14, 0.9), ("chains_held_back.md", 6, 0.7), ("chains_fresh.md", 6, 0.7)]


@pytest.mark.parametrize(("name", "number", "floor"), FILES)
def test_steps_agree_with_labels_made_by_hand(name: str, number: int, floor: float) -> None:
    chains = read_chains(name)
    measured = agreement(chains)
    patterns = Counter(pattern for steps in chains.values() for _, pattern in steps)
    print(
        f"\n{name}: {len(chains)} chains, {dict(patterns)}, " + ", ".join(f"{k} {v:.3f}" for k, v in measured.items())
    )
    assert len(chains) == number
    assert set(patterns) == set(PATTERNS)
    assert min(measured.values()) >= floor, measured
