"""Read a text of every row of a shard with a model and write down its mean loss, in nats a token.

    response   the response as it is trained on, after its prompt
    alone      the same token ids without the prompt
    answer     the final answer in its box, right after the question, without any chain

The first token of a response counts in neither of its losses: nothing predicts it where the response stands alone.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from scripts.common import chat, cli
from scripts.common.context import context_of
from scripts.common.digest import code_digest
from scripts.common.parts import Work
from scripts.common.program import Program, as_json
from scripts.common.rendering import Renderer
from scripts.common.rotary import changes_at
from scripts.common.tables import to_table
from scripts.select.limopro.chain import encode_chain, ending_of
from scripts.select.measuring import add_shard, shard_ids, write_measured
from scripts.select.tables import LOSSES

COLUMNS = ["id", "system", "question", "answer", "response"]
PART = 500  # rows, sorted by length and kept together
TRIED = 2048  # tokens of the longest text on which it is tried whether rows may share a pass
TEXTS = ("response", "alone", "answer")
PROGRAM = "scripts/select/score_responses.py"


class Text(NamedTuple):
    """What is read of a row."""

    sequence: list[int]
    scored: list[int]
    """The tokens at its end whose loss is taken."""


def texts_of(rows: Sequence[dict[str, Any]], of: str, tokenizer: Any) -> list[Text]:
    """Return what is read of each row."""
    if of == "answer":
        chains = [
            encode_chain(
                tokenizer,
                *(row["id"], row["system"], row["question"], [], [], row["answer"]),
                ending_of(row["response"], row["answer"]),
            )
            for row in rows
        ]
        return [Text(chain.question_alone(), chain.answer) for chain in chains]
    conversations = [chat.training_messages(row["system"], row["question"], row["response"]) for row in rows]
    return [
        Text(one.ids[one.start if of == "alone" else 0 : one.end], one.ids[one.start + 1 : one.end])
        for one in Renderer(tokenizer).encode(conversations)
    ]


class Reader:
    """A model that reads texts; how it may be called is found out on the first ones."""

    def __init__(self, model: Any, name: str, budget: int) -> None:
        self.model, self._name, self._budget = model, name, budget
        self._scorer: Any = None
        self._pads = False

    def losses(self, texts: Sequence[Text]) -> list[float]:
        """Return the mean loss of what is scored of each text; at most about `budget` tokens a forward pass.

        Out of memory halves the budget and goes on, down to a text at a time.
        """
        import torch

        from scripts.select.limopro.plain import plain_nlls

        if not texts:
            return []
        longest = max((text.sequence for text in texts), key=len)
        self._look_at(longest)
        pads = self._pads and len(longest) <= changes_at(self.model.config)
        while True:
            try:
                with torch.inference_mode():
                    return plain_nlls(self._scorer, texts, self._budget, pads)
            except torch.OutOfMemoryError:
                if self._budget <= 256:
                    raise
                self._budget //= 2
                torch.cuda.empty_cache()

    def _look_at(self, longest: list[int]) -> None:
        if self._scorer is None:
            import torch

            from scripts.select.limopro.probe import agree, examine, padding_gap

            tokens, length = sorted(set(longest)), min(len(longest), TRIED)
            with torch.inference_mode():
                self._scorer = examine(self.model, self._name, tokens, length)
                self._pads = agree(self.model, "padded rows", padding_gap, self._scorer, tokens, length)


def read_part(rows: pa.Table, reader: Reader, tokenizer: Any, of: str) -> pa.Table:
    """Return the rows of `losses` for rows of the pool; a text longer than the model's context has none."""
    found = rows.to_pylist()
    context, texts = context_of(reader.model.config), texts_of(found, of, tokenizer)
    whys = [_why_not(text, context) for text in texts]
    losses = iter(reader.losses([text for text, why in zip(texts, whys, strict=True) if why is None]))
    return to_table(
        LOSSES,
        [
            {"id": row["id"], "tokens": len(text.scored), "nll": None if why else next(losses), "reason": why}
            for row, text, why in zip(found, texts, whys, strict=True)
        ],
    )


def _why_not(text: Text, context: float) -> str | None:
    if not text.scored:
        return "a response of one token"
    return "longer than the model's context" if len(text.sequence) > context else None


def start_reading(folder: Path, dtype: str, budget: int, tokenizer: Any, of: str) -> Work:
    """Return `read_part` with its model."""
    from scripts.select.limopro.loading import load_causal

    return partial(
        read_part, reader=Reader(load_causal(folder, dtype), str(folder), budget), tokenizer=tokenizer, of=of
    )


def main() -> None:
    program = Program(__doc__)
    program.add_input("--clean", "clean.parquet")
    program.add_input("--model", "folder of the model that reads")
    chat.add_chat(program)
    program.add_argument("--dtype", default="bfloat16", help="number format of the model")
    program.add_argument("--of", choices=TEXTS, required=True, help="which text of a row is read")
    program.add_argument(
        "--budget", type=int, default=16_384, help="tokens per forward pass; halved when memory runs out"
    )
    add_shard(program)
    program.add_output("--losses", "the shard's losses")
    arguments = program.parse()
    tokenizer = chat.tokenizer_from(arguments, arguments.model)
    answered = arguments.of == "answer"
    ids = shard_ids(arguments.clean, arguments.rows, arguments.seed, arguments.shard, arguments.shards, answered)
    settings = [arguments.dtype, arguments.of, tokenizer.chat_template, as_json(arguments.chat)]
    shard = [str(part) for part in (arguments.rows, arguments.seed, arguments.shard, arguments.shards)]
    state = [*settings, *shard, code_digest(PROGRAM, ["torch", "transformers", "polars"])]
    with cli.heavy_imports():
        import torch  # noqa: F401
        import transformers  # noqa: F401
    with program.recording(shard=arguments.shard, of=arguments.of) as facts:
        start = partial(start_reading, arguments.model, arguments.dtype, arguments.budget, tokenizer, arguments.of)
        facts["rows"] = write_measured(
            LOSSES,
            arguments.losses,
            arguments.clean,
            ids,
            COLUMNS,
            PART,
            start,
            arguments.work,
            [arguments.model],
            state,
        )


if __name__ == "__main__":
    cli.run(main)
