"""The training rows of an experiment for the page: their chains by steps, what was pruned, and PIR."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from scripts.common.config.experiment import Experiment
from scripts.common.layout import Layout
from scripts.common.questions import read_questions
from scripts.common.seeds import derive_seed
from scripts.common.tables import read_table
from scripts.compare.labels import PATTERNS
from scripts.data.tables import POOL
from scripts.manage.browsing.nearest import nearest
from scripts.manage.browsing.parts import snippet, write_parts
from scripts.select.tables import SAMPLES, STEP_SCORES, STEPS, SUBSET

Taken = dict[str, list[dict[str, Any]]]


def taken_rows(experiment: Experiment, paths: Layout) -> tuple[list[str], Taken]:
    """Return the subset files that are there, and by row id in which of them it is: tokens, and steps left out."""
    names = [draw.name for draw in experiment.draws() if Path(paths.path("subset", draw=draw.name)).is_file()]
    taken: Taken = {}
    for place, name in enumerate(names):
        columns = ["id", "tokens", "tokens_before", "pruned_steps"]
        for row in read_table(SUBSET, paths.path("subset", draw=name), columns).to_pylist():
            entry = {"set": place, "tokens": row["tokens"], "before": row["tokens_before"]}
            taken.setdefault(row["id"], []).append({**entry, "pruned": row["pruned_steps"]})
    return names, taken


def drawn(ids: list[str], most: int) -> list[str]:
    """Return at most `most` of the ids, drawn by a hash, in their order."""
    chosen = set(sorted(ids, key=lambda identity: derive_seed("browse", identity))[:most])
    return [identity for identity in ids if identity in chosen]


def _steps(paths: Layout, ids: list[str]) -> dict[str, list[list[Any]]]:
    """Return the steps of rows: text, pattern, and PIR (null where the step has none)."""
    if not Path(paths.path("steps")).is_file():
        return {}
    steps = pl.DataFrame(read_table(STEPS, paths.path("steps"), ["id", "step", "text", "pattern"], ids))
    if Path(paths.path("scores")).is_file():
        scores = pl.DataFrame(read_table(STEP_SCORES, paths.path("scores"), ["id", "step", "pir"], ids))
        steps = steps.join(scores, on=["id", "step"], how="left")
    else:
        steps = steps.with_columns(pl.lit(None, pl.Float64).alias("pir"))
    found: dict[str, list[list[Any]]] = {}
    for identity, text, pattern, pir in steps.sort("id", "step").select("id", "text", "pattern", "pir").iter_rows():
        # PIR may be infinite or undefined, which JSON cannot say.
        number = round(pir, 6) if pir is not None and abs(pir) < float("inf") else None
        found.setdefault(identity, []).append([text, PATTERNS.get(pattern, pattern), number])
    return found


def write_rows(
    folder: Path, experiment: Experiment, paths: Layout, benchmarks: list[dict[str, Any]], most: int
) -> dict[str, Any] | None:
    """Write the rows of all training sets, at most `most` of them; return what the index holds, None for no sets.

    `benchmarks` are the index's, among whose questions the nearest one of each row is looked for.
    """
    names, taken = taken_rows(experiment, paths)
    if not taken:
        return None
    clean = pl.DataFrame(read_table(POOL, paths.path("clean"), None, drawn(list(taken), most)))
    ids = clean["id"].to_list()
    steps = _steps(paths, ids)
    places = [(number, place) for number, entry in enumerate(benchmarks) for place in range(len(entry["ids"]))]
    asked = [read_questions(Path(paths.path("questions", benchmark=entry["name"]))) for entry in benchmarks]
    near = nearest(clean["question"].to_list(), [question.question for known in asked for question in known])
    samples: dict[str, tuple[Any, Any]] = {}
    if Path(paths.path("samples")).is_file():
        scored = read_table(SAMPLES, paths.path("samples"), ["id", "mean_pir", "chain_gain"], ids)
        samples = {row["id"]: (row["mean_pir"], row["chain_gain"]) for row in scored.to_pylist()}

    def entries() -> Iterator[tuple[dict[str, Any], int]]:
        for row in clean.iter_rows(named=True):
            whole = steps.get(row["id"]) or [[row["reasoning"], None, None]]
            entry = {"question": row["question"], "answer": row["answer"], "steps": whole, "sets": taken[row["id"]]}
            yield entry, len(row["question"]) + len(row["reasoning"]) + 40 * len(whole)

    def of_sample(identity: str, place: int) -> float | None:
        value = samples.get(identity, (None, None))[place]
        return None if value is None or abs(value) == float("inf") or value != value else round(value, 6)

    return {
        "sets": names,
        "all": len(taken),
        "parts": write_parts(folder, "rows", entries()),
        "ids": ids,
        "snippets": [snippet(text) for text in clean["question"]],
        "sources": clean["source"].to_list(),
        "categories": clean["category"].to_list(),
        "tokens": [max(entry["before"] for entry in taken[identity]) for identity in ids],
        "pruned": [max(len(entry["pruned"]) for entry in taken[identity]) for identity in ids],
        "taken": [[entry["set"] for entry in taken[identity]] for identity in ids],
        "mean_pir": [of_sample(identity, 0) for identity in ids],
        "chain_gain": [of_sample(identity, 1) for identity in ids],
        "nearest": [[*places[one.place], round(one.likeness, 3)] if one else None for one in near],
    }
