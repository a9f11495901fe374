"""Real solutions (MATH-500, AIME 2024) through the whole select stage, program by program."""

import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from scripts.common.tables import read_table, write_table
from scripts.data.prepare_pool import row_id
from scripts.data.tables import POOL
from scripts.select.methods.limopro import Limopro
from scripts.select.tables import SAMPLES, STEP_SCORES, STEPS, SUBSET
from tests.beside import BENCHMARKS

pytestmark = [pytest.mark.workflow, pytest.mark.real]


def run(program: str, **options: object) -> None:
    flags = [str(part) for name, value in options.items() for part in (f"--{name.replace('_', '-')}", value)]
    subprocess.run([sys.executable, "-m", f"scripts.select.{program}", *flags], check=True)


def write_pool(path: Path) -> None:
    rows = []
    for name in ("math_500", "aime24"):
        for line in (BENCHMARKS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            question, chain = entry["problem"], entry["solution"].strip()
            rows.append({"id": row_id(None, question, chain), "question": question, "reasoning": chain, "source": name,
                         "answer": str(entry["answer"]), "response": chain, "system": None, "category": None,
                         "response_tokens": len(chain)})  # fmt: skip
    write_table(POOL, rows, path)


def test_real_solutions_pass_through_select(tiny_model: Path, tmp_path: Path) -> None:
    clean, steps, subset = (tmp_path / f"{name}.parquet" for name in ("clean", "steps", "subset"))
    scores, samples = tmp_path / "scores.parquet", tmp_path / "samples.parquet"
    write_pool(clean)
    run("segment_steps", clean=clean, seed=1, steps=steps)
    parts = {"scores": [], "samples": []}
    for shard in range(2):
        for name, files in parts.items():
            files.append(tmp_path / f"{name}.{shard}.parquet")
        shards = {"shard": shard, "shards": 2, "dtype": "float32"}
        run("score_steps", clean=clean, steps=steps, scorer=tiny_model, **shards,
            scores=parts["scores"][-1], samples=parts["samples"][-1])  # fmt: skip
    gathered = [str(path) for path in (*parts["scores"], "--sample-shards", *parts["samples"])]
    command = ["--steps", str(steps), "--scores", str(scores), "--samples", str(samples), "--score-shards", *gathered]
    subprocess.run([sys.executable, "-m", "scripts.select.gather_scores", *command], check=True)
    settings = Limopro(method="limopro", prune_ratio=1.0, sample_score="chain_gain").model_dump_json()
    select = {"name": "limopro", "settings": settings, "seed": 1, "clean": clean, "model": tiny_model, "steps": steps}
    run("select_subset", **select, scores=scores, samples=samples, subset=subset)

    pool, cut = pl.DataFrame(read_table(POOL, clean)), pl.DataFrame(read_table(STEPS, steps))
    joined = dict(cut.group_by("id", maintain_order=True).agg(pl.col("text").str.join("")).iter_rows())
    assert joined == dict(pool.select("id", "reasoning").iter_rows())
    scored, chains = pl.DataFrame(read_table(STEP_SCORES, scores)), pl.DataFrame(read_table(SAMPLES, samples))
    print(pool.select("id", "source").join(cut, on="id").group_by("source", "pattern").len().sort("source", "pattern"))
    print(f"{len(chains)} chains, {chains['reason'].count()} longer than the context, {len(scored)} steps scored")
    # Every chain is scored or has a reason; every functional step of a scored one that states no box has a value.
    assert chains["id"].to_list() == pool["id"].to_list()
    assert (chains["chain_gain"].is_null() == chains["reason"].is_not_null()).all()
    known = chains.filter(pl.col("reason").is_null())["id"].implode()
    due = cut.filter(
        pl.col("pattern") != "progressive",
        pl.col("id").is_in(known),
        ~pl.col("text").str.contains("boxed{", literal=True),
    )
    assert scored.select("id", "step").rows() == due.select("id", "step").rows() and scored["pir"].is_finite().all()
    # At a ratio of 1 all of those go and nothing else.
    drawn = pl.DataFrame(read_table(SUBSET, subset))
    removed = drawn.select("id", step="pruned_steps").explode("step").drop_nulls()
    assert removed.rows() == due.select("id", "step").rows() and len(drawn) == chains["chain_gain"].count()
