"""The table that tells duplicates holds what a dict holds, in bounded memory."""

import random

from scripts.data.prepare_pool import Duplicates, Rejected, _fingerprint, row_id
from scripts.data.seen import Seen


def test_it_is_a_dict_that_keeps_the_first_value() -> None:
    draw, seen, plain = random.Random(1), Seen(slots=4), {}
    for _ in range(4000):
        # Few different keys, so that half come again; multiples of 2**20 all start at the same slot.
        key, value = draw.randrange(1, 2000) << draw.choice([0, 20]), draw.randrange(2**64)
        before = plain.get(key)
        assert seen.setdefault(key, value) == before
        plain.setdefault(key, value)
    assert len(seen) == len(plain)
    assert all(seen.setdefault(key, 0) == value for key, value in plain.items())


def test_an_entry_takes_at_most_48_bytes() -> None:
    draw, seen = random.Random(2), Seen()
    for _ in range(100_000):
        seen.setdefault(draw.randrange(2**64), draw.randrange(2**64))
        assert len(seen._keys) * 16 <= max(48 * len(seen), 2**20)


def test_duplicates_are_told_as_with_two_sets() -> None:
    draw, duplicates = random.Random(3), Duplicates("normalised")
    exact_seen: set[str] = set()
    normalised_seen: set[str] = set()
    counts = dict.fromkeys(["kept", "duplicate", "duplicate_normalised"], 0)
    for _ in range(3000):
        question = f"{draw.choice(['What is', 'WHAT  is', 'what is'])} {draw.randrange(400)}?"
        identity = row_id(draw.choice([None, "S"]), question, "x")
        expected = "duplicate" if identity in exact_seen else "kept"
        if expected == "kept" and question.casefold().replace("  ", " ") in normalised_seen:
            expected = "duplicate_normalised"
        try:
            duplicates.check(identity, _fingerprint(question, "x"), question, "x")
            told = "kept"
            exact_seen.add(identity)
            normalised_seen.add(question.casefold().replace("  ", " "))
        except Rejected as why:
            told = why.reason
        assert told == expected
        counts[told] += 1
    assert min(counts.values()) >= 300
