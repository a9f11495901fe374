"""The folder that `make browse` writes: counts against an independent recount, texts that stay texts, bundled files as
they were published."""

import hashlib
import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from scripts.common.cli import UserError
from scripts.common.config.experiment import Experiment
from scripts.common.judging.thinking import after_thinking
from scripts.common.questions import Question
from scripts.common.tables import write_table
from scripts.evaluate.export_logs import split_thinking
from scripts.evaluate.tables import ANSWERS
from scripts.manage.browse import PAGE, write_browser
from scripts.manage.browsing.answers import by_question
from scripts.manage.browsing.nearest import nearest
from scripts.manage.browsing.parts import CHARACTERS, script, snippet, write_parts
from scripts.manage.browsing.rows import drawn
from tests.made_up_results import CHAIN, HOSTILE, Folder, make_results

# Of the bundled files those that are not npm's.
OURS = {"SHA256SUMS", "README.md"}


def read_part(folder: Path, name: str) -> Any:
    """Return what a part holds: what browse.part would be called with."""
    text = (folder / "data" / f"{name}.js").read_text(encoding="utf-8")
    begin = f"browse.part({json.dumps(name)},"
    assert text.startswith(begin) and text.endswith(");\n") and text.count("\n") == 1
    return json.loads(text[len(begin) : -3])


def read_parts(folder: Path, name: str, starts: list[int]) -> list[Any]:
    """Return all entries of the parts of a name, after a look at where each part begins."""
    entries: list[Any] = []
    for part, start in enumerate(starts):
        assert start == len(entries)
        entries += read_part(folder, f"{name}-{part}")
    return entries


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory, experiment: Experiment) -> tuple[Path, Path, dict[str, Any]]:
    """Return a results folder, the folder written of it, and its index."""
    root = tmp_path_factory.mktemp("browse")
    make_results(root / "demo", experiment)
    index = write_browser(root / "page", experiment, Folder(str(root / "demo")), rows=100)
    assert read_part(root / "page", "index") == json.loads(json.dumps(index))
    return root / "demo", root / "page", index


def test_counts_are_those_of_the_answers(browser: tuple[Path, Path, dict[str, Any]]) -> None:
    root, _, index = browser
    assert index["missing"] == [] and [one["name"] for one in index["benchmarks"]] == ["chains", "long_chains"]
    for benchmark in index["benchmarks"]:
        for place, model in enumerate(index["models"]):
            answers = pd.read_parquet(root / f"evaluate/{model}/{benchmark['name']}.parquet")
            found = benchmark["answers"][place]
            by = answers.groupby("question_id")
            expected = {
                "answers": by.size(),
                "right": by["correct"].sum(),
                "cut_off": by["truncated"].sum(),
                "no_answer": by["extracted"].apply(lambda values: values.isna().sum()),
                "tokens": by["output_tokens"].sum(),
            }
            for name, values in expected.items():
                assert found[name] == [values[question] for question in benchmark["ids"]], name


def test_texts_arrive_whole(browser: tuple[Path, Path, dict[str, Any]]) -> None:
    root, folder, index = browser
    benchmark, place = index["benchmarks"][1], 3
    found = benchmark["answers"][place]
    entries = read_parts(folder, found["name"], found["parts"])
    answers = pd.read_parquet(root / f"evaluate/{index['models'][place]}/long_chains.parquet")
    texts = {(row.question_id, row.sample): row for row in answers.itertuples()}
    seen = 0
    for question, samples in zip(benchmark["ids"], entries, strict=True):
        for entry in samples:
            row = texts[question, entry["sample"]]
            assert entry["thinking"] + entry["text"] == row.text and HOSTILE in entry["thinking"]
            assert (entry["right"], entry["tokens"], entry.get("cut_off", False)) == (
                row.correct,
                row.output_tokens,
                row.truncated,
            )
            assert entry.get("extracted") == (None if pd.isna(row.extracted) else row.extracted)
            seen += 1
    assert seen == len(answers)
    questions = read_parts(folder, benchmark["questions"], benchmark["parts"])
    lines = [json.loads(line) for line in (root / "data/benchmarks/long_chains/test.jsonl").read_text().splitlines()]
    assert [(one["question"], one["gold"]) for one in questions] == [(one["question"], one["answer"]) for one in lines]
    assert benchmark["subjects"] == [one["subject"] for one in lines]


def test_rows_have_their_steps(browser: tuple[Path, Path, dict[str, Any]]) -> None:
    root, folder, index = browser
    rows = index["rows"]
    entries = read_parts(folder, "rows", rows["parts"])
    scores = pd.read_parquet(root / "select/scores.parquet").set_index(["id", "step"])["pir"]
    subsets = {name: pd.read_parquet(root / f"select/subsets/{name}.parquet").set_index("id") for name in rows["sets"]}
    held = Counter(identity for subset in subsets.values() for identity in subset.index)
    assert rows["all"] == len(held) > len(entries) == len(rows["ids"]) == 100
    for identity, entry, sets in zip(rows["ids"], entries, rows["taken"], strict=True):
        assert [text for text, _, _ in entry["steps"]] == CHAIN
        for step, (_, _, pir) in enumerate(entry["steps"]):
            assert pir == (pytest.approx(scores[identity, step], abs=1e-6) if step >= 4 else None)
        assert len(sets) == held[identity]
        for one in entry["sets"]:
            row = subsets[rows["sets"][one["set"]]].loc[identity]
            assert one["pruned"] == list(row["pruned_steps"]) and one["tokens"] == row["tokens"]
    assert any(rows["pruned"]) and not all(rows["pruned"])


def test_what_is_not_answered_is_told(
    tmp_path: Path, experiment: Experiment, browser: tuple[Path, Path, dict[str, Any]]
) -> None:
    root = tmp_path / "demo"
    (root / "evaluate/base").mkdir(parents=True)
    shutil.copytree(browser[0] / "data/benchmarks", root / "data/benchmarks")
    paths = Folder(str(root))
    with pytest.raises(UserError, match="holds no answers yet"):
        write_browser(tmp_path / "none", experiment, paths)
    shutil.copy(browser[0] / "evaluate/base/chains.parquet", root / "evaluate/base/chains.parquet")
    index = write_browser(tmp_path / "page", experiment, paths)
    assert index["rows"] is None and "base / chains" not in index["missing"]
    assert len(index["missing"]) == 2 * len(index["models"]) - 1 and "base / long_chains" in index["missing"]


@pytest.mark.parametrize(
    "text",
    [
        "</script><script>alert(1)</script>",
        "a\u2028b\u2029c",
        "<!--",
        "\x00\x1b[31m",
        "\u202eabc",
        "\\u003c",
        '"\\',
        "数学",
    ],
)
def test_any_text_survives_a_script(text: str) -> None:
    written = script("one", [text])
    assert not set("<\u2028\u2029") & set(written) and "\n" not in written[:-1]
    assert json.loads(written[len('browse.part("one",') : -3]) == [text]


def test_parts_cut_between_entries(tmp_path: Path) -> None:
    lengths = [CHARACTERS // 2, CHARACTERS // 2, 1, 3 * CHARACTERS, 5, 5]
    assert write_parts(tmp_path, "x", [(place, length) for place, length in enumerate(lengths)]) == [0, 2, 3, 4]
    assert [read_part(tmp_path, f"x-{part}") for part in range(4)] == [[0, 1], [2], [3], [4, 5]]
    assert write_parts(tmp_path, "y", []) == []


def test_snippets_are_one_line() -> None:
    assert snippet("  a\n b ") == "a b"
    assert snippet("x" * 500) == "x" * 200 + " …"


@pytest.mark.parametrize(
    ("text", "thinking"),
    [
        ("<think>a</think>b", "<think>a</think>"),
        ("a</think>b", "a</think>"),
        ("plain", ""),
        ("<think>never", "<think>never"),
        ("<think>a</think>b<think>c", "<think>a</think>b<think>c"),
    ],
)
def test_thinking_ends_where_the_judge_says(text: str, thinking: str) -> None:
    assert split_thinking(text) == (thinking, text.removeprefix(thinking))
    assert (after_thinking(text) or "") == split_thinking(text)[1]


def test_answers_come_by_question_and_sample(tmp_path: Path) -> None:
    questions = [Question(id=name, question=name, answer="1") for name in ("z", "a", "none", "b", "last")]
    row = {field.name: None for field in ANSWERS.schema} | {"correct": 1, "output_tokens": 1}
    rows = [{**row, "question_id": name, "sample": sample} for name, sample in [("b", 1), ("a", 0), ("b", 0), ("z", 0)]]
    write_table(ANSWERS, pa.Table.from_pylist(rows, schema=ANSWERS.schema), tmp_path / "a.parquet")
    found = list(by_question(tmp_path / "a.parquet", questions))
    assert [[(one["question_id"], one["sample"]) for one in own] for own in found] == [
        [("z", 0)],
        [("a", 0)],
        [],
        [("b", 0), ("b", 1)],
        [],
    ]
    with pytest.raises(UserError, match="answer to question 'b', which"):
        list(by_question(tmp_path / "a.parquet", questions[:3]))


def test_nearest_is_scikit_learns() -> None:
    import polars as pl
    from sklearn.feature_extraction.text import TfidfVectorizer

    from scripts.data.words import split_words

    questions = ["What is 2+3?", "Find the area of a circle of radius 3.", "Find x with 2x = 8, x real."]
    rows = ["A circle has radius 5: what is its area?", "zebra", "Solve 2x = 8.", "", "2+3 is what?"]
    known, asked = (split_words(pl.Series(texts)).to_list() for texts in (questions, rows))
    vectors = TfidfVectorizer(analyzer=list)
    alike = (vectors.fit_transform(known) @ vectors.transform(asked).T).toarray()
    for row, found in enumerate(nearest(rows, questions)):
        best = alike[:, row].max()
        if found is None:
            assert best == 0
        else:
            assert found.likeness == pytest.approx(best) and alike[found.place, row] == pytest.approx(best)
    assert nearest(["a"], []) == [None] and nearest([], ["a"]) == []


def test_rows_are_drawn_in_order() -> None:
    ids = [f"{number:03d}" for number in range(50)]
    some = drawn(ids, 10)
    assert (
        len(some) == 10
        and some == sorted(some)
        and some != ids[:10]
        and drawn(ids, 10) == some
        and drawn(ids, 99) == ids
    )


def test_bundled_files_are_the_published_ones() -> None:
    folder = PAGE / "vendor"
    found = {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    listed = dict(line.split()[::-1] for line in (folder / "SHA256SUMS").read_text().splitlines())
    assert {name: hashlib.sha256(data).hexdigest() for name, data in found.items() if name not in OURS} == listed
    assert sum(map(len, found.values())) < 1_500_000
    assert all(
        b"Permission is hereby granted, free of charge" in found[f"{name}/LICENSE"] for name in ("katex", "tabulator")
    )
