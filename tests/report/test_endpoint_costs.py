"""What the report says of endpoints: the cost table, and who cut the chains."""

from types import SimpleNamespace
from typing import Any

from scripts.common.config.endpoint import Endpoint
from scripts.common.config.segmenter import ModelSegmenter
from scripts.report.sections import methods
from scripts.report.sections.endpoints import endpoints, usage_by_stage


def record(stage: str, started: str, benchmark: str, **usage: float) -> dict[str, Any]:
    return {
        "program": f"scripts/{stage}/program.py",
        "started": started,
        "options": {"--benchmark": [benchmark]},
        "usage": usage,
    }


def test_jobs_count_once_and_those_that_started_together_apart() -> None:
    """Both artefacts of one job hold the same record; two jobs may have the same second and the same counts."""
    one = record("evaluate", "12:00:00", "a", requests=10, input_tokens=100, output_tokens=1000, cost=0.25)
    two = record("evaluate", "12:00:00", "b", requests=10, input_tokens=100, output_tokens=1000, cost=0.25)
    cut = record("select", "11:00:00", "", requests=3, input_tokens=30, output_tokens=9)
    none = {key: value for key, value in one.items() if key != "usage"}
    facts: Any = SimpleNamespace(provenance={"a.json": one, "a.parquet": one, "b.json": two, "s": cut, "other": none})
    assert usage_by_stage(facts) == {
        "evaluate": {"requests": 20, "input_tokens": 200, "output_tokens": 2000, "cost": 0.5},
        "select": {"requests": 3, "input_tokens": 30, "output_tokens": 9},
    }
    rows = [
        line
        for line in endpoints(facts).splitlines()
        if line.startswith(("| evaluate", "| select", "evaluate", "select"))
    ]
    assert len(rows) == 2 and "0.50" in rows[0] and "2,000" in rows[0] and "–" in rows[1]


def test_the_method_names_the_model_that_cut_and_what_it_could_not() -> None:
    model = ModelSegmenter(model="big*1", endpoint=Endpoint(base_url="http://h/v1"))
    provenance = {"select/steps.parquet": {"unanswered": 3}}
    asked: Any = SimpleNamespace(experiment=SimpleNamespace(segmenting_model=lambda: model), provenance=provenance)
    text = methods.segmenter(asked)
    assert "big\\*1" in text and "stays whole, as progressive: 3 chains." in text
    ruled: Any = SimpleNamespace(experiment=SimpleNamespace(segmenting_model=lambda: None))
    assert "small sequence model" in methods.segmenter(ruled)
