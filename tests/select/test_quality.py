"""Scores by a judge, which a local stand-in plays: good, bad, cut-off and refused answers, kept and counted."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts.common.cli import UserError
from scripts.common.tables import read_table, write_table
from scripts.data.tables import POOL
from scripts.select import judge_quality
from scripts.select.methods import METHODS
from scripts.select.selection import Source
from scripts.select.tables import QUALITY
from tests.endpoint_stand_in import NOW, Asked, Said, chat, refusal, serving

RUBRIC = Path(judge_quality.__file__).with_name("quality_rubric.md")


@pytest.fixture
def judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Return a function that has a server judge rows and returns what came of it."""

    def run(server: Any, rows: int, manner: dict[str, Any] | None = None, **settings: Any) -> dict[str, Any]:
        texts = {name: name for name in POOL.schema.names}
        table = [{**texts, "id": f"r{n}", "response": f"response {n}", "response_tokens": 1} for n in range(rows)]
        write_table(POOL, table, tmp_path / "clean.parquet")
        endpoint = {"base_url": server.base_url, "retries": 2, "timeout": 2}
        options = ["--clean", tmp_path / "clean.parquet", "--rubric", RUBRIC, "--seed", 5, "--work", tmp_path / "work"]
        options += ["--judge", json.dumps({"model": "big", "endpoint": endpoint, **settings})]
        options += ["--quality", tmp_path / "quality.parquet", "--manner", json.dumps(manner or {})]
        monkeypatch.setattr(sys, "argv", ["judge_quality", *map(str, options)])
        judge_quality.main()
        record = json.loads((tmp_path / "quality.parquet.provenance.json").read_text(encoding="utf-8"))
        return {"rows": read_table(QUALITY, tmp_path / "quality.parquet").to_pylist(), "record": record}

    return run


def number_of(asked: Asked) -> int:
    return int(asked.body["messages"][1]["content"].rsplit(" ", 1)[-1])


def by_number(asked: Asked) -> Said:
    """Play a judge: row n gets n + 1."""
    return chat(json.dumps({"reason": f"because {number_of(asked)}", "score": number_of(asked) + 1}))


def test_scores_are_the_judges_and_are_asked_for_once(judged: Callable, tmp_path: Path) -> None:
    with serving(by_number) as server:
        prices = {"cost_per_million_input_tokens": 1.0, "cost_per_million_output_tokens": 2.0}
        found = judged(server, 5, manner=prices)
        assert [(row["id"], row["score"], row["because"]) for row in found["rows"]] == [
            (f"r{n}", n + 1, f"because {n}") for n in range(5)
        ]
        body = server.asked[0].body
        assert body["messages"][0]["content"] == RUBRIC.read_text(encoding="utf-8")
        form = body["response_format"]["json_schema"]
        assert form["strict"] and form["schema"]["properties"]["score"]["enum"] == list(range(1, 11))
        usage = {"requests": 5, "input_tokens": 55, "output_tokens": 35, "cost": pytest.approx(125e-6)}
        assert found["record"]["usage"] == usage
        again = judged(server, 5, manner={**prices, "concurrency": 1})
        assert len(server.asked) == 5 and again["rows"] == found["rows"], (
            "kept by what was asked, also when asked otherwise"
        )
        assert again["record"]["usage"] == usage
    source = Source({name: tmp_path / f"{name}.parquet" for name in ("clean", "quality")}, tmp_path)
    judge = {"model": "big", "endpoint": {"base_url": server.base_url}}
    best = METHODS["quality"](method="quality", size=2, judge=judge)
    assert set(best.select(source, "best", 1).ids or []) == {"r3", "r4"}


def test_an_answer_that_cannot_be_used_is_asked_for_again(judged: Callable) -> None:
    def play(asked: Asked) -> Said:
        number, tries = number_of(asked) if len(asked.body["messages"]) == 2 else None, len(asked.body["messages"])
        if number == 0:
            return chat('{"reason": "good", "score": 11}')
        if tries == 4:
            assert "must be a whole number from 1 to 10, not 11" in asked.body["messages"][3]["content"]
            return chat('<think>\nhm\n</think>\n```json\n{"reason": "good", "score": 9}\n```')
        if number == 1:
            return chat("no JSON", finish_reason="length")
        if number == 2:
            return refusal(400, "This model's maximum context length is 10 tokens", **NOW)
        return by_number(asked)

    with serving(play) as server:
        found = judged(server, 4, max_unanswered=0.5, tries=2)
    rows = {row["id"]: row for row in found["rows"]}
    assert rows["r0"]["score"] == 9 and rows["r3"]["score"] == 4
    assert rows["r1"]["score"] is None and rows["r1"]["reason"] == "the judge's answer was cut off"
    assert rows["r2"]["score"] is None and rows["r2"]["reason"] == "longer than the judge's context"
    assert found["record"]["unanswered"] == {
        "the judge's answer was cut off": 1, "longer than the judge's context": 1,
    }  # fmt: skip


def test_too_many_rows_without_a_score_are_a_sentence(judged: Callable) -> None:
    with serving(lambda asked: chat("no JSON")) as server, pytest.raises(UserError) as told:
        judged(server, 30, tries=1)
    assert "the judge 'big' gave no usable answer for 20 of 20 rows" in str(told.value)
    assert len(server.asked) < 30 + 16


def test_a_failing_endpoint_keeps_what_was_answered(judged: Callable) -> None:
    def play(asked: Asked) -> Said:
        return by_number(asked) if number_of(asked) < 3 else refusal(500, "down", **NOW)

    with serving(play) as server:
        with pytest.raises(UserError, match="what was answered is kept"):
            judged(server, 4, manner={"concurrency": 1})
        server.answering = by_number
        asked = len(server.asked)
        assert [row["score"] for row in judged(server, 4)["rows"]] == [1, 2, 3, 4] and len(server.asked) == asked + 1
