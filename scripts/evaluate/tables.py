"""The tables that the evaluate stage writes: their columns and types."""

import pyarrow as pa

from scripts.common.tables import BOOL, FLOAT, INT, TEXT, Table

# One row an answer. `text` is the answer as generated, for the page of examples. A question that is answered by
# likelihood has one row: the likeliest choice is its text, `logprobs` (nats) are those of all choices. `rule` says as
# what an answer was compared with the gold one; `disputed`, that lighteval's rules come to the other verdict.
ANSWERS = Table(
    "answers",
    pa.schema(
        [
            ("model", TEXT),
            ("subset", TEXT),
            ("train_seed", INT),
            ("benchmark", TEXT),
            ("question_id", TEXT),
            ("sample", INT),
            ("correct", INT),
            ("extracted", TEXT),
            ("gold", TEXT),
            ("reason", TEXT),
            ("rule", TEXT),
            ("disputed", BOOL),
            ("output_tokens", INT),
            ("truncated", BOOL),
            ("finish_reason", TEXT),
            ("text", TEXT),
            ("logprobs", pa.list_(FLOAT)),
        ]
    ),
)
