"""What is written for other tools is read by those tools themselves, and says what the answers say."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from scripts.common.cli import UserError
from scripts.common.questions import Question, write_questions
from scripts.common.tables import write_table
from scripts.evaluate.export_logs import read_answered
from scripts.evaluate.tables import ANSWERS
from tests.made_up_results import HOSTILE, WILD, call
from tests.report.chromium import MISSING, browser, find

QUESTIONS = [
    Question(id="b", question="2+5?", answer="7", subject="sums"),
    Question(id="a", question=f"3+4? {HOSTILE}", answer="7", prompt="Put it in a box. 3+4?"),
    Question(id="c", question="1+1?", answer="2"),
]
SAMPLES = 2


def text_of(question: str, sample: int) -> str:
    return f"<think>{question} {HOSTILE} {WILD}</think>\\boxed{{{sample}}}"


def rows() -> list[dict[str, Any]]:
    """Right is: b never, a once, c always."""
    right = {"b": [0, 0], "a": [0, 1], "c": [1, 1]}
    return [
        {
            **dict.fromkeys(ANSWERS.schema.names),
            "model": "few-t1",
            "benchmark": "chains",
            "question_id": name,
            "sample": sample,
            "correct": right[name][sample],
            "extracted": None if name == "b" else str(sample),
            "gold": "2" if name == "c" else "7",
            "output_tokens": 10 + sample,
            "truncated": name == "b",
            "disputed": False,
            "finish_reason": "length" if name == "b" else "stop",
            "text": text_of(name, sample),
        }
        for name in ("a", "b", "c")
        for sample in range(SAMPLES)
    ]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with what the program wrote of one model and two benchmarks."""
    root = tmp_path_factory.mktemp("export")
    model_config = {
        "generation_parameters": {"max_new_tokens": 48, "temperature": 0.6, "top_p": 0.95},
        "system_prompt": "Be brief.",
    }
    for benchmark in ("chains", "other"):
        write_questions(QUESTIONS, root / f"data/{benchmark}/test.jsonl")
        table = root / f"evaluate/few-t1/{benchmark}.parquet"
        write_table(ANSWERS, [{**row, "benchmark": benchmark} for row in rows()], table)
        result = {
            "config_general": {"model_config": model_config},
            "results": {f"{benchmark}|0": {"pass@k:k=1&n=2": 0.5}, "all": {}},
        }
        table.with_suffix(".json").write_text(json.dumps(result))
    (root / "evaluate/few-t1/chains.parquet.provenance.json").write_text(
        '{"artefact": "a", "started": "2026-02-03T04:05:06+00:00"}'
    )
    names = ("chains", "other")
    call(
        "evaluate.export_logs",
        results=[root / f"evaluate/few-t1/{name}.json" for name in names],
        answers=[root / f"evaluate/few-t1/{name}.parquet" for name in names],
        questions=[root / f"data/{name}/test.jsonl" for name in names],
        name="micro",
        inspect=root / "inspect/few-t1",
        details=root / "lighteval/details/few-t1",
        lighteval_results=root / "lighteval/results/few-t1",
    )
    return root


def test_inspect_reads_the_logs(written: Path) -> None:
    from inspect_ai.log import list_eval_logs, read_eval_log, read_eval_log_sample

    assert len(list_eval_logs(str(written / "inspect"))) == 2
    log = read_eval_log(str(written / "inspect/few-t1/chains.eval"))
    assert (log.status, log.eval.task, log.eval.model, log.eval.config.epochs) == ("success", "chains", "few-t1", 2)
    assert log.eval.created.startswith("2026-02-03T04:05:06") and log.eval.model_generate_config.temperature == 0.6
    assert log.results is not None and log.results.scores[0].metrics["accuracy"].value == 3 / 6
    assert log.samples is not None
    samples = {(sample.id, sample.epoch - 1): sample for sample in log.samples}
    assert len(samples) == len(log.samples) == 6
    for row in rows():
        sample = samples[row["question_id"], row["sample"]]
        assert sample.scores is not None and sample.scores["judge"].value == ("C" if row["correct"] else "I")
        assert sample.scores["judge"].answer == row["extracted"] and sample.target == row["gold"]
        reasoning, said = sample.output.choices[0].message.content
        assert reasoning.reasoning + said.text == row["text"]
        assert sample.output.stop_reason == ("max_tokens" if row["truncated"] else "stop")
        assert sample.output.usage is not None and sample.output.usage.output_tokens == row["output_tokens"]
    one = read_eval_log_sample(str(written / "inspect/few-t1/chains.eval"), id="a", epoch=2)
    assert one.input == "Put it in a box. 3+4?"


def test_inspects_tables_hold_every_answer(written: Path) -> None:
    from inspect_ai.analysis import evals_df, samples_df

    assert len(evals_df(str(written / "inspect"))) == 2
    samples = samples_df(str(written / "inspect"))
    assert len(samples) == 12 and (samples["score_judge"] == "C").sum() == 6


def test_lighteval_reads_its_details(written: Path) -> None:
    from lighteval.logging.evaluation_tracker import EvaluationTracker
    from lighteval.models.model_output import ModelResponse

    tracker = EvaluationTracker(output_dir=str(written / "lighteval"))
    tracker.general_config_logger.model_name = "few-t1"
    for date in ("micro", "last"):
        found = tracker.load_details_datasets(date, ["chains", "other"])
        assert set(found) == {"chains|0", "other|0"}
    answers = [ModelResponse(**row["model_response"]) for row in found["chains|0"]]  # as its pipeline does
    assert [answer.text for answer in answers] == [[text_of(name, sample) for sample in range(2)] for name in "bac"]
    assert [row["doc"]["id"] for row in found["chains|0"]] == ["b", "a", "c"]
    assert [row["metric"]["pass@1"] for row in found["chains|0"]] == [0, 0.5, 1]
    assert sorted(found["chains|0"].column_names) == ["doc", "metric", "model_response"]


def test_results_have_the_name_that_readers_look_for(written: Path) -> None:
    found = sorted((written / "lighteval").rglob("results_*.json"))
    assert [path.name for path in found] == ["results_chains.json", "results_other.json"]
    assert json.loads(found[0].read_text())["results"]["chains|0"] == {"pass@k:k=1&n=2": 0.5}


def test_answers_of_another_state_are_refused(written: Path, tmp_path: Path) -> None:
    write_questions(QUESTIONS[:2], tmp_path / "test.jsonl")
    with pytest.raises(UserError, match="answer to question 'c', which"):
        read_answered(
            written / "evaluate/few-t1/chains.json", written / "evaluate/few-t1/chains.parquet", tmp_path / "test.jsonl"
        )


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on this machine, as a site would; yield its address."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/index.html"
    finally:
        server.shutdown()


@pytest.mark.browser
def test_inspects_viewer_opens_them(written: Path, tmp_path: Path) -> None:
    """`inspect view bundle` makes a site of the logs that lists them without an error, and asks nobody else."""
    from inspect_ai.log import bundle_log_dir

    if not find():
        pytest.fail(MISSING, pytrace=False)
    bundle_log_dir(str(written / "inspect"), str(tmp_path / "bundle"))
    with served(tmp_path / "bundle") as address, browser(tmp_path / "profile") as page:
        page.open(address, width=1400)
        end = time.monotonic() + 60
        while "few-t1" not in page.value("document.body.innerText"):
            assert time.monotonic() < end, page.value("document.body.innerText")
            time.sleep(0.2)
        asked = [event["request"]["url"] for event in page.named("Network.requestWillBeSent")]
        assert [
            url for url in asked if not url.startswith((address.removesuffix("index.html"), "data:", "blob:"))
        ] == []
        assert page.named("Runtime.exceptionThrown") == []
        # The viewer looks for two files of Inspect's own runners, which no log needs.
        optional = ("/logs/eval-set.json", "/logs/flow.yaml")
        told = [event["entry"] for event in page.named("Log.entryAdded")]
        errors = [entry for entry in told if entry["level"] == "error" and not entry.get("url", "").endswith(optional)]
        assert errors == []
        said = [event for event in page.named("Runtime.consoleAPICalled") if event["type"] == "error"]
        assert said == []
