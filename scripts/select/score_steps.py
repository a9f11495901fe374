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
from scripts.common.digest import code_digest
from scripts.common.provenance import recording, sha256_of
from scripts.common.tables import TableWriter, iterate_table, read_table
from scripts.select.patterns import FUNCTIONAL

STEPS_BATCH = 10_000
WINDOW = 2000  # chains that are held, and sorted by length, at a time


def shard_ids(steps: Path, shard: int, shards: int) -> list[str]:
    """Return the ids of a shard's rows: every `shards`-th chain of the table `steps`, in its order."""
    ids = pl.DataFrame(read_table("steps", steps, ["id"]))["id"]
    return ids.unique(maintain_order=True).gather_every(shards, shard).to_list()


def shard_rows(clean: Path, steps: Path, ids: list[str]) -> Iterator[dict[str, Any]]:
    """Yield id, system, question, answer and the lists step, text and pattern of each row of `ids`, in the order of
    the table `steps`, where a chain's steps stand together."""
    columns = ["id", "system", "question", "answer"]
    rows = {row["id"]: row for row in read_table("pool", clean, columns, ids=ids).to_pylist()}
    batches = iterate_table("steps", steps, STEPS_BATCH, ["id", "step", "text", "pattern"], ids=ids)
    every = (step for batch in batches for step in batch.to_pylist())
    for identity, chain in groupby(every, key=itemgetter("id")):
        taken = list(chain)
        yield rows[identity] | {name: [step[name] for step in taken] for name in ("step", "text", "pattern")}


def scored_steps(row: dict[str, Any]) -> list[int]:
    r"""Return the positions of the steps that are scored: one that states \boxed{...} would leak the answer."""
    return [position for position, text in enumerate(row["text"]) if BOXED not in text]


class Journal:
    """The scores of a shard so far, a line of JSON per chain, so that a job that was killed goes on where it stopped.

    The file is named by what the scores depend on; a line that was cut off is ignored.
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self.path = folder / f"{fingerprint}.jsonl"
        self.done = self._read()
        """The scores of earlier attempts by chain id."""

    def _read(self) -> dict[str, Any]:
        from scripts.select.pir import Score

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
    rows: list[dict[str, Any]], model: Any, tokenizer: Any, budget: int, journal: Journal
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the rows of `scores` and of `samples` for rows of a shard.

    A chain that is longer than the scorer's context has no scores, and its sample says so.
    """
    from scripts.select.pir import encode_chain, score_chains

    context = model.config.max_position_embeddings
    chains, samples = {}, {}
    for row in rows:
        places = scored_steps(row)
        functional = [k for k, place in enumerate(places) if row["pattern"][place] in FUNCTIONAL]
        texts = [row["text"][place] for place in places]
        chain = encode_chain(tokenizer, row["id"], row["system"], row["question"], texts, functional, row["answer"])
        length = len(chain.sequence())
        samples[row["id"]] = {
            "id": row["id"],
            "n_steps": len(row["text"]),
            "n_functional": len(functional),
            "mean_pir": None,
            "chain_gain": None,
            "tokens": length,
            "reason": None if length <= context else f"{length} tokens, the scorer's context holds {context}",
        }
        if length <= context:
            chains[row["id"]] = chain

    by_id = {row["id"]: row for row in rows}
    scores = []
    earlier = [(chain, journal.done[chain.id]) for chain in chains.values() if chain.id in journal.done]
    fresh = journal.write(score_chains(model, [c for c in chains.values() if c.id not in journal.done], budget))
    for chain, score in cli.progress(itertools.chain(earlier, fresh), "chains scored", "chain", total=len(chains)):
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
    order = {row["id"]: number for number, row in enumerate(rows)}
    scores.sort(key=lambda score: (order[score["id"]], score["step"]))
    return scores, list(samples.values())


def fingerprint(inputs: list[Path], dtype: str, template: str) -> str:
    """Return 16 hex digits of what scores depend on: the inputs' contents, dtype, chat template and code."""
    code = code_digest("scripts/select/score_steps.py", ["torch", "transformers", "polars"])
    parts = [*map(sha256_of, inputs), dtype, template, code]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def load_scorer(folder: Path, dtype: str) -> Any:
    """Return the scorer on the GPU where there is one, ready for masks that are trees."""
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype), attn_implementation="sdpa")
    kinds = set(getattr(model.config, "layer_types", None) or ["full_attention"])
    if kinds != {"full_attention"} or getattr(model.config, "final_logit_softcapping", None):
        raise cli.UserError(
            f"the scorer '{folder}' is no plain full-attention model ({', '.join(sorted(kinds))}); take another"
        )
    return model.to("cuda" if torch.cuda.is_available() else "cpu").eval()


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--clean", type=Path, required=True, help="clean.parquet")
    parser.add_argument("--steps", type=Path, required=True, help="steps.parquet")
    parser.add_argument("--scorer", type=Path, required=True, help="folder of the scorer")
    parser.add_argument("--chat-template", type=Path, help="Jinja file that replaces the scorer's chat template")
    parser.add_argument("--dtype", default="bfloat16", help="number format of the scorer")
    parser.add_argument(
        "--budget", type=int, default=16_384, help="tokens per forward pass; halved when memory runs out"
    )
    parser.add_argument("--shard", type=int, required=True, help="which shard, from 0")
    parser.add_argument("--shards", type=int, required=True, help="how many shards there are")
    parser.add_argument("--work", type=Path, required=True, help="folder for the scores so far")
    parser.add_argument("--scores", type=Path, required=True, help="the shard's scores")
    parser.add_argument("--samples", type=Path, required=True, help="the shard's samples")
    arguments = parser.parse_args()
    ids = shard_ids(arguments.steps, arguments.shard, arguments.shards)

    with cli.heavy_imports():
        import torch
        import transformers  # noqa: F401

    inputs = [arguments.clean, arguments.steps, arguments.scorer]
    outputs = [arguments.scores, arguments.samples]
    with (
        recording(outputs=outputs, inputs=inputs, shard=arguments.shard) as facts,
        TableWriter("scores", arguments.scores) as scores,
        TableWriter("samples", arguments.samples) as samples,
    ):
        tokenizer = chat.load_tokenizer(arguments.scorer, arguments.chat_template)
        journal = Journal(arguments.work, fingerprint(inputs, arguments.dtype, tokenizer.chat_template))
        if journal.done:
            cli.log.info("%d chains were scored by an earlier attempt", len(journal.done))
        model = load_scorer(arguments.scorer, arguments.dtype)
        rows = shard_rows(arguments.clean, arguments.steps, ids)
        with torch.inference_mode():
            while window := list(itertools.islice(rows, WINDOW)):
                cli.log.info("chains %d to %d of %d", samples.rows + 1, samples.rows + len(window), len(ids))
                of_steps, of_chains = score_rows(window, model, tokenizer, arguments.budget, journal)
                scores.write(of_steps)
                samples.write(of_chains)
        facts["chains"], facts["functional_steps"] = samples.rows, scores.rows
    journal.path.unlink(missing_ok=True)


if __name__ == "__main__":
    cli.run(main)
