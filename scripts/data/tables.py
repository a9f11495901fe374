"""The tables that the data stage writes: their columns and types."""

import pyarrow as pa

from scripts.common.tables import FLOAT, INT, TEXT, Table

# One row of the source as it came; further columns of the source may follow.
RAW = Table(
    "raw",
    pa.schema(
        [
            ("row", INT),
            ("question", TEXT),
            ("response", TEXT),
            ("answer", TEXT),
            ("system", TEXT),
            ("source", TEXT),
            ("category", TEXT),
        ]
    ),
    open_ended=True,
)
POOL = Table(
    "pool",
    pa.schema(
        [
            ("id", TEXT),
            ("question", TEXT),
            ("reasoning", TEXT),
            ("answer", TEXT),
            ("response", TEXT),
            ("system", TEXT),
            ("source", TEXT),
            ("category", TEXT),
            ("response_tokens", INT),
        ]
    ),
)
REJECTED = Table("rejected", pa.schema([("row", INT), ("id", TEXT), ("reason", TEXT), ("detail", TEXT)]))
CONTAMINATED = Table(
    "contaminated",
    # kind: exact or reworded; score: share of the question's n-grams, or likeness.
    pa.schema(
        [*((name, TEXT) for name in ("id", "benchmark", "question_id", "kind")), ("score", FLOAT), ("match", TEXT)]
    ),
)
