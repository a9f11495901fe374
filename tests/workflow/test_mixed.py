"""A set of mathematics and code as AceReason is, and one of instructions without any answer: to the report."""

import json
import random
from pathlib import Path

import polars as pl
import pytest

from scripts.common.tables import read_table
from scripts.data.demo_world import Habits, draw_chain, draw_problem, write_response
from scripts.data.tables import POOL, REJECTED
from scripts.select.tables import SAMPLES, STEP_SCORES, SUBSET
from tests.workflow.conftest import Checkout

pytestmark = pytest.mark.long
MATH, CODE = 90, 60


def mathematics(draw: random.Random) -> dict[str, str]:
    """Return a row of the demo's world in AceReason's columns."""
    problem = draw_problem(draw, 3)
    response = write_response(draw_chain(draw, problem, Habits()), problem.answer)
    return {"category": "math", "source": "demo", "input": problem.question, "output": response}


def program(draw: random.Random, number: int) -> dict[str, str]:
    """Return a row of code: the program stands in a block behind the thinking, no box anywhere."""
    a, b = draw.randrange(100), draw.randrange(100)
    chain = (
        f"We add {a} and {b}, which is {a + b}.\n\nWait, let me check that: {a + b} - {b} = {a}. Yes, it is right.\n\n"
    )
    chain += f"Alternatively we could print {b} + {a}, which is the same.\n\nSo one line of Python is enough."
    output = f"<think>\n{chain}\n</think>\n\nIt is one line:\n\n```python\n# {number}\nprint({a} + {b})\n```"
    return {
        "category": "code",
        "source": "taco",
        "input": f"Write program {number}: add {a} and {b}.",
        "output": output,
    }


def write(folder: Path, name: str, rows: list[dict[str, str]]) -> None:
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def settings(file: str, **changes: object) -> dict[str, object]:
    return {
        "name": file.partition(".")[0],
        "dataset": {"source": "file", "path": file},
        "pool": {},
        "model": {"name": "./demo-model", "dtype": "float32"},
        "training__seeds": [1],
        "training__max_length": 1024,
        "evaluation__benchmarks": {"chains": {"demo": {"questions": 4}}},
        "evaluation__generation": {"max_new_tokens": 16},
        "report": {"formats": ["html"]},
        "resources": {"default": {"memory": 2500, "runtime": 10}, "prepare_pool": {"memory": 2500, "threads": 2}},
        **changes,
    }


def shares(pool: pl.DataFrame, file: Path) -> dict[str, int]:
    ids = read_table(SUBSET, file, ["id"])["id"].to_pylist()
    return dict(pool.filter(pl.col("id").is_in(ids)).group_by("category").len().iter_rows())


def test_mathematics_and_code_and_instructions_go_to_the_report(checkout: Checkout) -> None:
    draw = random.Random(7)
    rows = [*(mathematics(draw) for _ in range(MATH)), *(program(draw, number) for number in range(CODE))]
    draw.shuffle(rows)
    write(checkout.folder, "mixed.jsonl", rows)
    colours = ["green", "blue", "red", "black", "white"]
    talk = [
        {"instruction": f"Say something {one} about {number}.", "output": f"{number} is as {one} as it can be."}
        for number in range(8)
        for one in colours
    ]
    write(checkout.folder, "talk.jsonl", talk)
    checkout.run("scripts.train.make_demo_model", "--seed", "1", "--steps", "20", "--output", "demo-model")

    limopro = {"method": "limopro", "prune_ratio": 0.5, "sample_score": "mean_pir", "size": 30, "stratify": "category"}
    subsets = {
        "limopro": {**limopro, "band": [0.2, 0.9]},
        "plain": {"method": "random", "size": 50},
        "even": {"method": "random", "size": 50, "stratify": "category"},
    }
    config = checkout.experiment("mixed", **settings("mixed.jsonl", subsets=subsets, controls=["rows"]))
    checkout.snakemake("--configfile", config)
    results = checkout.folder / "results/mixed"
    pool = pl.DataFrame(read_table(POOL, results / "data/pool.parquet"))
    assert len(read_table(REJECTED, results / "data/rejected.parquet")) == 0
    assert dict(pool.group_by("category").len().iter_rows()) == {"math": MATH, "code": CODE}
    code = pool.filter(category="code")
    assert code["answer"].str.contains(r"^# \d+\nprint\(\d+ \+ \d+\)$").all()

    samples = pl.DataFrame(read_table(SAMPLES, results / "select/samples.parquet"))
    scores = pl.DataFrame(read_table(STEP_SCORES, results / "select/scores.parquet"))
    assert samples["reason"].null_count() == len(samples) == MATH + CODE, "chains of both kinds are scored"
    steps_of_code = scores.join(code.select("id"), on="id", how="semi")
    assert steps_of_code["id"].n_unique() > CODE / 2 and (steps_of_code["pir"] != 0).any()

    files = {
        name: results / f"select/subsets/{name}.parquet"
        for name in ("limopro", "random-as-limopro-t1", "plain", "even")
    }
    found = {name: shares(pool, file) for name, file in files.items()}
    assert found["even"] == {"math": 30, "code": 20}
    assert abs(found["plain"]["math"] - 30) < 4 * 2.9, "hypergeometric: a standard deviation of 2.9 rows"
    assert found["limopro"].keys() == {"math", "code"} and found["limopro"] == found["random-as-limopro-t1"]
    report = (results / "report/report.html").read_text(encoding="utf-8")
    assert "Rows by category" in report

    subsets = {"everything": {"method": "all"}, "some": {"method": "random", "size": 20}}
    config = checkout.experiment("talk", **settings("talk.jsonl", subsets=subsets, controls=[]))
    checkout.snakemake("--configfile", config)
    results = checkout.folder / "results/talk"
    assert read_table(POOL, results / "data/pool.parquet")["answer"].null_count == len(talk)
    assert (results / "report/report.html").is_file() and not (results / "select/steps.parquet").exists()
