"""A shard of scores: what is scored and what is not, and that a killed job resumes where it stopped."""

import itertools
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.common import chat
from scripts.common.store import FOLDER, Store
from scripts.common.tables import read_table, write_table
from scripts.data.tables import POOL
from scripts.select import score_steps
from scripts.select.limopro.chain import BOX, ending_of
from scripts.select.limopro.tree import TreeWay
from scripts.select.score_steps import load_scorer, score_rows, shard_ids, shard_rows
from scripts.select.tables import SAMPLES, STEP_SCORES, STEPS
from tests.select.test_pir import plain_nll

Scoring = tuple[Any, float, Any]


@pytest.fixture(scope="module")
def scorer(tiny_model: Path) -> Iterator[Scoring]:
    """What score_rows takes of a scorer: its loading, its context, its tokenizer."""
    import torch

    with torch.inference_mode():
        estimator = load_scorer(tiny_model, "float32")
        yield lambda: estimator, 1024, chat.load_tokenizer(tiny_model)


NOTHING = Store(None, "scored_chains", {})


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


def test_what_is_scored_and_why_not(scorer: Scoring) -> None:
    scores, samples = score_rows(ROWS, *scorer, 1000, NOTHING)
    by_id = {sample["id"]: sample for sample in samples}
    assert [sample["id"] for sample in samples] == [entry["id"] for entry in ROWS]
    assert by_id["plain"]["mean_pir"] is None and by_id["plain"]["chain_gain"] is not None
    # A step that states the answer in a box would leak it: it is no part of the scored chain.
    assert [score["step"] for score in scores if score["id"] == "boxed"] == [2]
    assert by_id["long"]["reason"].endswith("the scorer's context holds 1024") and by_id["long"]["chain_gain"] is None
    assert not [score for score in scores if score["id"] == "long"]


def test_a_killed_job_goes_on_where_it_stopped(
    scorer: Scoring, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = score_rows(ROWS, *scorer, 200, NOTHING)
    together, calls = TreeWay.score_together, []

    def dies(way: TreeWay, scorer: Any, chains: Any) -> Any:
        if len(calls) == 3:
            raise KeyboardInterrupt
        calls.append(len(chains))
        return together(way, scorer, chains)

    monkeypatch.setattr(TreeWay, "score_together", dies)
    with pytest.raises(KeyboardInterrupt):
        score_rows(ROWS, *scorer, 200, Store(tmp_path, "scored_chains", {}))
    (kept,) = tmp_path.rglob("*.jsonl")
    lines = kept.read_text().splitlines(keepends=True)
    kept.write_text("".join(lines[:-1]) + lines[-1][:40])  # kill -9 cut the last line off
    calls.append(0)  # it dies once
    again = score_rows(ROWS, *scorer, 200, Store(tmp_path, "scored_chains", {}))
    # Other neighbours in a batch, other rounding of the last digits; everything else is the same.
    assert [(score["id"], score["step"]) for score in again[0]] == [(score["id"], score["step"]) for score in whole[0]]
    assert [score["pir"] for score in again[0]] == pytest.approx([score["pir"] for score in whole[0]], abs=1e-5)
    assert [sample["id"] for sample in again[1]] == [sample["id"] for sample in whole[1]]
    assert lines and sum(calls) == len(ROWS) - 1 + 1, "each chain is scored once over both attempts, the torn one twice"


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
def test_a_program_is_scored_in_its_fences_as_by_plain_passes(scorer: Scoring, tmp_path: Path, code: str) -> None:
    estimator, tokenizer = scorer[0](), scorer[2]
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
    scores, (sample,) = score_rows(rows, *scorer, 5000, NOTHING)

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


def write_chains(folder: Path, *chains: tuple[str, list[tuple[str, str]]]) -> tuple[Path, Path]:
    """Write the tables `clean` and `steps` of chains (id, [(text, pattern)])."""
    blank = dict.fromkeys(("source", "category", "system"))
    rows, steps = [], []
    for identity, texts in chains:
        reasoning = "".join(text for text, _ in texts)
        response = f"<think>\n{reasoning}\n</think>\n\n\\boxed{{2}}"
        row = {"id": identity, "question": f"{identity}: 1+1?", "answer": "2", "reasoning": reasoning}
        rows.append({**row, "response": response, "response_tokens": 1, **blank})
        ends = list(itertools.accumulate(len(text) for text, _ in texts))
        for n, ((text, pattern), end) in enumerate(zip(texts, ends, strict=True)):
            place = {"id": identity, "step": n, "start": end - len(text), "end": end}
            steps.append({**place, "text": text, "pattern": pattern})
    folder.mkdir()
    write_table(POOL, rows, folder / "clean.parquet")
    write_table(STEPS, steps, folder / "steps.parquet")
    return folder / "clean.parquet", folder / "steps.parquet"


CHAINS = [(f"c{n}", [("a\n", "progressive"), (f"Wait {n}\n", "verification")]) for n in range(5)]


@pytest.fixture
def score(tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[list, int]]:
    """Return what scores tables as the graph does, every shard a program, and gives the rows and the forward passes."""
    from scripts.select.limopro.scorer import Scorer

    monkeypatch.setenv(FOLDER, str(tmp_path / "cache"))
    passes: list[int] = []
    own = Scorer.nlls

    def counted(self: Scorer, *arguments: Any, **inputs: Any) -> list[float]:
        passes.append(1)
        return own(self, *arguments, **inputs)

    monkeypatch.setattr(Scorer, "nlls", counted)

    def run(tables: tuple[Path, Path], *options: str, model: Path = tiny_model, shards: int = 1) -> tuple[list, int]:
        passes.clear()
        found: dict[str, list] = {"scores": [], "samples": []}
        for shard in range(shards):
            files = {name: tmp_path / f"{name}.parquet" for name in found}
            command = ["score_steps", "--clean", tables[0], "--steps", tables[1], "--scorer", model, "--shard", shard]
            command += ["--shards", shards, "--dtype", "float32", *options]
            command += ["--scores", files["scores"], "--samples", files["samples"]]
            monkeypatch.setattr(sys, "argv", list(map(str, command)))
            score_steps.main()
            found["scores"] += read_table(STEP_SCORES, files["scores"]).to_pylist()
            found["samples"] += read_table(SAMPLES, files["samples"]).to_pylist()
        return [sorted(rows, key=itemgetter("id")) for rows in found.values()], len(passes)

    return run


def test_a_second_experiment_scores_no_chain_again(score: Callable[..., tuple[list, int]], tmp_path: Path) -> None:
    """Other shards, other ids and order, other rows beside them: forward passes are for what is new."""
    first, passes = score(write_chains(tmp_path / "first", *CHAINS))
    assert passes > 0
    again, passes = score(write_chains(tmp_path / "second", *reversed(CHAINS)), shards=2)
    assert passes == 0 and again == first
    new = ("new", [("b\n", "progressive"), ("Wait, b\n", "verification")])
    more, passes = score(write_chains(tmp_path / "third", *CHAINS, new))
    assert passes > 0
    assert [[row for row in rows if row["id"] != "new"] for rows in more] == first


def test_what_changes_a_score_computes_it_anew(
    score: Callable[..., tuple[list, int]], tmp_path: Path, tiny_model: Path
) -> None:
    tables = write_chains(tmp_path / "first", *CHAINS)
    score(tables)
    # The same texts with another step called functional; the same chains cut elsewhere.
    patterns = [(name, [(text, "verification") for text, _ in steps]) for name, steps in CHAINS]
    cut = [(name, [("a\n", "progressive"), ("Wait", "verification"), (text[4:], "verification")])
           for name, (_, (text, _)) in CHAINS]  # fmt: skip
    other = tmp_path / "other"
    shutil.copytree(tiny_model, other)
    weights = bytearray((other / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (other / "model.safetensors").write_bytes(weights)
    template = tmp_path / "template.jinja"
    template.write_text("{% for m in messages %}Q: {{ m.content }}\n{% endfor %}A: ")
    cases: dict[str, tuple[Any, list[str], Path]] = {
        "patterns": (write_chains(tmp_path / "patterns", *patterns), [], tiny_model),
        "segmentation": (write_chains(tmp_path / "cut", *cut), [], tiny_model),
        "a bit of the weights": (tables, [], other),
        "dtype": (tables, ["--dtype", "bfloat16"], tiny_model),
        "estimator": (tables, ["--estimator", "one_pass"], tiny_model),
        "positions": (tables, ["--positions", "keep"], tiny_model),
        "template": (tables, ["--chat-template", str(template)], tiny_model),
    }
    for name, (written, options, model) in cases.items():
        lines = kept(tmp_path)
        _, passes = score(written, *options, model=model)
        assert passes > 0 and kept(tmp_path) == lines + len(CHAINS), name
    assert score(tables)[1] == 0


def kept(folder: Path) -> int:
    return sum(len(path.read_text().splitlines()) for path in (folder / "cache" / "scored_chains").rglob("*.jsonl"))
