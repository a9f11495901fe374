"""Whole graphs whose models are behind an endpoint, which a local stand-in plays."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from scripts.common.tables import read_table
from scripts.data.tables import POOL
from scripts.evaluate.tables import ANSWERS
from scripts.select.tables import STEPS
from tests.endpoint_stand_in import Asked, Said, StandIn, chat, serving
from tests.workflow.conftest import Checkout

pytestmark = pytest.mark.workflow


def answering(asked: Asked) -> Said:
    """Play two models that answer with the first number of the question, one of which is always right about evens,
    and one that cuts chains: its last unit is a check."""
    if asked.number < 0:
        return Said({"data": []})
    content = asked.body["messages"][-1]["content"]
    if asked.body["model"] == "cutter":
        first, last = map(int, re.findall(r"The units (\d+) to (\d+):", content)[-1])
        steps = [{"first": first, "last": last - 1, "pattern": "progressive"}] if last > first else []
        return chat(json.dumps({"steps": [*steps, {"first": last, "last": last, "pattern": "verification"}]}))
    number = int(re.findall(r"\d+", content)[0]) + (asked.body["model"] == "small-1" and asked.body["seed"] % 2)
    return chat(f"The final answer is \\boxed{{{number}}}.", tokens=5)


@pytest.fixture(scope="module")
def server() -> Iterator[StandIn]:
    with serving(answering) as running:
        yield running


def test_served_models_are_evaluated_to_the_report(checkout: Checkout, server: StandIn) -> None:
    file = checkout.folder / "experiments" / "served.yaml"
    sums = checkout.folder / "sums.jsonl"
    sums.write_text(
        "".join(f'{{"id": "{n}", "question": "{n} plus nothing?", "answer": "{n}"}}\n' for n in range(20)),
        encoding="utf-8",
    )
    endpoint = {"base_url": server.base_url, "api": "chat", "cost_per_million_output_tokens": 1000}
    config = {
        "name": "served",
        "title": "Served",
        "model": {"name": "small-1", "served": True},
        "models": {"big": {"name": "big-1", "served": True}},
        "evaluation": {"engine": "endpoint", "endpoint": endpoint, "generation": {"max_new_tokens": 32},
                       "benchmarks": {"sums": {"path": "sums.jsonl", "samples": 2}}},
    }  # fmt: skip
    file.write_text(json.dumps(config), encoding="utf-8")
    options = ["--configfile", str(file)]
    checkout.snakemake(*options)
    assert Counter(asked.body["model"] for asked in server.asked) == {"small-1": 40, "big-1": 40}
    results = checkout.folder / "results" / "served"
    answers = pl.DataFrame(read_table(ANSWERS, results / "evaluate/big/sums.parquet"))
    assert answers["correct"].mean() == 1 and answers["output_tokens"].sum() == 200
    record = json.loads((results / "evaluate/big/sums.parquet.provenance.json").read_text(encoding="utf-8"))
    assert record["usage"]["cost"] == pytest.approx(0.2)
    assert (results / "report" / "report.pdf").stat().st_size > 10_000
    assert "0.40" in (results / "report" / "report.html").read_text(encoding="utf-8"), "what both models cost"
    # How it is asked changes no answer; what the server calls one model concerns that model only.
    endpoint.update(concurrency=3, cost_per_million_output_tokens=2000)
    file.write_text(json.dumps(config), encoding="utf-8")
    assert not checkout.plan(*options)["evaluate_model"]
    config["evaluation"]["endpoint"]["models"] = {"big": "big-2"}
    file.write_text(json.dumps(config), encoding="utf-8")
    assert checkout.plan(*options)["evaluate_model"] == 1


def test_a_model_cuts_the_chains_of_an_experiment(checkout: Checkout, server: StandIn) -> None:
    asking = {"model": "cutter", "endpoint": {"base_url": server.base_url}}
    file = checkout.experiment("cut", name="cut", segmenter=asking)
    steps = "results/cut/select/steps.parquet"
    checkout.snakemake(steps, "--configfile", file)
    found = pl.DataFrame(read_table(STEPS, checkout.folder / steps))
    whole = pl.DataFrame(read_table(POOL, checkout.folder / "results/cut/data/clean.parquet"))
    joined = found.sort("id", "step").group_by("id").agg(pl.col("text").str.join(""), pl.col("pattern").last())
    assert joined["pattern"].unique().to_list() == ["verification"]
    assert joined.join(whole, on="id").filter(pl.col("text") != pl.col("reasoning")).is_empty() and len(joined) == 120
    hurried = {**asking, "endpoint": {**asking["endpoint"], "concurrency": 2, "timeout": 99}}
    file = checkout.experiment("cut", name="cut", segmenter=hurried)
    assert not checkout.plan(steps, "--configfile", file)["segment_steps"], "how it is asked changes no step"
    # Another prompt asks anew; what is asked by whom is in the command, where the file lies is not.
    prompt = Path(checkout.folder / "scripts/select/limopro/segment_prompt.md")
    prompt.write_text(prompt.read_text(encoding="utf-8") + "\nBe brief.\n", encoding="utf-8")
    assert checkout.plan(steps, "--configfile", file)["segment_steps"] == 1
