"""How often an experiment comes out as it must, in a world whose truth is known: four arms, a whole experiment a seed.

    python -m perf.arena --seeds 1 2 3 4 5 6 7 8 9 10 --folder arena --table docs/measured/arena.csv

Three in ten rows of the demo hurt (`dataset.hurtful`). Against as many random rows, those that help must be better,
those that hurt must be worse, and a second random draw must show no detectable difference; the last errs by the
family's error rate even where all is right. Which rows are which only the column `worth` of raw.parquet tells: this
program reads it once the pool is there, and names the rows in files for the method `ids`. Every seed draws its own
data, base model, benchmark, subsets and runs. A seed that is in the table is not run again.
"""

import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import yaml

from scripts.common import cli
from scripts.common.atomic import replacing
from scripts.common.program import Program

ROOT = Path(__file__).resolve().parents[1]
SIZE = 240
EXPECTED = {"helps": "better", "hurts": "worse", "chance": "no detectable difference"}
"""The verdict that each subset must have against as many random rows."""
WORLD: dict[str, Any] = {
    "title": "Four arms whose right verdicts are known",
    "dataset": {
        "source": "demo",
        "limit": 1200,
        "hurtful": {"wrong_sums": 0.2, "reworded": 0.05, "template": 0.05},
    },
    "pool": {"max_tokens": 400, "require_boxed_answer": True, "decontaminate": {"against": ["chains"]}},
    "model": {"name": "demo", "dtype": "float32"},
    "controls": ["rows"],
    "training": {
        "seeds": [1, 2, 3],
        "epochs": 2,
        "max_length": 512,
        "learning_rate": 2e-3,
        "scheduler": "cosine",
        "warmup": 0.1,
        "effective_batch": 16,
        "per_device_batch": 16,
        "activation_checkpointing": False,
    },
    "evaluation": {
        "engine": "transformers",
        "generation": {"temperature": 0.6, "top_p": 0.95, "max_new_tokens": 200},
        "max_model_length": 512,
        "batch_size": 75,
        "benchmarks": {"chains": {"demo": {"operations": 4, "questions": 150}, "samples": 2}},
    },
    "resources": {"default": {"memory": 3000, "runtime": 20}},
}


def worth_of_rows(results: Path) -> dict[str, list[str]]:
    """Return the ids of clean rows that help, of those that hurt, and of all (`chance`), from a results folder.

    Rows are matched by their texts, which the pool leaves as they are.
    """
    raw = pl.read_parquet(results / "data" / "raw.parquet", columns=["question", "response", "worth"])
    clean = pl.read_parquet(results / "data" / "clean.parquet", columns=["id", "question", "response"])
    rows = clean.join(raw.unique(["question", "response"]), on=["question", "response"], how="left")
    if rows["worth"].null_count():
        raise cli.UserError(f"{results}: {rows['worth'].null_count()} clean rows are none of raw.parquet")
    helps = rows.filter(pl.col("worth") == "helps")["id"].to_list()
    return {"helps": helps, "hurts": sorted(set(rows["id"]) - set(helps)), "chance": rows["id"].to_list()}


def write_subsets(results: Path, folder: Path, size: int, seed: int) -> dict[str, dict[str, Any]]:
    """Draw `size` rows of each kind, name them in files under `folder`, and return the subsets' settings."""
    subsets: dict[str, dict[str, Any]] = {}
    for name, ids in worth_of_rows(results).items():
        if len(ids) < size:
            raise cli.UserError(f"{len(ids)} rows of the clean pool are '{name}', fewer than the {size} to draw")
        drawn = random.Random(f"{seed} {name}").sample(sorted(ids), size)
        path = folder / f"{name}.csv"
        path.write_text("\n".join(["id", *drawn]) + "\n", encoding="utf-8")
        subsets[name] = {"method": "ids", "file": str(path), "size": size}
    return subsets


def snakemake(folder: Path, settings: dict[str, Any], target: str, cores: int) -> None:
    """Run an experiment in `folder` up to a target. Raises UserError where it fails: its log says why."""
    config, log = folder / "experiment.yaml", folder / "run.log"
    config.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    words = ["-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--configfile", str(config), "--cores", str(cores)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with log.open("a", encoding="utf-8") as stream:
        done = subprocess.run(
            [sys.executable, *words, target], cwd=folder, stdout=stream, stderr=subprocess.STDOUT, env=environment
        )
    if done.returncode:
        raise cli.UserError(f"the experiment in '{folder}' failed: see {log}")


def run_seed(folder: Path, seed: int, cores: int) -> list[dict[str, Any]]:
    """Run the experiment of one seed and return a row for each subset: what came out, and whether it is right."""
    folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    settings = {"name": "arena", "seed": seed, **WORLD}
    results = folder / "results" / "arena"
    snakemake(folder, {**settings, "subsets": {"any": {"method": "random", "size": SIZE}}}, "pool", cores)
    settings["subsets"] = write_subsets(results, folder, SIZE, seed)
    snakemake(folder, settings, "results/arena/compare/comparisons.csv", cores)
    seconds = round(time.monotonic() - began)
    found = pd.read_csv(results / "compare" / "comparisons.csv")
    against = found[found["question"] == "rows"].set_index("subset")
    return [
        {
            "seed": seed,
            "subset": name,
            **against.loc[name, ["difference", "ci_low", "ci_high", "verdict"]].to_dict(),
            "expected": verdict,
            "holds": against.loc[name, "verdict"] == verdict,
            "seconds": seconds,
        }
        for name, verdict in EXPECTED.items()
    ]


def known_rows(table: Path) -> pd.DataFrame:
    """Return the rows that the table has already."""
    return pd.read_csv(table) if table.is_file() else pd.DataFrame(columns=["seed"])


def main() -> None:
    program = Program(__doc__)
    program.add_argument("--seeds", type=int, nargs="+", required=True, help="seeds of whole experiments")
    program.add_argument("--folder", type=Path, required=True, help="where they run, a folder a seed")
    program.add_argument("--table", type=Path, required=True, help="CSV of what came out; it is added to")
    program.add_argument("--cores", type=int, default=1, help="cores of an experiment (default: 1)")
    arguments = program.parse()
    for seed in arguments.seeds:
        before = known_rows(arguments.table)
        if seed in set(before["seed"]):
            continue
        rows = run_seed(arguments.folder.resolve() / f"seed-{seed}", seed, arguments.cores)
        whole = pd.concat([before, pd.DataFrame(rows)]) if len(before) else pd.DataFrame(rows)
        with replacing(arguments.table) as temporary:
            whole.sort_values(["seed", "subset"]).to_csv(temporary, index=False)
    table = known_rows(arguments.table)
    for name, rows in table[table["seed"].isin(arguments.seeds)].groupby("subset"):
        mean = 100 * rows["difference"].mean()
        cli.log.info("%s: as it must in %d of %d seeds, mean %+.1f points", name, rows["holds"].sum(), len(rows), mean)


if __name__ == "__main__":
    cli.run(main)
