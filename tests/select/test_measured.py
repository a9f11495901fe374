"""What models find out about rows: losses against plain passes, vectors against one text at a time, answers recounted."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from scripts.common import chat
from scripts.common.questions import read_questions
from scripts.common.tables import read_table, write_table
from scripts.data.tables import POOL
from scripts.evaluate.tables import ANSWERS
from scripts.select import ask_pool, embed_questions, gather_measured, gather_pass_rates, score_responses
from scripts.select.limopro import scorer as scorer_module
from scripts.select.measuring import draw
from scripts.select.selection import Source
from scripts.select.tables import EMBEDDINGS, LOSSES, PASS_RATES

LONG = "long" * 700
ANSWERS_OF = ["7", "12", None, "print(7)", "x", "3", "4", "5"]


def pool(folder: Path) -> Path:
    """Write a clean pool: texts of different lengths, one too long, one without an answer, one whose answer is a program."""
    rows = []
    for n, answer in enumerate(ANSWERS_OF):
        end = f"```python\n{answer}\n```" if answer == "print(7)" else f"\\boxed{{{answer}}}"
        thought = LONG if answer == "x" else f"Wait, let me check {n}. " * (n + 1)
        rows.append({
            "id": f"r{n}", "question": f"What is {n}?" * (n + 1), "reasoning": thought, "answer": answer,
            "response": f"<think>\n{thought}\n</think>\n\n{end}", "system": "Be brief." if n == 1 else None,
            "source": None, "category": None, "response_tokens": 1,
        })  # fmt: skip
    write_table(POOL, rows, folder / "clean.parquet")
    return folder / "clean.parquet"


@pytest.fixture
def run(tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that runs a program on the clean pool."""
    clean = pool(tmp_path)

    def call(program: Any, *options: object) -> None:
        monkeypatch.setattr(sys, "argv", [program.__name__, "--clean", *map(str, (clean, *options))])
        program.main()

    return call


def plain_loss(model: Any, ids: list[int], scored: int) -> float:
    """Return the mean loss of the last `scored` ids in one whole pass."""
    import torch

    with torch.inference_mode():
        logits = model(torch.tensor([ids])).logits[0, -scored - 1 : -1].double()
    return float(torch.nn.functional.cross_entropy(logits, torch.tensor(ids[-scored:])))


def test_losses_and_ifd_are_those_of_two_plain_passes(
    tmp_path: Path, tiny_model: Path, run: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import AutoModelForCausalLM

    from scripts.select.methods import METHODS

    monkeypatch.setattr(scorer_module, "PIECE", 7)  # logits are made a few places at a time, for every text
    monkeypatch.setattr(score_responses, "PART", 3)
    options = ("--model", tiny_model, "--dtype", "float32", "--seed", 1)
    found = {}
    for of in score_responses.TEXTS:
        for shard in (0, 1):
            run(
                score_responses,
                *options,
                "--of",
                of,
                "--shard",
                shard,
                "--shards",
                2,
                "--losses",
                tmp_path / f"{of}{shard}",
            )
        parts = [tmp_path / f"{of}{shard}" for shard in (0, 1)]
        run(gather_measured, "--kind", "losses", "--parts", *parts, "--table", tmp_path / f"{of}.parquet")
        found[of] = {row["id"]: row for row in read_table(LOSSES, tmp_path / f"{of}.parquet").to_pylist()}
    assert list(found["response"]) == [f"r{n}" for n in range(8)], "in the pool's order, whatever the shards"
    assert list(found["answer"]) == [f"r{n}" for n, answer in enumerate(ANSWERS_OF) if answer]
    assert (
        found["response"]["r4"]["nll"] is None
        and found["response"]["r4"]["reason"] == "longer than the model's context"
    )

    model, tokenizer = AutoModelForCausalLM.from_pretrained(tiny_model).eval(), chat.load_tokenizer(tiny_model)
    ifd = {}
    for row in read_table(POOL, tmp_path / "clean.parquet").to_pylist():
        system = f"<|im_start|>system\n{row['system']}<|im_end|>\n" if row["system"] else ""
        prompt = f"{system}<|im_start|>user\n{row['question']}<|im_end|>\n<|im_start|>assistant\n"
        head, tail = (
            tokenizer(text, add_special_tokens=False)["input_ids"] for text in (prompt, row["response"] + "<|im_end|>")
        )
        if row["id"] == "r4":
            continue
        after, alone = (plain_loss(model, ids, len(tail) - 1) for ids in (head + tail, tail))
        assert found["response"][row["id"]]["nll"] == pytest.approx(after, abs=1e-5)
        assert found["alone"][row["id"]]["nll"] == pytest.approx(alone, abs=1e-5)
        assert found["response"][row["id"]]["tokens"] == len(tail) - 1
        ifd[row["id"]] = after / alone
        if row["answer"] and row["answer"] != "print(7)":
            lead, answer = (
                tokenizer(text, add_special_tokens=False)["input_ids"]
                for text in ("The final answer is \\boxed{", row["answer"] + "}")
            )
            expected = plain_loss(model, head + lead + answer, len(answer))
            assert found["answer"][row["id"]]["nll"] == pytest.approx(expected, abs=1e-5)
    assert len(set(ifd.values())) == 7

    files = {"clean": tmp_path / "clean.parquet", "losses": tmp_path / "response.parquet"}
    source = Source({**files, "losses_alone": tmp_path / "alone.parquet"}, tmp_path)
    chosen = METHODS["ifd"](method="ifd", size=3, below_one=False)
    scores = {row["id"]: row["score"] for row in chosen.scores(source).to_dicts()}
    assert {name: scores[name] for name in ifd} == pytest.approx(ifd, abs=1e-5)
    assert set(chosen.select(source, "a", 1).ids or []) == set(sorted(ifd, key=lambda name: -ifd[name])[:3])
    below = sorted((name for name in ifd if ifd[name] < 1), key=lambda name: -ifd[name])
    assert 0 < len(below) < 7
    kept = METHODS["ifd"](method="ifd", size=len(below)).select(source, "a", 1).ids
    assert set(kept or []) == set(below)
    assert dict(chosen.unfit(source).iter_rows()) == {"r4": "longer than the model's context"}
    plain = METHODS["perplexity"](method="perplexity", take="bottom", size=2).scores(source)
    assert plain["score"][0] == pytest.approx(np.exp(found["response"]["r0"]["nll"]))


def test_a_killed_job_reads_no_part_twice(
    tmp_path: Path, tiny_model: Path, run: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(score_responses, "PART", 2)
    whole, read = score_responses.Reader.losses, []

    def dies(reader: Any, texts: Any) -> list[float]:
        if len(read) == 2:
            read.append(0)
            raise KeyboardInterrupt
        read.append(len(texts))
        return whole(reader, texts)

    monkeypatch.setattr(score_responses.Reader, "losses", dies)
    options = (
        "--model",
        tiny_model,
        "--dtype",
        "float32",
        "--of",
        "response",
        "--seed",
        1,
        "--work",
        tmp_path / "work",
    )
    with pytest.raises(KeyboardInterrupt):
        run(score_responses, *options, "--losses", tmp_path / "losses")
    assert not (tmp_path / "losses").exists()
    run(score_responses, *options, "--losses", tmp_path / "losses")
    assert read == [2, 2, 0, 1, 2] and len(read_table(LOSSES, tmp_path / "losses")) == 8, "r4 is too long to be read"
    assert not list((tmp_path / "work").rglob("*.parquet"))


def test_vectors_are_means_of_the_last_states_whatever_the_batches(
    tmp_path: Path, tiny_model: Path, run: Callable[..., None]
) -> None:
    import torch
    from transformers import AutoModel

    run(embed_questions, "--model", tiny_model, "--seed", 1, "--budget", 300, "--embeddings", tmp_path / "a")
    table = read_table(EMBEDDINGS, tmp_path / "a")
    model, tokenizer = AutoModel.from_pretrained(tiny_model).eval(), chat.load_tokenizer(tiny_model)
    for row, question in zip(table.to_pylist(), read_table(POOL, tmp_path / "clean.parquet")["question"], strict=True):
        ids = tokenizer(str(question))["input_ids"]
        with torch.inference_mode():
            mean = model(torch.tensor([ids])).last_hidden_state[0].mean(0)
        assert np.allclose(row["embedding"], mean / mean.norm(), atol=1e-5) and row["tokens"] == len(ids)


@pytest.mark.parametrize(
    ("pooling", "expected"),
    [("pooling_mode_mean_tokens", "mean"), ("pooling_mode_cls_token", "first"), ("pooling_mode_lasttoken", "last")],
)
def test_a_model_of_sentence_transformers_is_used_as_its_files_say(tmp_path: Path, pooling: str, expected: str) -> None:
    kinds = [("0", "", "Transformer"), ("1", "1_Pooling", "Pooling"), ("2", "2_Normalize", "Normalize")]
    modules = [{"idx": n, "path": path, "type": f"sentence_transformers.models.{kind}"} for n, path, kind in kinds]
    (tmp_path / "1_Pooling").mkdir()
    modes = dict.fromkeys(embed_questions.POOLINGS, False) | {pooling: True}
    (tmp_path / "1_Pooling/config.json").write_text(json.dumps({"word_embedding_dimension": 8, **modes}))
    (tmp_path / "modules.json").write_text(json.dumps(modules))
    (tmp_path / "sentence_bert_config.json").write_text('{"max_seq_length": 256}')
    assert embed_questions.form_of(tmp_path) == (expected, 256)
    modules[2]["type"] = "sentence_transformers.models.Dense"
    (tmp_path / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(Exception, match="embeds by a module Dense, which is not known"):
        embed_questions.form_of(tmp_path)


def test_pass_rates_are_the_answers_recounted(tmp_path: Path, run: Callable[..., None]) -> None:
    run(ask_pool, "--rows", 4, "--seed", 1, "--questions", tmp_path / "q.jsonl")
    asked = [question.id for question in read_questions(tmp_path / "q.jsonl")]
    fit = ["r0", "r1", "r4", "r5", "r6", "r7"]
    assert asked == draw(fit, 4, 1) and len(asked) == 4
    right = {name: [int((n + sample) % 3 == 0) for sample in range(3)] for n, name in enumerate(asked)}
    blank = dict.fromkeys(ANSWERS.schema.names) | {"model": "base", "benchmark": "pool"}
    rows = [
        {**blank, "question_id": name, "sample": sample, "correct": correct, "output_tokens": 10 * sample,
         "truncated": sample == 2}
        for name in asked for sample, correct in enumerate(right[name])
    ]  # fmt: skip
    shards = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    for shard, path in enumerate(shards):
        write_table(ANSWERS, [row for row in rows if asked.index(row["question_id"]) % 2 == shard], path)
    options = ("--questions", tmp_path / "q.jsonl", "--answers", *shards, "--pass-rates", tmp_path / "rates.parquet")
    run(gather_pass_rates, *options)
    table = {row["id"]: row for row in read_table(PASS_RATES, tmp_path / "rates.parquet").to_pylist()}
    assert list(table) == [f"r{n}" for n in range(8)]
    for name in asked:
        assert table[name]["pass_rate"] == pytest.approx(sum(right[name]) / 3) and table[name]["samples"] == 3
        assert table[name]["output_tokens"] == 10 and table[name]["truncated"] == pytest.approx(1 / 3)
    reasons = {name: row["reason"] for name, row in table.items() if row["reason"]}
    assert reasons == {"r2": ask_pool.NO_ANSWER, "r3": ask_pool.PROGRAM} | dict.fromkeys(
        set(fit) - set(asked), "not drawn to be looked at"
    )
    write_table(ANSWERS, rows[3:], shards[0])
    write_table(ANSWERS, pa.Table.from_pylist([], schema=ANSWERS.schema), shards[1])
    with pytest.raises(RuntimeError, match="4 questions were asked, 3 were answered"):
        run(gather_pass_rates, *options)


def test_a_draw_is_by_seed_and_in_order() -> None:
    ids = [str(n) for n in range(100)]
    first, again, other = (draw(ids, 20, seed) for seed in (1, 1, 2))
    assert first == again != other and first == sorted(first, key=int) and draw(ids, 100, 1) == ids
