"""A table of fingerprints seen, at most 48 bytes a row: what tells duplicates among millions of rows."""

from array import array

_EMPTY = 0


class Seen:
    """Maps 64-bit keys, uniformly distributed, to 64-bit values: open addressing in two flat arrays.

    While it grows the old arrays stand beside the new ones. Among n rows two different ones share a key with a
    probability below n**2 / 2**65: for 4 million rows less than one in two million, for the whole run.
    """

    def __init__(self, slots: int = 2**16) -> None:
        """Start with `slots` slots, a power of two."""
        self._size = 0
        self._allocate(slots)

    def _allocate(self, slots: int) -> None:
        self._keys = array("Q", bytes(8 * slots))
        self._values = array("Q", bytes(8 * slots))

    def __len__(self) -> int:
        return self._size

    def get(self, key: int) -> int | None:
        """Return the value stored for `key`, or None."""
        key = key or 1
        keys, mask = self._keys, len(self._keys) - 1
        slot = key & mask
        while keys[slot] != _EMPTY:
            if keys[slot] == key:
                return self._values[slot]
            slot = (slot + 1) & mask
        return None

    def setdefault(self, key: int, value: int) -> int | None:
        """Return the value stored for `key`; where there is none, store `value` and return None."""
        key = key or 1  # 0 marks an empty slot
        keys, mask = self._keys, len(self._keys) - 1
        slot = key & mask
        while keys[slot] != _EMPTY:
            if keys[slot] == key:
                return self._values[slot]
            slot = (slot + 1) & mask
        keys[slot], self._values[slot] = key, value
        self._size += 1
        if 3 * self._size > 2 * len(keys):
            self._grow()
        return None

    def _grow(self) -> None:
        keys, values = self._keys, self._values
        self._size = 0
        self._allocate(2 * len(keys))
        for key, value in zip(keys, values, strict=True):
            if key != _EMPTY:
                self.setdefault(key, value)
