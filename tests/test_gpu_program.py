"""perf/gpu.py drops what no longer fits, keeps what it has, and says why a case gave nothing."""

import json
from pathlib import Path
from typing import Any

import pytest

from perf import gpu
from perf.gpu_stages import STAGES, Stage


@pytest.fixture
def two_stages(monkeypatch: pytest.MonkeyPatch) -> None:
    """A quick stage of three cases, and one that expects an hour."""
    for name in list(STAGES):
        monkeypatch.delitem(STAGES, name)
    monkeypatch.setitem(STAGES, "quick", Stage(lambda smoke: [{"n": n} for n in range(3)], lambda *_: {}, 1, 9))
    monkeypatch.setitem(STAGES, "long", Stage(lambda smoke: [{"m": 0}], lambda *_: {}, 3600, 9))


def test_a_case_that_does_not_fit_is_dropped(two_stages: None, monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[float] = []

    def run(stage: str, case: dict[str, Any], limit: float) -> dict[str, Any]:
        limits.append(limit)
        return {"tokens_per_second": 10.0}

    monkeypatch.setattr(gpu, "run_case", run)
    lines = list(gpu.run_all(False, 100))
    assert [line.get("tokens_per_second") for line in lines] == [10.0, 10.0, 10.0, None]
    assert lines[-1]["dropped"] == "100 s left" and limits == [9, 9, 9]
    assert [line["stage"] for line in gpu.run_all(False, 0)] == ["quick"] * 3 + ["long"]
    assert len(limits) == 3, "without a second left nothing is started"


def test_a_case_runs_in_a_process_of_its_own_and_its_fault_is_a_line() -> None:
    good = gpu.run_case("machine", {"matrix": 32, "bytes": 1024}, 300)
    assert good["matrix_flops_per_second"] > 0 and good["copied_bytes_per_second"] > 0
    assert "KeyError" in gpu.run_case("machine", {"bytes": 1024}, 300)["failed"]
    assert gpu.run_case("machine", {"matrix": 32, "bytes": 1024}, 0.01) == {"failed": "ended after 0 s"}


def test_a_training_case_makes_its_steps_and_no_more(tmp_path: Path) -> None:
    from scripts.train.step_log import read_steps

    case = STAGES["train"].cases(True)[0]
    figures = STAGES["train"].measure(case, tmp_path)
    assert list(read_steps(tmp_path / "run/steps.jsonl")["step"]) == list(range(1, case["steps"] + 1))
    assert figures["tokens_per_second"] > 0


def test_the_table_holds_rates_against_the_ceiling() -> None:
    lines = [
        {"stage": "machine", "matrix": 8192, "bytes": 1, "matrix_flops_per_second": 8e14},
        {
            "stage": "score",
            "way": "tree",
            "tokens_per_second": 1234.5,
            "flops_per_second": 2e14,
            "peak_memory_mib": 9.0,
        },
        {"stage": "whole", "experiment": "micro", "failed": "OutOfMemoryError"},
    ]
    text = gpu.table(lines)
    assert text[2].split() == ["score", "way=tree", "1,234", "200", "25.0%", "9"]
    assert text[3].split() == ["whole", "experiment=micro", "OutOfMemoryError"]


def test_every_stage_has_cases_that_json_keeps() -> None:
    for name, stage in STAGES.items():
        for smoke in (False, True):
            cases = stage.cases(smoke)
            assert json.loads(json.dumps(cases)) == cases, name
        assert stage.cases(False) and 0 < stage.expected < stage.limit
