"""The tables that the select stage writes: their columns and types."""

import pyarrow as pa

from scripts.common.tables import BOOL, FLOAT, INT, TEXT, Table

MESSAGES = pa.list_(pa.struct([("role", TEXT), ("content", TEXT)]))

# The texts of one id, joined in the order of `step`, are its reasoning, byte for byte.
STEPS = Table(
    "steps", pa.schema([("id", TEXT), ("step", INT), ("start", INT), ("end", INT), ("text", TEXT), ("pattern", TEXT)])
)
# Every row of the clean pool, for one subset: the stratum that it would be drawn within (null: none), and why it could
# not be drawn (null: it could).
CANDIDATES = Table("candidates", pa.schema([("id", TEXT), ("stratum", TEXT), ("reason", TEXT)]))
# Functional steps only. NLLs are means over the answer's tokens, in nats.
STEP_SCORES = Table(
    "step_scores",
    pa.schema(
        [
            ("id", TEXT),
            ("step", INT),
            ("pattern", TEXT),
            ("answer_tokens", INT),
            ("nll_full", FLOAT),
            ("nll_without", FLOAT),
            ("pir", FLOAT),
        ]
    ),
)
# `reason` says why a row has no scores (null: it has); `tokens` is the length of the scored sequence.
SAMPLES = Table(
    "samples",
    pa.schema(
        [
            ("id", TEXT),
            ("n_steps", INT),
            ("n_functional", INT),
            ("mean_pir", FLOAT),
            ("chain_gain", FLOAT),
            ("tokens", INT),
            ("reason", TEXT),
        ]
    ),
)
# Tokens count the whole conversation as the chat template renders it, before and after pruning.
SUBSET = Table(
    "subset",
    pa.schema(
        [
            ("id", TEXT),
            ("messages", MESSAGES),
            ("tokens", INT),
            ("tokens_before", INT),
            ("pruned_steps", pa.list_(INT)),
        ]
    ),
)

# What models found out about rows, for methods to choose by; `reason` says why a row has no value (null: it has).
# Of a row's answers: how many, how many right; the mean of their tokens, the share that was cut off.
PASS_RATES = Table(
    "pass_rates",
    pa.schema(
        [
            ("id", TEXT),
            ("samples", INT),
            ("correct", INT),
            ("pass_rate", FLOAT),
            ("output_tokens", FLOAT),
            ("truncated", FLOAT),
            ("reason", TEXT),
        ]
    ),
)
# `nll` is a mean over `tokens` tokens, in nats.
LOSSES = Table("losses", pa.schema([("id", TEXT), ("tokens", INT), ("nll", FLOAT), ("reason", TEXT)]))
# Vectors of length 1.
EMBEDDINGS = Table("embeddings", pa.schema([("id", TEXT), ("embedding", pa.list_(pa.float32())), ("tokens", INT)]))
# `because` is what the judge said of its score.
QUALITY = Table("quality", pa.schema([("id", TEXT), ("score", FLOAT), ("because", TEXT), ("reason", TEXT)]))
# What is read of the answers that the evaluate stage writes.
ANSWERED = Table(
    "answers",
    pa.schema([("question_id", TEXT), ("correct", INT), ("output_tokens", INT), ("truncated", BOOL)]),
    open_ended=True,
)
