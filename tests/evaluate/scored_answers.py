"""Tables of answers whose correctness is given."""

from collections.abc import Sequence

import pyarrow as pa

from scripts.common.tables import to_table
from scripts.evaluate.tables import ANSWERS


def scored(correct: Sequence[Sequence[int]], extracted: Sequence[Sequence[str | None]] | None = None) -> pa.Table:
    """Return the answers to questions q0, q1, ..., a row of `correct` and of `extracted` for each."""
    extracted = extracted or [["?"] * len(row) for row in correct]
    rows = [
        {"question_id": f"q{q}", "sample": s, "correct": right, "extracted": answer, "truncated": False}
        for q, (of_question, found) in enumerate(zip(correct, extracted, strict=True))
        for s, (right, answer) in enumerate(zip(of_question, found, strict=True))
    ]
    return to_table(ANSWERS, rows)
