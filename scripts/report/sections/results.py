"""The table that people look for: methods by rows, benchmarks by columns, each against random rows, and its costs."""

from typing import Any

import pandas as pd

from scripts.common.config.experiment import Experiment
from scripts.compare.labels import arm_label, points
from scripts.compare.statistics import NOTHING
from scripts.report.facts import Facts
from scripts.report.figures import picture
from scripts.report.markdown import escape, table
from scripts.report.needs import several_methods
from scripts.report.sections.base import Section


def compared(experiment: Experiment) -> bool:
    """Where some subset is held against random rows."""
    return any("rows" in of for of in experiment.references().values())


def results(facts: Facts) -> str:
    """Return the table of methods; the first column of differences is the first family's, where there is one."""
    cells = _cells(facts)
    targets = list(dict.fromkeys(target for _, target in cells))
    training = facts.table("training_arms").set_index("arm")
    arms = facts.table("arms").groupby("arm", sort=False)["output_tokens"].mean()
    methods = list(dict.fromkeys(method for method, _ in cells))
    gpu = on_gpu(facts)
    rows = []
    for method in methods:
        spent = training.loc[method]
        trained = float(spent["gpu_hours"] if gpu else spent["seconds"] * spent["runs"] / 3600)
        hours = [_hours(selection_hours(facts, method, gpu)), _hours(trained)]
        found = [cells.get((method, target), "–") for target in targets]
        rows.append([escape(arm_label(method)), *found, *hours, f"{arms[method]:,.0f}"])
    unit = hours_unit(gpu)
    headers = ["Method", *map(escape, targets), f"{unit}, selection", f"{unit}, training", "Tokens an answer"]
    caption = (
        "Each method against as many random rows: the difference in percentage points with its interval, and *better* "
        "or *worse* where that can be told after adjustment; † of these runs only. Selection: all jobs that its rows "
        "hang on behind the clean pool; what several methods share is counted for each. Training: all of the arm's "
        "runs. Tokens: mean over benchmarks."
    )
    widths = [14, *[max(7, 58 // len(targets))] * len(targets), 11, 11, 11]
    text = table(headers, rows, "l" * (1 + len(targets)) + "rrr", widths, caption, "tbl-results")
    return f"{text}\n{picture('gain', facts.experiment)}\n" if several_methods(facts.experiment) else text


def on_gpu(facts: Facts) -> bool:
    """Whether the experiment was trained on GPUs, so that hours are counted in those."""
    return bool((facts.table("training_arms")["gpu_hours"].fillna(0) > 0).any())


def hours_unit(gpu: bool) -> str:
    """Return what hours are of."""
    return "GPU-hours" if gpu else "Hours"


def _cells(facts: Facts) -> dict[tuple[str, str], str]:
    """Return the cells by method and target."""
    return {key: _cell(row) for key, row in against_random(facts).items()}


def against_random(facts: Facts) -> "dict[tuple[str, str], pd.Series[Any]]":
    """Return the comparisons with random rows by method and target: the first family's, then other averages, then
    benchmarks."""
    experiment, tables = facts.experiment, []
    if experiment.primary_target():
        tables.append(facts.table("primary"))
    if experiment.report.averages:
        tables.append(facts.table("average_comparisons").rename(columns={"average": "target"}))
    tables.append(facts.table("comparisons").rename(columns={"benchmark": "target"}))
    rows: dict[tuple[str, str], pd.Series[Any]] = {}
    for found in tables:
        for _, row in found[found["question"] == "rows"].iterrows():
            rows.setdefault((row["subset"], row["target"]), row)
    return rows


def _cell(row: "pd.Series[Any]") -> str:
    dagger = "" if row["level"] == "method" else "\u00a0†"
    numbers = f"{points(row['difference'])} [{points(row['ci_low'])}, {points(row['ci_high'])}]"
    verdict = "" if row["verdict"] == NOTHING else f" **{row['verdict']}**"
    return f"{numbers}{dagger}{verdict}"


def _hours(hours: float) -> str:
    return f"{hours:,.1f}" if hours >= 1 else f"{hours:.2f}"


def selection_hours(facts: Facts, subset: str, on_gpu: bool) -> float:
    """Return the hours of the jobs under select/ that a subset hangs on: of their GPUs, or of the jobs themselves."""
    records = {record["artefact"]: (name, record) for name, record in facts.provenance.items()}
    own = {f"select/subsets/{file}.parquet" for file in facts.experiment.files_of(subset)}
    waiting = [path for path, (name, _) in records.items() if name in own]
    seen, jobs = set(waiting), {}
    while waiting:
        name, record = records[waiting.pop()]
        if not name.startswith("select/"):
            continue
        # A job writes a record beside each of its files.
        gpus = len(record["hardware"].get("gpus", ())) if on_gpu else 1
        jobs[record["program"], record["started"]] = record["seconds"] * gpus / 3600
        more = [path for path in record["inputs"] if path in records and path not in seen]
        seen.update(more)
        waiting += more
    return sum(jobs.values())


SECTIONS = (Section("_results.md", results, compared),)
