"""Turn raw.parquet into the pool of rows fit for training; every other row lands in rejected.parquet, with a reason.

Reasons, in the order in which they are looked for: those of fetch_dataset (malformed, not_utf8, context, several_turns,
ambiguous_columns, not_wanted), empty_question, empty_response, template_tokens, think_not_closed, think_not_one_block,
answer_not_parseable, no_boxed_answer, wrong_answer, duplicate, duplicate_normalised, near_duplicate, too_short,
too_long, over_context. raw = pool + rejected, always. A row needs no final answer to be trained on: what a selection
needs of it narrows that selection. A duplicate's detail names the row that it repeats. An answer counts as parseable
when its braces close: whether it is mathematics is not asked, since a choice's letter or a program is an answer too and
the scorer takes it as text.

Rows are read and tokenised by several processes; one goes through them in order, for duplicates and for the account.
Memory is bounded: rows pass in parts, and what tells duplicates takes at most 48 bytes a row (scripts/data/seen.py),
near duplicates 700 more (scripts/data/near.py).
"""

import functools
import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from scripts.common import chat, cli
from scripts.common.answers import final_answer
from scripts.common.chain import ChainError, split_response
from scripts.common.config.dataset import Deduplicate, RowRules
from scripts.common.config.model import ChatSettings
from scripts.common.context import context_of
from scripts.common.digest import code_digest
from scripts.common.parts import Part, Work, add_options, in_parts, parts_folder
from scripts.common.program import Program
from scripts.common.rendering import count_tokens
from scripts.common.shape import load_config
from scripts.common.tables import INT, TEXT, TableWriter, iterate_table
from scripts.data.answers import AnswerCheck, code_of_verdicts, row_answer
from scripts.data.near import NearDuplicates, signature
from scripts.data.refusal import why_nothing
from scripts.data.rendered import why_rendered
from scripts.data.seen import Seen
from scripts.data.tables import POOL, RAW, REJECTED

ROWS = 256  # of a part
TOKENISED = 16  # rows at a time: the tokenizer's own account of a token takes over 100 bytes
# A scored chain holds besides question and response its own closing words, and steps are tokenised one by one.
CONTEXT_MARGIN = 32
# What is found out of a row by itself: a reason and its detail, or what the pool has of it that raw has not.
FOUND = pa.schema(
    [
        ("reason", TEXT),
        ("detail", TEXT),
        ("id", TEXT),
        ("reasoning", pa.list_(INT)),  # where it begins and ends in the response, in characters
        ("answer", TEXT),
        ("fingerprint", pa.uint64()),
        ("response_tokens", INT),
        ("prompt_tokens", INT),
        ("checked", TEXT),
    ]
)

OWN = ("id", "reasoning", "answer", "response_tokens")  # columns of the pool that raw has not, or has otherwise


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


def read_row(row: dict[str, Any], rules: RowRules, check: AnswerCheck | None = None) -> dict[str, Any]:
    """Return the columns of FOUND (all but the lengths) for a row of raw that is fit by itself. Raises Rejected.

    Without `check` its answer is not held against that of the source.
    """
    if defect := row.get("defect"):
        told = "not_utf8" if defect.startswith("not UTF-8") else "malformed"
        raise Rejected(row.get("reason") or told, defect)
    question = (row["question"] or "").strip()
    if not any(character.isalnum() for character in question[:1000]):
        raise Rejected("empty_question", f"the question is '{question[:40]}'" if question else "")
    if not (row["response"] or "").strip():
        raise Rejected("empty_response")
    if why := why_rendered(row["system"] or "", row["question"], row["response"]):
        raise Rejected("template_tokens", why)
    try:
        response = split_response(row["response"])
    except ChainError as error:
        raise Rejected(error.reason, str(error)) from error
    try:
        answer = row_answer(response, row["answer"], row["category"])
        if rules.require_boxed_answer and not final_answer(response):
            raise Rejected("no_boxed_answer")
        checked = check(response, row["answer"], row["category"]) if check else None
    except ValueError as error:
        raise Rejected("answer_not_parseable", str(error)) from error
    if checked and checked.verdict == "wrong" and rules.check_answers == "reject":
        raise Rejected("wrong_answer", f"the chain ends in {checked.found}, the answer is {answer}")
    return {
        "id": row_id(row["system"], row["question"], row["response"]),
        "reasoning": [len(response.before), len(response.before) + len(response.reasoning)],
        "answer": answer,
        "fingerprint": _fingerprint(row["question"], row["response"]),
        "checked": checked.verdict if checked else None,
    }


class Duplicates:
    """Tells whether a row came before: exactly, but for case and spacing, or but for a few words; of rows that stay, it
    keeps ids apart."""

    def __init__(self, how: Deduplicate) -> None:
        self._how = how
        self._seen = Seen()
        self._near = NearDuplicates() if how == "near" else None
        self._copies: Counter[str] = Counter()

    def check(self, identity: str, fingerprint: int, question: str, response: str) -> None:
        """Remember a row that is fit for the pool. Raises Rejected, which names the row that it repeats."""
        exact = int(identity, 16)
        # Of rows alike but for case and spacing only the first is in the pool: one id for each fingerprint is enough.
        first = self._seen.setdefault(exact if self._how == "exact" else fingerprint, exact)
        if first is not None:
            raise Rejected("duplicate" if first == exact else "duplicate_normalised", f"repeats the row {first:016x}")
        if self._near and (alike := self._near.check(signature(question, response), exact)):
            raise Rejected("near_duplicate", f"repeats the row {alike[0]:016x}, {alike[1]:.2f} of both are the same")

    def own_id(self, identity: str) -> str:
        """Return the id of a row that stays whether it came before or not: of an exact copy, its number behind it."""
        if self._seen.setdefault(int(identity, 16), 1) is None:
            return identity
        self._copies[identity] += 1
        return f"{identity}-{self._copies[identity] + 1}"


def check_length(tokens: int, prompt_tokens: int, rules: RowRules, context: float) -> None:
    """Raise Rejected when a response of `tokens` tokens is outside the pool's bounds or the models' context."""
    if tokens < rules.min_tokens:
        raise Rejected("too_short", f"{tokens} tokens, at least {rules.min_tokens} are asked for")
    if tokens > rules.max_tokens:
        raise Rejected("too_long", f"{tokens} tokens, at most {rules.max_tokens} are allowed")
    needed = prompt_tokens + tokens + CONTEXT_MARGIN
    if needed > context:
        raise Rejected("over_context", f"{needed} tokens with question and closing words, the context holds {context}")


def context_length(folders: list[Path]) -> float:
    """Return the shortest context, in tokens, of the models in `folders`."""
    return min(context_of(load_config(folder)) for folder in folders)


def read_part(rows: pa.Table, rules: RowRules, tokenizer: Any) -> pa.Table:
    """Return the table FOUND for rows of raw, one row for each."""
    entries = rows.to_pylist()
    found: list[dict[str, Any]] = []
    with AnswerCheck() as check:
        for row in entries:
            try:
                found.append(read_row(row, rules, check))
            except Rejected as why:
                identity = row_id(row["system"], row["question"] or "", row["response"] or "")
                found.append({"id": identity, "reason": why.reason, "detail": why.detail})
    fit = [number for number, row in enumerate(found) if "reason" not in row]
    for number, lengths in zip(fit, _token_counts([entries[number] for number in fit], tokenizer), strict=True):
        found[number]["response_tokens"], found[number]["prompt_tokens"] = lengths
    return pa.Table.from_pylist(found, schema=FOUND)


def start_reading(
    rules: RowRules, model: Path, chat_template: Path | None = None, settings: ChatSettings | None = None
) -> Work:
    """Return `read_part` with the tokenizer that it counts by, as a process of its own starts it."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # a process is one thread: `threads` says how many there are
    tokenizer = chat.load_tokenizer(model, chat_template, settings)
    return functools.partial(read_part, rules=rules, tokenizer=tokenizer)


def split_part(part: Part, rules: RowRules, context: float, duplicates: Duplicates) -> tuple[pa.Table, list[dict]]:
    """Return the rows of the pool and those of `rejected` among the rows of a part."""
    kept, entries, out = [], [], []
    rows, all_stay = part.rows["row"].to_pylist(), rules.deduplicate == "none"
    questions, responses = part.rows["question"].to_pylist(), part.rows["response"].to_pylist()
    for place, (row, found) in enumerate(zip(rows, part.made.to_pylist(), strict=True)):
        try:
            if found["reason"]:
                raise Rejected(found["reason"], found["detail"])
            identity = found["id"]
            if not all_stay:
                duplicates.check(identity, found["fingerprint"], questions[place], responses[place])
            check_length(found["response_tokens"], found["prompt_tokens"], rules, context)
        except Rejected as why:
            out.append({"row": row, "id": found["id"], "reason": why.reason, "detail": why.detail})
            continue
        start, end = found["reasoning"]
        kept.append(place)
        entries.append(
            {
                "id": duplicates.own_id(identity) if all_stay else identity,
                "reasoning": responses[place][start:end],
                "answer": found["answer"],
                "response_tokens": found["response_tokens"],
            }
        )
    own = pa.Table.from_pylist(entries, schema=pa.schema([POOL.schema.field(name) for name in OWN]))
    taken = part.rows.take(pa.array(kept, pa.int64()))
    columns = {name: own[name] if name in OWN else taken[name] for name in POOL.schema.names}
    return pa.table(columns, schema=POOL.schema), out


def _token_counts(entries: list[dict[str, Any]], tokenizer: Any) -> Iterator[tuple[int, int]]:
    """Yield (response tokens, prompt tokens) for each row of raw."""
    for start in range(0, len(entries), TOKENISED):
        part = entries[start : start + TOKENISED]
        for system in [entry["system"] for entry in part if entry["system"]][:1]:
            chat.check_system(tokenizer, system)
        responses = chat.token_lengths(tokenizer, [entry["response"] for entry in part])
        prompts = count_tokens(tokenizer, [chat.prompt_messages(entry["system"], entry["question"]) for entry in part])
        yield from zip(responses, prompts, strict=True)


def main() -> None:
    program = Program(__doc__)
    program.add_input("--raw", "raw.parquet")
    program.add_input("--model", "folder of the model (tokenizer and context)")
    chat.add_chat(program)
    program.add_settings("--rules", RowRules)
    add_options(program)
    program.add_output("--pool", "pool.parquet")
    program.add_output("--rejected", "rejected.parquet")
    arguments = program.parse()
    rules: RowRules = arguments.rules
    program.runs(*code_of_verdicts(rules))
    context = context_length([arguments.model])
    rendering = (arguments.chat_template, arguments.chat)
    start = functools.partial(start_reading, rules, arguments.model, *rendering)
    state = [rules.model_dump_json(), arguments.chat.model_dump_json()]
    code = code_digest("scripts/data/prepare_pool.py", ["transformers", "tokenizers"], code_of_verdicts(rules))

    with (
        program.recording(rules=rules.model_dump()) as facts,
        parts_folder(arguments.work, program.inputs, *state, code) as folder,
        TableWriter(POOL, arguments.pool) as kept,
        TableWriter(REJECTED, arguments.rejected) as rejected,
    ):
        duplicates, reasons, checked = Duplicates(rules.deduplicate), Counter[str](), Counter[str]()
        parts = in_parts(iterate_table(RAW, arguments.raw, ROWS), start, arguments.threads, folder)
        for part in cli.progress(parts, "rows", f"x{ROWS} rows"):
            rows, out = split_part(part, rules, context, duplicates)
            kept.write(rows)
            rejected.write(out)
            reasons.update(rejection["reason"] for rejection in out)
            checked.update(part.made["checked"].drop_null().to_pylist())
        checked["wrong"] += reasons["wrong_answer"]
        facts["rows"] = {"pool": kept.rows, **reasons}
        facts["answers"] = dict(+checked)
    cli.log.info("pool: %d rows; rejected: %s", kept.rows, dict(reasons) or "none")
    cli.log.info("chains held against the answers of their source: %s", facts["answers"])
    if kept.rows == 0:
        raise cli.UserError(why_nothing(arguments.rejected))


if __name__ == "__main__":
    cli.run(main)
