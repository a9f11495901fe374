"""No answer is computed twice: after a kill, with more samples, in another experiment; and none is taken for another."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts.common.store import FOLDER
from scripts.common.tables import read_table
from scripts.evaluate.engines.base import Generated, Request
from scripts.evaluate.store import AnswerStore
from scripts.evaluate.tables import ANSWERS

Run = Callable[..., tuple[Path, Path]]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv(FOLDER, str(folder))
    return folder


def rows_of(answers: Path) -> list[dict]:
    return read_table(ANSWERS, answers).to_pylist()


def test_more_samples_compute_the_new_ones_only(run_evaluation: Run, cache: Path, asked: list[Request]) -> None:
    four = rows_of(run_evaluation("four", "--samples", 4)[1])
    eight = rows_of(run_evaluation("eight", "--samples", 8)[1])
    assert len(asked) == 7 * 8 and len({request.seed for request in asked}) == 7 * 8
    assert [row for row in eight if row["sample"] < 4] == four


def test_another_experiment_computes_nothing_again(
    run_evaluation: Run, cache: Path, asked: list[Request], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run_evaluation("first")[1].read_bytes()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert run_evaluation("second")[1].read_bytes() == first
    assert len(asked) == 21


def test_what_changes_an_answer_asks_for_it_anew(run_evaluation: Run, cache: Path, asked: list[Request]) -> None:
    run_evaluation("before")
    for number, (options, generation) in enumerate(
        [
            (["--seed", 2], {}),
            (["--dtype", "bfloat16"], {}),
            (["--system-prompt", "Be brief."], {}),
            (["--engine-settings", '{"batch_size": 2}'], {}),
            ([], {"temperature": 0.5}),
            ([], {"top_p": 0.5}),
            ([], {"max_new_tokens": 13}),
        ]
    ):
        run_evaluation(f"after {number}", *options, **generation)
        assert len(asked) == 21 * (2 + number), (options, generation)


def test_another_models_answers_are_its_own(
    run_evaluation: Run, cache: Path, asked: list[Request], tiny_model: Path, tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    other = tmp_path / "other"
    shutil.copytree(tiny_model, other)
    weights = load_file(other / "model.safetensors")
    name = min(weights)
    weights[name] = weights[name] + 1
    save_file(weights, other / "model.safetensors", metadata={"format": "pt"})
    run_evaluation("before")
    run_evaluation("after", "--model", other)
    assert len(asked) == 42


def test_a_killed_job_goes_on(
    run_evaluation: Run, cache: Path, tiny_model: Path, questions: Path, tmp_path: Path
) -> None:
    """kill -9 at about half; what is computed in all is counted in the store's files."""
    settings = ["--samples", 40, "--engine-settings", '{"batch_size": 4}']
    whole = rows_of(run_evaluation("whole", *settings)[1])
    for path in cache.rglob("*.jsonl"):
        path.unlink()
    command = [sys.executable, "-m", "scripts.evaluate.evaluate_model", "--model", tiny_model, "--model-name", "base"]
    command += ["--benchmark", "sums", "--questions", questions, "--seed", 1, "--engine", "transformers", *settings]
    command += ["--dtype", "float32", "--max-model-length", 256, "--generation", json.dumps({"max_new_tokens": 12})]
    command += ["--result", tmp_path / "killed.json", "--answers", tmp_path / "killed.parquet"]
    process = subprocess.Popen(list(map(str, command)), stderr=subprocess.DEVNULL)
    end = time.monotonic() + 600  # on a busy machine the imports alone take a minute
    while len(lines_of(cache)) < 140 and process.poll() is None and time.monotonic() < end:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = len(lines_of(cache))
    assert 140 <= kept < 280 and not (tmp_path / "killed.parquet").exists()
    assert rows_of(run_evaluation("again", *settings)[1]) == whole
    assert len(lines_of(cache)) <= 1.02 * 280


def lines_of(cache: Path) -> list[str]:
    return [line for path in cache.rglob("*.jsonl") for line in path.read_text().splitlines()]


def test_a_line_cut_off_by_a_kill_is_no_answer(tmp_path: Path) -> None:
    requests = [Request([1, 2], 5, seed) for seed in range(3)]
    answers = [Generated([7, 8, seed], "stop") for seed in range(3)]
    first = AnswerStore(tmp_path, {"model": "a"})
    for request, answer in zip(requests, answers, strict=True):
        first.add(request, answer)
    (file,) = tmp_path.rglob("*.jsonl")
    file.write_text(file.read_text()[:-9])
    second = AnswerStore(tmp_path, {"model": "a"})
    assert second.known(requests) == {0: answers[0], 1: answers[1]}
    second.add(requests[2], answers[2])
    assert AnswerStore(tmp_path, {"model": "a"}).known(requests) == dict(enumerate(answers))
    assert AnswerStore(tmp_path, {"model": "b"}).known(requests) == {}


def test_a_line_that_is_not_as_it_was_written_is_no_answer(tmp_path: Path) -> None:
    """Every flip of one bit, what is no UTF-8, and other JSON: computed again, never another answer."""
    request, answer = Request([1, 2], 5, 1), Generated([7, 80, 900], "stop")
    AnswerStore(tmp_path, {}).add(request, answer)
    (file,) = tmp_path.rglob("*.jsonl")
    line = file.read_bytes().strip()
    flipped = [line[:n] + bytes([line[n] ^ 1 << bit]) + line[n + 1 :] for n in range(len(line)) for bit in (0, 1, 7)]
    for damaged in [*flipped, b"\xff\xfe", b"5", b"[[], 1, 2]", b"{}", b"null", b"[" * 100]:
        file.write_bytes(damaged + b"\n")
        assert AnswerStore(tmp_path, {}).known([request]) in ({}, {0: answer}), damaged
    file.write_bytes(b"5\n" + line + b"\n")
    assert AnswerStore(tmp_path, {}).known([request]) == {0: answer}, "the other lines count"


def test_a_file_that_cannot_be_read_is_computed_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    AnswerStore(tmp_path, {}).add(Request([1], 1, 1), Generated([2], "stop"))
    (file,) = tmp_path.rglob("*.jsonl")
    file.with_name("a.jsonl").mkdir()  # reading it is an OSError, also for root
    assert AnswerStore(tmp_path, {}).known([Request([1], 1, 1)]) == {0: Generated([2], "stop")}
    assert "a.jsonl' cannot be read" in caplog.text


def test_a_folder_that_cannot_be_written_to_ends_the_keeping_only(tmp_path: Path) -> None:
    (tmp_path / "answers").write_text("a file where the folder should be")
    store = AnswerStore(tmp_path, {})
    store.add(Request([1], 1, 1), Generated([2], "stop"))
    assert store.known([Request([1], 1, 1)]) == {}
