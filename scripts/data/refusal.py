"""Why no row of a data set enters the pool, in one sentence: the file that says so in full goes with the failed job."""

from collections import Counter
from pathlib import Path

from scripts.common.tables import iterate_table
from scripts.data.tables import REJECTED

REASONS = 3
"""Reasons that the sentence names, the most frequent first."""


def why_nothing(rejected: Path) -> str:
    """Return the sentence for a data set whose every row is in the table `rejected`."""
    reasons: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for batch in iterate_table(REJECTED, rejected, 10_000):
        for row in batch.to_pylist():
            reasons[row["reason"]] += 1
            detail = f": {row['detail']}" if row["detail"] else ""
            examples.setdefault(row["reason"], f"the first is row {row['row']}{detail}")
    if not reasons:
        return "no row enters the pool: the data set holds none"
    told = [f"{count:,} {reason} ({examples[reason]})" for reason, count in reasons.most_common(REASONS)]
    more = f", and {len(reasons) - REASONS} reasons more" if len(reasons) > REASONS else ""
    return f"no row of the data set enters the pool: {'; '.join(told)}{more}; 'make inspect' shows its rows"
