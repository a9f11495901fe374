"""Turn raw.parquet into the pool of rows fit for training; every other row lands in rejected.parquet, with a reason.

Reasons, in the order in which they are looked for: malformed, not_utf8, empty_question, empty_response,
think_not_closed, answer_not_parseable, no_boxed_answer, no_answer, duplicate, duplicate_normalised, too_short,
too_long, over_context. raw = pool + rejected, always. An answer counts as parseable when its braces close: whether it
is mathematics is not asked, since a choice's letter or a program is an answer too and the scorer takes it as text.
Memory is bounded: rows pass in batches, and what tells duplicates takes at most 48 bytes a row (scripts/data/seen.py).
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts.common import chat, cli
from scripts.common.chain import ThinkNotClosed, last_boxed, split_response
from scripts.common.config.dataset import RowRules
from scripts.common.options import add_options, from_options
from scripts.common.provenance import recording
from scripts.common.tables import TableWriter, iterate_table
from scripts.data.seen import Seen

BATCH = 1000
TOKENISED = 16  # rows at a time: the tokenizer's own account of a token takes over 100 bytes
# A scored chain holds besides question and response its own closing words, and steps are tokenised one by one.
CONTEXT_MARGIN = 32


class Rejected(Exception):
    """A row that does not enter the pool: a reason of the documented list, and a detail."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason, self.detail = reason, detail


def row_id(system: str | None, question: str, response: str) -> str:
    """Return the first 16 hex digits of the SHA-256 of system prompt, question and response."""
    return hashlib.sha256("\x1f".join((system or "", question, response)).encode()).hexdigest()[:16]


def _fingerprint(question: str, response: str) -> int:
    normalised = " ".join(f"{question}\x1f{response}".casefold().split())
    return int.from_bytes(hashlib.blake2b(normalised.encode(), digest_size=8).digest())


def read_row(row: dict[str, Any], require_boxed_answer: bool) -> dict[str, Any]:
    """Return the pool's columns (all but response_tokens) for a row of raw. Raises Rejected."""
    if defect := row.get("defect"):
        raise Rejected("not_utf8" if defect.startswith("not UTF-8") else "malformed", defect)
    if not (row["question"] or "").strip():
        raise Rejected("empty_question")
    if not (row["response"] or "").strip():
        raise Rejected("empty_response")
    try:
        response = split_response(row["response"])
    except ThinkNotClosed as error:
        raise Rejected("think_not_closed", str(error)) from error
    try:
        boxed = last_boxed(response.after) or last_boxed(response.reasoning)
    except ValueError as error:
        raise Rejected("answer_not_parseable", str(error)) from error
    if require_boxed_answer and not boxed:
        raise Rejected("no_boxed_answer")
    answer = (row["answer"] or "").strip() or boxed
    if not answer:
        raise Rejected("no_answer")
    return {
        "id": row_id(row["system"], row["question"], row["response"]),
        "question": row["question"],
        "reasoning": response.reasoning,
        "answer": answer,
        "response": row["response"],
        "system": row["system"],
        "source": row["source"],
        "category": row["category"],
    }


class Duplicates:
    """Tells whether a row came before, exactly or but for case and spacing."""

    def __init__(self) -> None:
        self._seen = Seen()

    def check(self, row: dict[str, Any]) -> None:
        """Remember a row of the pool. Raises Rejected when it came before."""
        exact = int(row["id"], 16)
        # Of rows alike but for case and spacing only the first is in the pool: one id for each fingerprint is enough.
        first = self._seen.setdefault(_fingerprint(row["question"], row["response"]), exact)
        if first is not None:
            raise Rejected("duplicate" if first == exact else "duplicate_normalised")


def check_length(tokens: int, prompt_tokens: int, rules: RowRules, context: int) -> None:
    """Raise Rejected when a response of `tokens` tokens is outside the pool's bounds or the models' context."""
    if tokens < rules.min_tokens:
        raise Rejected("too_short", f"{tokens} tokens, at least {rules.min_tokens} are asked for")
    if tokens > rules.max_tokens:
        raise Rejected("too_long", f"{tokens} tokens, at most {rules.max_tokens} are allowed")
    needed = prompt_tokens + tokens + CONTEXT_MARGIN
    if needed > context:
        raise Rejected("over_context", f"{needed} tokens with question and closing words, the context holds {context}")


def context_length(folders: list[Path]) -> int:
    """Return the shortest context, in tokens, of the models in `folders`."""
    from transformers import AutoConfig

    return min(AutoConfig.from_pretrained(str(folder)).max_position_embeddings for folder in folders)


def split_batch(
    rows: list[dict[str, Any]], rules: RowRules, tokenizer: Any, context: int, duplicates: Duplicates
) -> Iterator[tuple[dict[str, Any] | None, dict[str, Any] | None]]:
    """Yield (row of pool, None) or (None, row of rejected) for each row of raw."""
    outcomes: list[dict[str, Any] | Rejected] = []
    for row in rows:
        try:
            entry = read_row(row, rules.require_boxed_answer)
            if rules.deduplicate:
                duplicates.check(entry)
            outcomes.append(entry)
        except Rejected as why:
            outcomes.append(why)
    kept = [entry for entry in outcomes if isinstance(entry, dict)]
    lengths = iter(_token_counts(kept, tokenizer))
    for row, outcome in zip(rows, outcomes, strict=True):
        rejection = outcome if isinstance(outcome, Rejected) else None
        if isinstance(outcome, dict):
            outcome["response_tokens"], prompt_tokens = next(lengths)
            try:
                check_length(outcome["response_tokens"], prompt_tokens, rules, context)
                yield outcome, None
            except Rejected as why:
                rejection = why
        if rejection:
            identity = row_id(row["system"], row["question"] or "", row["response"] or "")
            yield None, {"row": row["row"], "id": identity, "reason": rejection.reason, "detail": rejection.detail}


def _token_counts(entries: list[dict[str, Any]], tokenizer: Any) -> Iterator[tuple[int, int]]:
    """Yield (response tokens, prompt tokens) for each entry."""
    for start in range(0, len(entries), TOKENISED):
        part = entries[start : start + TOKENISED]
        responses = chat.token_lengths(tokenizer, [entry["response"] for entry in part])
        prompts = chat.count_tokens(
            tokenizer, [chat.prompt_messages(entry["system"], entry["question"]) for entry in part]
        )
        yield from zip(responses, prompts, strict=True)


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--raw", type=Path, required=True, help="raw.parquet")
    parser.add_argument("--model", type=Path, required=True, help="folder of the model (tokenizer and context)")
    parser.add_argument("--scorer", type=Path, help="folder of the scorer, whose context bounds the chains too")
    parser.add_argument("--chat-template", type=Path, help="Jinja file that replaces the model's chat template")
    add_options(parser, RowRules)
    parser.add_argument("--pool", type=Path, required=True, help="pool.parquet")
    parser.add_argument("--rejected", type=Path, required=True, help="rejected.parquet")
    arguments = parser.parse_args()
    rules = from_options(RowRules, arguments)
    tokenizer = chat.load_tokenizer(arguments.model, arguments.chat_template)
    context = context_length([arguments.model] + ([arguments.scorer] if arguments.scorer else []))

    with (
        recording(
            outputs=[arguments.pool, arguments.rejected], inputs=[arguments.raw], rules=rules.model_dump()
        ) as facts,
        TableWriter("pool", arguments.pool) as kept,
        TableWriter("rejected", arguments.rejected) as rejected,
    ):
        duplicates, reasons = Duplicates(), Counter[str]()
        for batch in cli.progress(iterate_table("raw", arguments.raw, BATCH), "rows", f"x{BATCH} rows"):
            pairs = list(split_batch(batch.to_pylist(), rules, tokenizer, context, duplicates))
            kept.write([entry for entry, _ in pairs if entry])
            out = [rejection for _, rejection in pairs if rejection]
            rejected.write(out)
            reasons.update(rejection["reason"] for rejection in out)
        facts["rows"] = {"pool": kept.rows, **reasons}
    cli.log.info("pool: %d rows; rejected: %s", kept.rows, dict(reasons) or "none")
    if kept.rows == 0:
        raise cli.UserError(f"no row of the data set enters the pool; reasons: {dict(reasons)}")


if __name__ == "__main__":
    cli.run(main)
