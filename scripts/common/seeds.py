"""Seeds: every random draw takes its own, made from the experiment's seed and the names of what is drawn."""

import hashlib


def derive_seed(*parts: str | int) -> int:
    """Return a seed in [0, 2**31) that is a hash of `parts`, the same on every machine and Python.

    `derive_seed(seed, "random")` and `derive_seed(seed, "limopro")` are unrelated, so adding one draw
    never changes another.
    """
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") % 2**31
