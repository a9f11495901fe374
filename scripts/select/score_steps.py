"""Score one shard of the rows: PIR of every functional step, and what each whole chain tells about its answer."""

import functools
import itertools
from collections.abc import Callable, Iterator
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
from scripts.common.program import Program
from scripts.common.shape import load_config
from scripts.common.store import Store, cache_folder
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


def store_of(scorer: Path, dtype: str, estimator: str, positions: str) -> Store:
    """Return where the scores of chains by this scorer, estimated in this way, are kept and found.

    What is asked is the chain's token ids: prompt and template, segmentation and the answer's ending are in them.
    """
    return Store(
        cache_folder(),
        "scored_chains",
        of={
            "scorer": sha256_of(scorer),
            "dtype": dtype,
            "estimator": estimator,
            "positions": positions,
            "code": code_digest(
                "scripts/select/limopro/pir.py", ["torch", "transformers"], ["scripts/select/limopro/loading.py"]
            ),
        },
    )


def score_rows(
    rows: list[dict[str, Any]],
    load: Callable[[], Any],
    context: float,
    tokenizer: Any,
    budget: int,
    store: Store,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the rows of `scores` and of `samples` for rows of a shard; `load` gives the estimator where it is needed.

    A chain that is longer than the scorer's `context` has no scores, and its sample says so.
    """
    from scripts.select.limopro.chain import BOX, encode_chain

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
    with cli.progress_bar(len(chains), "chains scored", "chain", work="token") as bar:
        for chain, score in scored_chains(list(chains.values()), load, budget, store, bar):
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
            bar.update(1)
    order = {row["id"]: number for number, row in enumerate(rows)}
    scores.sort(key=lambda score: (order[score["id"]], score["step"]))
    return scores, list(samples.values())


def scored_chains(
    chains: list[Any], load: Callable[[], Any], budget: int, store: Store, bar: Any
) -> Iterator[tuple[Any, Any]]:
    """Yield (chain, score) of every chain: first what the store has, then what is computed and kept as it comes."""
    from scripts.select.limopro.chain import Score

    found = store.find([chain[1:] for chain in chains])
    if found:
        cli.log.info("%d of %d chains are scored already", len(found), len(chains))
    yield from ((chains[place], Score(*score)) for place, score in found.items())
    waiting = [chain for place, chain in enumerate(chains) if place not in found]
    if not waiting:
        return
    estimator = load()
    bar.left = lambda: estimator.tokens_left
    for chain, score in estimator.score(waiting, budget):
        store.keep(chain[1:], score)
        bar.reach(estimator.tokens - estimator.tokens_left)
        yield chain, score


def load_scorer(folder: Path, dtype: str, kind: Any = "exact", positions: Any = "shift", gpus: int = 1) -> Any:
    """Return the estimator of PIR with the model of that folder, on the GPU where there is one, or spread over `gpus`.

    Raises UserError where the folder holds no causal language model, or the GPUs do not hold it.
    """
    from scripts.select.limopro.loading import load_causal
    from scripts.select.limopro.pir import Estimator

    return Estimator(load_causal(folder, dtype, gpus), str(folder), kind, positions)


def main() -> None:
    program = Program(__doc__)
    program.add_input("--clean", "clean.parquet")
    program.add_input("--steps", "steps.parquet")
    program.add_input("--scorer", "folder of the scorer")
    chat.add_chat(program, "scorer")
    program.add_argument("--dtype", default="bfloat16", help="number format of the scorer")
    program.add_argument("--gpus", type=int, default=1, help="GPUs that the scorer's layers are spread over")
    program.add_argument("--estimator", choices=["exact", "one_pass"], default="exact", help="see scorer.estimator")
    program.add_argument("--positions", choices=["shift", "keep"], default="shift", help="see scorer.positions")
    program.add_argument(
        "--budget", type=int, default=16_384, help="tokens per forward pass; halved when memory runs out"
    )
    program.add_argument("--shard", type=int, required=True, help="which shard, from 0")
    program.add_argument("--shards", type=int, required=True, help="how many shards there are")
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
        how = (arguments.dtype, arguments.estimator, arguments.positions)
        store = store_of(arguments.scorer, *how)
        load = functools.cache(lambda: load_scorer(arguments.scorer, *how, gpus=arguments.gpus))
        context = context_of(load_config(arguments.scorer))
        rows = shard_rows(arguments.clean, arguments.steps, ids)
        with torch.inference_mode():
            while window := list(itertools.islice(rows, WINDOW)):
                cli.log.info("chains %d to %d of %d", samples.rows + 1, samples.rows + len(window), len(ids))
                of_steps, of_chains = score_rows(window, load, context, tokenizer, arguments.budget, store)
                scores.write(of_steps)
                samples.write(of_chains)
        facts["chains"], facts["functional_steps"] = samples.rows, scores.rows
        facts["chains_reused"] = store.reused


if __name__ == "__main__":
    cli.run(main)
