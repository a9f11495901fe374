"""Several sources: every row of each is in raw, and weights draw the largest mixture in their proportions."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.common.cli import UserError
from scripts.common.config.dataset import Dataset, check_sources
from scripts.common.config.load import ConfigError, load_experiment
from scripts.data.mix_sources import shares


def program(name: str, *options: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", f"scripts.data.{name}", *map(str, options)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def fetch(folder: Path, name: str, rows: list[Any]) -> Path:
    file, output = folder / f"{name}.jsonl", folder / f"{name}.parquet"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = program("fetch_dataset", "--source", "file", "--path", file, "--name", name, "--output", output)
    assert done.returncode == 0, done.stderr
    return output


def rows(name: str, count: int) -> list[Any]:
    return [{"question": f"{name} {n}?", "response": f"\\boxed{{{n}}}", "source": "own"} for n in range(count)]


def test_rows_are_joined_and_drawn_by_weight(tmp_path: Path) -> None:
    files = [fetch(tmp_path, "a", [*rows("a", 30), ["broken"]]), fetch(tmp_path, "b", rows("b", 90))]
    mixed, again, plain = (tmp_path / f"{name}.parquet" for name in ("mixed", "again", "plain"))
    command = ["mix_sources", "--sources", *files, "--names", "a", "b"]
    for output in (mixed, again):
        assert program(*command, "--weights", 1, 2, "--seed", 3, "--output", output).returncode == 0
    assert program(*command, "--output", plain).returncode == 0
    table = pq.read_table(mixed).to_pylist()
    assert table == pq.read_table(again).to_pylist()
    assert [row["row"] for row in table] == list(range(121)) and {row["source"] for row in table} == {"a", "b"}
    kept = [row["source"] for row in table if row["defect"] is None]
    assert (kept.count("a"), kept.count("b")) == (30, 60)  # twice as many of b, and all of a that can be read
    assert [row["reason"] for row in table if row["defect"]].count("not_drawn") == 30
    assert sum(row["defect"] is None for row in pq.read_table(plain).to_pylist()) == 120


@given(st.lists(st.tuples(st.integers(1, 10_000), st.floats(0.01, 100)), min_size=2, max_size=5))
def test_shares_are_in_proportion_and_as_large_as_can_be(sources: list[tuple[int, float]]) -> None:
    readable, weights = [rows for rows, _ in sources], [weight for _, weight in sources]
    try:
        drawn = shares(readable, weights)
    except UserError:
        return
    assert any(taken == there for taken, there in zip(drawn, readable, strict=True))
    scale = min(there / weight for there, weight in zip(readable, weights, strict=True))
    assert all(abs(taken - weight * scale) <= 1 for taken, weight in zip(drawn, weights, strict=True))


def test_sources_that_do_not_fit_together_are_told() -> None:
    demo, file = Dataset(source="demo"), {"source": "file", "path": __file__}
    for dataset, message in (
        ([], "is empty"),
        ([demo.model_copy(update={"name": "a"})], "stands alone"),
        ([Dataset(**file)], "needs a name"),
        ([Dataset(**file, name="a"), Dataset(**file, name="a")], "two sources are called 'a'"),
        ([Dataset(**file, name="a", weight=1), Dataset(**file, name="b")], "only a has a weight"),
        (Dataset(**file, weight=1), "there is but one"),
        (Dataset(**file, name="a b"), "may hold only"),
    ):
        with pytest.raises(ValueError, match=message):
            check_sources(dataset)


def test_a_mistake_in_a_source_names_its_key() -> None:
    config = {
        "name": "x", "title": "x", "model": {"name": "demo"}, "subsets": {"r": {"method": "random", "size": 1}},
        "evaluation": {"engine": "transformers", "benchmarks": {"d": {"demo": {}}}},
    }  # fmt: skip
    for dataset, message in (
        ([{"name": "a", "source": "file", "path": "nowhere.jsonl"}], "dataset.0.path: there is no file"),
        ([{"name": "a", "source": "file", "pathe": "x"}], "dataset.0.pathe: unknown key; did you mean 'path'"),
        ({"source": "files"}, "dataset.source: 'files' should be"),
    ):
        with pytest.raises(ConfigError) as caught:
            load_experiment({**config, "dataset": dataset})
        assert message in str(caught.value)
