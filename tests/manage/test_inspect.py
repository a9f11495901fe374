"""What inspect shows is what would be read."""

import json
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.common.chat import load_tokenizer
from scripts.common.cli import UserError
from scripts.common.config.dataset import Dataset, RowRules
from scripts.data.prepare_pool import context_length
from scripts.manage.inspect import read_experiment, report, shortened, sources_of

ROWS = [
    {"question": "1+1?", "reasoning": "One and one.", "response": "It is \\boxed{2}.", "grade": 5},
    {"question": "2+2?", "response": "<think>Two"},
    {"question": "", "response": "x \\boxed{1}"},
    {"question": "3+3?", "gemini_thinking": "a", "deepseek_thinking": "b", "response": "c"},
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


def test_a_bare_file(file: Path, tiny_model: Path) -> None:
    source = Dataset(source="file", path=str(file))
    text = report(source, 100, RowRules(), load_tokenizer(tiny_model), context_length([tiny_model]), 1)
    for said in (
        "4 rows; read as JSON lines",
        "question: from question (2)",
        "columns left out: grade (1)",
        "1 think_not_closed: row 1",
        "1 ambiguous_columns: row 3: the columns gemini_thinking, deepseek_thinking could each be the reasoning",
        "REASONING | One and one.",
        "answer | 2",
        "row 0 as it is trained on",
    ):
        assert said in text, text
    assert "no folder of the model" in report(source, 100, RowRules(), None, 0, 1)
    assert "the first 2 rows" in report(source, 2, RowRules(), None, 0, 1)


@pytest.mark.parametrize(("name", "sentence"), [("folder", "is a folder"), ("none.jsonl", "there is no file")])
def test_what_is_no_file_is_one_sentence(tmp_path: Path, name: str, sentence: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match=sentence):
        sources_of(Namespace(data=tmp_path / name, config=None))


def test_every_source_of_an_experiment(file: Path, tmp_path: Path) -> None:
    sources = [{"name": name, "source": "file", "path": str(file)} for name in ("a", "b")]
    config: dict[str, Any] = {
        "name": "x", "title": "x", "model": {"name": "demo"}, "subsets": {"r": {"method": "random", "size": 1}},
        "evaluation": {"engine": "transformers", "benchmarks": {"d": {"demo": {}}}}, "dataset": sources,
    }  # fmt: skip
    (tmp_path / "x.yaml").write_text(yaml.safe_dump(config))
    found = read_experiment(tmp_path / "x.yaml").sources()
    assert [report(source, 9, RowRules(), None, 0, 1).splitlines()[0] for source in found] == ["== a", "== b"]
    del config["dataset"], config["subsets"]
    (tmp_path / "y.yaml").write_text(yaml.safe_dump({**config, "models": {"m": {"name": "demo"}}}))
    with pytest.raises(UserError, match="names no data set"):
        sources_of(type("Options", (), {"data": None, "config": tmp_path / "y.yaml"}))


def test_long_texts_are_shortened_in_the_middle() -> None:
    assert shortened("a" * 10, 10) == "a" * 10
    assert shortened("a" * 6 + "b" * 6, 4) == "aa [... 8 characters ...] bb"
