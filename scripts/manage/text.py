"""Figures and tables as plain text."""

from collections.abc import Iterable


def duration(seconds: float) -> str:
    """Return seconds as people say them: 5 s, 12 min, 27.7 h, 1,200 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    hours = seconds / 3600
    return f"{hours:,.1f} h" if hours < 100 else f"{hours:,.0f} h"


def size(count: float) -> str:
    """Return a number of bytes in the largest unit of which there is one."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:,.1f} TB"


def aligned(rows: list[list[str]], left: Iterable[int] = (0,)) -> list[str]:
    """Return rows of cells as lines of columns: those of `left` to the left, the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
