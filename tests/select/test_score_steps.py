"""A shard of scores: what is scored and what is not, and that a killed job resumes where it stopped."""

import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.common import chat
from scripts.common.tables import write_table
from scripts.data.tables import POOL
from scripts.select import score_steps
from scripts.select.limopro.chain import BOX, ending_of
from scripts.select.limopro.tree import TreeWay
from scripts.select.score_steps import Journal, load_scorer, score_rows, shard_ids, shard_rows
from scripts.select.tables import STEPS
from tests.select.test_pir import plain_nll


@pytest.fixture(scope="module")
def scorer(tiny_model: Path) -> Iterator[tuple[Any, Any]]:
    import torch

    with torch.inference_mode():
        yield load_scorer(tiny_model, "float32"), chat.load_tokenizer(tiny_model)


def row(identity: str, *steps: tuple[str, str]) -> dict[str, Any]:
    texts, patterns = [text for text, _ in steps], [pattern for _, pattern in steps]
    return {"id": identity, "system": None, "question": "1+1?", "answer": "2", "step": list(range(len(steps))),
            "text": texts, "pattern": patterns}  # fmt: skip


ROWS = [
    row("plain", ("so 2\n", "progressive")),
    row("boxed", ("a=2\n", "progressive"), ("Wait, \\boxed{2}\n", "verification"), ("Wait, b\n", "verification")),
    row("long", ("数" * 400, "progressive"), ("Wait, x\n", "verification")),
    *(row(f"r{n}", ("a\n", "progressive"), (f"Wait {n}\n", "verification")) for n in range(9)),
]


def test_what_is_scored_and_why_not(scorer: tuple[Any, Any], tmp_path: Path) -> None:
    scores, samples = score_rows(ROWS, *scorer, 1000, Journal(tmp_path, "x"))
    by_id = {sample["id"]: sample for sample in samples}
    assert [sample["id"] for sample in samples] == [entry["id"] for entry in ROWS]
    assert by_id["plain"]["mean_pir"] is None and by_id["plain"]["chain_gain"] is not None
    # A step that states the answer in a box would leak it: it is no part of the scored chain.
    assert [score["step"] for score in scores if score["id"] == "boxed"] == [2]
    assert by_id["long"]["reason"].endswith("the scorer's context holds 1024") and by_id["long"]["chain_gain"] is None
    assert not [score for score in scores if score["id"] == "long"]


def test_a_killed_job_goes_on_where_it_stopped(
    scorer: tuple[Any, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = score_rows(ROWS, *scorer, 200, Journal(tmp_path, "whole"))
    together, calls = TreeWay.score_together, []

    def dies(way: TreeWay, scorer: Any, chains: Any) -> Any:
        if len(calls) == 3:
            raise KeyboardInterrupt
        calls.append(len(chains))
        return together(way, scorer, chains)

    monkeypatch.setattr(TreeWay, "score_together", dies)
    with pytest.raises(KeyboardInterrupt):
        score_rows(ROWS, *scorer, 200, Journal(tmp_path, "killed"))
    with (tmp_path / "killed.jsonl").open("a") as lines:
        lines.write('["r0", 0.1, [0.')  # the line that kill -9 cut off
    calls.append(0)  # it dies once
    before = sum(calls)
    again = score_rows(ROWS, *scorer, 200, Journal(tmp_path, "killed"))
    # Other neighbours in a batch, other rounding of the last digits; everything else is the same.
    assert [(score["id"], score["step"]) for score in again[0]] == [(score["id"], score["step"]) for score in whole[0]]
    assert [score["pir"] for score in again[0]] == pytest.approx([score["pir"] for score in whole[0]], abs=1e-5)
    assert [sample["id"] for sample in again[1]] == [sample["id"] for sample in whole[1]]
    assert before > 0 and sum(calls) == len(ROWS) - 1, "each chain is scored once over both attempts"


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 5), min_size=1, max_size=9), st.integers(1, 4), st.integers(1, 7))
def test_shards_part_the_chains_whatever_the_batches(chains: list[int], shards: int, batch: int) -> None:
    steps = [
        {"id": f"c{n}", "step": k, "start": k, "end": k + 1, "text": f"{n}.{k}", "pattern": "progressive"}
        for n, count in enumerate(chains)
        for k in range(count)
    ]
    texts = dict.fromkeys(("reasoning", "response", "source", "category", "system"), "")
    # The pool may hold rows that are not scored.
    rows = [{"id": f"c{n}", "question": f"q{n}", "answer": str(n), "response_tokens": 1, **texts} for n in range(12)]
    with tempfile.TemporaryDirectory() as folder, mock.patch.object(score_steps, "STEPS_BATCH", batch):
        clean, table = Path(folder, "clean.parquet"), Path(folder, "steps.parquet")
        write_table(POOL, rows, clean)
        write_table(STEPS, steps, table)
        parts = [list(shard_rows(clean, table, shard_ids(table, shard, shards))) for shard in range(shards)]
    for shard, part in enumerate(parts):
        assert [row["id"] for row in part] == [f"c{n}" for n in range(len(chains))][shard::shards]
    for row in itertools.chain(*parts):
        n = int(row["id"][1:])
        assert (row["question"], row["answer"], row["step"]) == (f"q{n}", str(n), list(range(chains[n])))
        assert row["text"] == [f"{n}.{k}" for k in range(chains[n])]


CODE_STEPS = [
    ("We read n and print its square.\n", "progressive"),
    ("Wait, n may be negative; the square is the same.\n", "verification"),
    ("A draft:\n```python\nprint(int(input()) ** 2)\n```\n", "verification"),
    ("Alternatively n*n, which is as good.", "multi_method"),
]
LONG = "\n".join(f"x{n} = {n}" for n in range(200))


@pytest.mark.parametrize("code", ["n = int(input())\nprint(n * n)\n", LONG], ids=["short", "over the bound"])
def test_a_program_is_scored_in_its_fences_as_by_plain_passes(
    scorer: tuple[Any, Any], tmp_path: Path, code: str
) -> None:
    estimator, tokenizer = scorer
    reasoning = "".join(text for text, _ in CODE_STEPS)
    response = f"<think>\n{reasoning}\n</think>\n\nSo:\n```python\n{code}\n```\nIt is short."
    blank = dict.fromkeys(("source", "category", "system"))
    row = {"id": "c", "question": "Square n.", "reasoning": reasoning, "answer": code, "response": response}
    write_table(POOL, [{**row, **blank, "response_tokens": 1}], tmp_path / "clean.parquet")
    ends = list(itertools.accumulate(len(text) for text, _ in CODE_STEPS))
    steps = [
        {"id": "c", "step": n, "start": end - len(text), "end": end, "text": text, "pattern": pattern}
        for n, ((text, pattern), end) in enumerate(zip(CODE_STEPS, ends, strict=True))
    ]
    write_table(STEPS, steps, tmp_path / "steps.parquet")
    rows = list(shard_rows(tmp_path / "clean.parquet", tmp_path / "steps.parquet", ["c"]))
    scores, (sample,) = score_rows(rows, estimator, tokenizer, 5000, Journal(tmp_path, "x"))

    def nll(*parts: str) -> float:
        return plain_nll(estimator.model, tokenizer, "Square n.", list(parts), code, "\n```")

    a, b, _, d = (text for text, _ in CODE_STEPS)  # the draft would leak the program
    lead = "```python\n"
    start, closing = "<think>\n", "\n</think>\n\n" + lead
    full = nll(start, a, b, d, closing)
    assert [score["step"] for score in scores] == [1, 3]
    expected = [nll(start, a, d, closing) - full, nll(start, a, b, closing) - full]
    assert [score["pir"] for score in scores] == pytest.approx(expected, abs=1e-4)
    assert max(map(abs, expected)) > 0.001
    assert sample["chain_gain"] == pytest.approx(nll(lead) - full, abs=1e-4)
    tokens = len(tokenizer(code + "\n```", add_special_tokens=False)["input_ids"])
    assert scores[0]["answer_tokens"] == min(tokens, 512)


def test_a_number_in_a_box_is_scored_in_the_box_though_a_program_prints_it() -> None:
    assert ending_of("<think>\na\n</think>\nIt prints\n```\n5\n```\nso \\boxed{5}.", "5") == BOX
    assert ending_of('<think>\na\n</think>\n```c\nf("\\boxed{")\n```', 'f("\\boxed{")').lead == "```c\n"
    assert ending_of("no tags ```\n5\n```", "5") == BOX
