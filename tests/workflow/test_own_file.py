"""A newcomer's own file of chains: real mathematics in alpaca form, through data, select and train."""

import json
import shutil

import polars as pl
import pytest

from scripts.common.tables import read_table
from scripts.data.tables import POOL, REJECTED
from tests.beside import BENCHMARKS
from tests.workflow.conftest import Checkout

pytestmark = pytest.mark.workflow
SUMS = [
    {"problem": f"What is {a} + {a + 3}?", "answer": str(2 * a + 3),
     "solution": f"We add {a} and {a + 3}.\nWait, let me check: {a} + {a + 3} = {2 * a + 3}.\n"
                 f"Therefore the answer is $\\boxed{{{2 * a + 3}}}$."}
    for a in range(60)
]  # fmt: skip
# Longer than the context, 1,024 tokens, and shorter than what the pool takes by itself, 16,384, however it is cut into tokens.
LONG = {"problem": "Long?", "solution": "We add one more. " * 900 + "$\\boxed{1}$", "answer": "1"}


@pytest.mark.parametrize("more", [None, pytest.param("math_500", marks=pytest.mark.real)])
def test_a_local_file_works_to_the_end(checkout: Checkout, micro: Checkout, more: str | None) -> None:
    rows = [LONG, *SUMS]
    if more:
        rows += [json.loads(line) for line in (BENCHMARKS / f"{more}.jsonl").read_text(encoding="utf-8").splitlines()]
    alpaca = [{"instruction": row["problem"], "output": row["solution"], "answer": row["answer"]} for row in rows]
    (checkout.folder / "chains.jsonl").write_text("".join(json.dumps(row) + "\n" for row in alpaca), encoding="utf-8")
    model = checkout.folder / "demo-model"
    shutil.copytree(micro.folder / "results/micro/train/demo-base", model)
    config = checkout.experiment(
        "own",
        source="minimal",
        dataset__path="chains.jsonl",
        model={"name": "./demo-model", "dtype": "float32"},
        subsets={"limopro": {"method": "limopro", "prune_ratio": 0.5, "sample_score": "chain_gain", "size": 20}},
        controls=["rows"],
        training={
            "seeds": [1],
            "epochs": 1,
            "max_length": 1024,  # the demo model's context
            "per_device_batch": 4,
            "activation_checkpointing": False,
        },
        evaluation={
            "engine": "transformers",
            "generation": {"max_new_tokens": 256},
            "benchmarks": {"chains": {"demo": {"questions": 5}}},
        },
        resources={},
    )
    checkout.snakemake("models", "--configfile", config)
    results = checkout.folder / "results/minimal"
    rejected = pl.DataFrame(read_table(REJECTED, results / "data/rejected.parquet"))
    pool = pl.DataFrame(read_table(POOL, results / "data/pool.parquet"))
    assert len(pool) + len(rejected) == len(rows)
    # Chains longer than the scorer's context are rejected, not cut.
    assert rejected.filter(row=0)["reason"].to_list() == ["over_context"]
    assert len(pool) >= len(SUMS)
    # No <think> tag: the text is the reasoning.
    assert (pool["reasoning"] == pool["response"].str.strip_chars()).all()
    summary = json.loads((results / "train/limopro-t1/summary.json").read_text())
    assert summary["rows"] == 20 and (results / "train/limopro-t1/model/model.safetensors").is_file()
