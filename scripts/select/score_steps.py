"""Score one shard of the rows: PIR of every functional step, and what each whole chain tells about its answer."""

import hashlib
import itertools
import json
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import polars as pl

from scripts.common import chat, cli
from scripts.common.chain import BOXED
from scripts.common.content import sha256_of
from scripts.common.context import context_of
from scripts.common.digest import code_digest
from scripts.common.program import Program, as_json
from scripts.common.tables import TableWriter, iterate_table, read_table
from scripts.data.tables import POOL
from scripts.select.limopro.patterns import FUNCTIONAL
from scripts.select.tables import SAMPLES, STEP_SCORES, STEPS

ROWS_BATCH, STEPS_BATCH = 1000, 10_000
WINDOW = 2000  # chains that are held, and sorted by length, at a time


def shard_ids(steps: Path, shard: int, shards: int) -> list[str]:
    """Return the ids of a shard's rows: every `shards`-th chain of the table `steps`, in its order."""
    ids = pl.DataFrame(read_table(STEPS, steps, ["id"]))["id"]
    return ids.unique(maintain_order=True).gather_every(shards, shard).to_list()


def shard_rows(clean: Path, steps: Path, ids: list[str]) -> Iterator[dict[str, Any]]:
    """Yield id, system, question, answer, its ending and the lists step, text and pattern of each row of `ids`, in the
    order of the table `steps`, where a chain's steps stand together."""
    from scripts.select.limopro.chain import ending_of

    rows = {}
    for batch in iterate_table(POOL, clean, ROWS_BATCH, ["id", "system", "question", "answer", "response"], ids=ids):
        for row in batch.to_pylist():
            rows[row["id"]] = row | {"ending": ending_of(row.pop("response"), row["answer"])}
    batches = iterate_table(STEPS, steps, STEPS_BATCH, ["id", "step", "text", "pattern"], ids=ids)
    every = (step for batch in batches for step in batch.to_pylist())
    for identity, chain in groupby(every, key=itemgetter("id")):
        taken = list(chain)
        yield rows[identity] | {name: [step[name] for step in taken] for name in ("step", "text", "pattern")}


def scored_steps(row: dict[str, Any]) -> list[int]:
    r"""Return the positions of the steps that are scored: one that states \boxed{...} would leak the answer, and so may
    one with a block of code where the answer is a program."""
    leaks = row["ending"].leaks if "ending" in row else (BOXED,)
    return [position for position, text in enumerate(row["text"]) if not any(mark in text for mark in leaks)]


class Journal:
    """The scores of a shard so far, a line of JSON per chain, so that a job that was killed resumes where it stopped.

    The file is named by what the scores depend on; a line that was cut off is ignored.
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self.path = folder / f"{fingerprint}.jsonl"
        self.done = self._read()
        """The scores of earlier attempts by chain id."""

    def _read(self) -> dict[str, Any]:
        from scripts.select.limopro.chain import Score

        done: dict[str, Any] = {}
        if self.path.exists():
            for line in self.path.read_text(encoding="utf-8").splitlines():
                try:
                    identity, *values = json.loads(line)
                except json.JSONDecodeError:
                    continue
                done[identity] = Score(*values)
        return done

    def write(self, scored: Iterator[tuple[Any, Any]]) -> Iterator[tuple[Any, Any]]:
        """Pass on (chain, score) pairs, each written down first."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as lines:
            lines.write("\n")  # ends a line that an earlier attempt left cut off
            for chain, score in scored:
                lines.write(json.dumps([chain.id, *score]) + "\n")
                lines.flush()
                yield chain, score


def score_rows(
    rows: list[dict[str, Any]], estimator: Any, tokenizer: Any, budget: int, journal: Journal
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the rows of `scores` and of `samples` for rows of a shard.

    A chain that is longer than the scorer's context has no scores, and its sample says so.
    """
    from scripts.select.limopro.chain import BOX, encode_chain

    context = context_of(estimator.model.config)
    chains, samples = {}, {}
    for row in rows:
        places = scored_steps(row)
        functional = [k for k, place in enumerate(places) if row["pattern"][place] in FUNCTIONAL]
        texts = [row["text"][place] for place in places]
        asked = (row["id"], row["system"], row["question"])
        chain = encode_chain(tokenizer, *asked, texts, functional, row["answer"], row.get("ending", BOX))
        length = len(chain.sequence())
        samples[row["id"]] = {
            "id": row["id"],
            "n_steps": len(row["text"]),
            "n_functional": len(functional),
            "mean_pir": None,
            "chain_gain": None,
            "tokens": length,
            "reason": f"{length} tokens, the scorer's context holds {context}" if length > context else None,
        }
        if length <= context:
            chains[row["id"]] = chain

    by_id = {row["id"]: row for row in rows}
    scores = []
    earlier = [(chain, journal.done[chain.id]) for chain in chains.values() if chain.id in journal.done]
    fresh = journal.write(estimator.score([c for c in chains.values() if c.id not in journal.done], budget))
    with cli.progress_bar(len(chains), "chains scored", "chain", work="token") as bar:
        bar.left = lambda: estimator.tokens_left
        for chain, score in itertools.chain(earlier, fresh):
            row, places = by_id[chain.id], scored_steps(by_id[chain.id])
            impacts = [without - score.nll_full for without in score.nll_without]
            for k, without, pir in zip(chain.functional, score.nll_without, impacts, strict=True):
                scores.append(
                    {
                        "id": chain.id,
                        "step": row["step"][places[k]],
                        "pattern": row["pattern"][places[k]],
                        "answer_tokens": len(chain.answer),
                        "nll_full": score.nll_full,
                        "nll_without": without,
                        "pir": pir,
                    }
                )
            samples[chain.id]["mean_pir"] = sum(impacts) / len(impacts) if impacts else None
            samples[chain.id]["chain_gain"] = score.nll_question - score.nll_full
            bar.reach(estimator.tokens - estimator.tokens_left)
            bar.update(1)
    order = {row["id"]: number for number, row in enumerate(rows)}
    scores.sort(key=lambda score: (order[score["id"]], score["step"]))
    return scores, list(samples.values())


def fingerprint(inputs: list[Path], *settings: str) -> str:
    """Return 16 hex digits of what scores depend on: the inputs' contents, the settings and the code."""
    code = code_digest("scripts/select/score_steps.py", ["torch", "transformers", "polars"])
    parts = [*map(sha256_of, inputs), *settings, code]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def load_scorer(folder: Path, dtype: str, kind: Any = "exact", positions: Any = "shift") -> Any:
    """Return the estimator of PIR with the model of that folder, on the GPU where there is one.

    Raises UserError where the folder holds no causal language model.
    """
    from scripts.select.limopro.loading import load_causal
    from scripts.select.limopro.pir import Estimator

    return Estimator(load_causal(folder, dtype), str(folder), kind, positions)


def main() -> None:
    program = Program(__doc__)
    program.add_input("--clean", "clean.parquet")
    program.add_input("--steps", "steps.parquet")
    program.add_input("--scorer", "folder of the scorer")
    chat.add_chat(program, "scorer")
    program.add_argument("--dtype", default="bfloat16", help="number format of the scorer")
    program.add_argument("--estimator", choices=["exact", "one_pass"], default="exact", help="see scorer.estimator")
    program.add_argument("--positions", choices=["shift", "keep"], default="shift", help="see scorer.positions")
    program.add_argument(
        "--budget", type=int, default=16_384, help="tokens per forward pass; halved when memory runs out"
    )
    program.add_argument("--shard", type=int, required=True, help="which shard, from 0")
    program.add_argument("--shards", type=int, required=True, help="how many shards there are")
    program.add_argument("--work", type=Path, required=True, help="folder for the scores so far")
    program.add_output("--scores", "the shard's scores")
    program.add_output("--samples", "the shard's samples")
    arguments = program.parse()
    ids = shard_ids(arguments.steps, arguments.shard, arguments.shards)

    with cli.heavy_imports():
        import torch
        import transformers  # noqa: F401

    with (
        program.recording(shard=arguments.shard) as facts,
        TableWriter(STEP_SCORES, arguments.scores) as scores,
        TableWriter(SAMPLES, arguments.samples) as samples,
    ):
        tokenizer = chat.tokenizer_from(arguments, arguments.scorer)
        inputs = [arguments.clean, arguments.steps, arguments.scorer]
        settings = [
            arguments.dtype,
            arguments.estimator,
            arguments.positions,
            tokenizer.chat_template,
            as_json(arguments.chat),
        ]
        journal = Journal(arguments.work, fingerprint(inputs, *settings))
        if journal.done:
            cli.log.info("%d chains were scored by an earlier attempt", len(journal.done))
        estimator = load_scorer(arguments.scorer, arguments.dtype, arguments.estimator, arguments.positions)
        rows = shard_rows(arguments.clean, arguments.steps, ids)
        with torch.inference_mode():
            while window := list(itertools.islice(rows, WINDOW)):
                cli.log.info("chains %d to %d of %d", samples.rows + 1, samples.rows + len(window), len(ids))
                of_steps, of_chains = score_rows(window, estimator, tokenizer, arguments.budget, journal)
                scores.write(of_steps)
                samples.write(of_chains)
        facts["chains"], facts["functional_steps"] = samples.rows, scores.rows
    journal.path.unlink(missing_ok=True)


if __name__ == "__main__":
    cli.run(main)
