"""A model behind an endpoint as an engine, against a local stand-in: with transformers behind it, and with bad answers."""

import json
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.common.cli import UserError
from scripts.common.store import FOLDER
from scripts.common.tables import read_table
from scripts.evaluate.engines import ENGINES
from scripts.evaluate.engines.base import Continuation, Request, Sampling
from scripts.evaluate.engines.batches import TransformersEngine
from scripts.evaluate.engines.endpoint import EndpointEngine, EndpointSettings, ModelEndpoint
from scripts.evaluate.tables import ANSWERS
from tests.endpoint_stand_in import NOW, Asked, Said, StandIn, chat, completion, refusal, serving
from tests.evaluate import engine_cases as cases


def as_vllm(engine: TransformersEngine) -> Any:
    """Return a function that answers as `vllm serve` does, by an engine in this process."""
    lock = threading.Lock()

    def answering(asked: Asked) -> Said:
        if asked.path == "/v1/models":
            return Said({"object": "list", "data": [{"id": "served", "owned_by": "vllm"}]})
        body = asked.body
        assert asked.path == "/v1/completions" and body["model"] == "served"
        usage = {"prompt_tokens": len(body["prompt"]), "completion_tokens": 1}
        with lock:
            if body.get("echo"):
                ids = body["prompt"]
                values = [
                    value
                    for i in range(1, len(ids))
                    for _, value in engine.loglikelihoods([Continuation(ids[:i], ids[i : i + 1])])
                ]
                logprobs = {"token_logprobs": [None, *values, -1.0]}
                return Said(
                    {"choices": [{"text": "", "finish_reason": "length", "logprobs": logprobs}], "usage": usage}
                )
            sampling = Sampling(
                body["temperature"], body["top_p"], frozenset(body["stop_token_ids"]), body["top_k"] or None,
                body["min_p"] or None, body["repetition_penalty"], tuple(body.get("stop", ())),
            )  # fmt: skip
            ((_, answer),) = engine.generate([Request(body["prompt"], body["max_tokens"], body["seed"])], sampling)
        usage["completion_tokens"] = len(answer.token_ids)
        choice = {"text": "?", "finish_reason": answer.finish_reason, "token_ids": answer.token_ids}
        return Said({"choices": [choice], "usage": usage})

    return answering


@pytest.fixture(scope="module")
def server(tiny_model: Path) -> Iterator[StandIn]:
    with serving(as_vllm(TransformersEngine(tiny_model, "float32", batch_size=4))) as running:
        yield running


def engine_at(server: StandIn, **settings: Any) -> EndpointEngine:
    whole = {"base_url": server.base_url, "retries": 2, "timeout": 20, **settings}
    return EndpointEngine(ModelEndpoint(**whole), "served")


def test_an_answer_depends_on_its_own_seed_alone(server: StandIn) -> None:
    cases.check_own_seed(engine_at(server))


def test_a_stop_token_at_the_limit_is_a_stop(server: StandIn) -> None:
    cases.check_stop_at_the_limit(engine_at(server))


def test_loglikelihoods_are_those_of_one_sequence_at_a_time(server: StandIn, tiny_model: Path) -> None:
    cases.check_loglikelihoods(engine_at(server), tiny_model)


def settings_json(server: StandIn, **settings: Any) -> str:
    return json.dumps(
        {"endpoint": {"base_url": server.base_url, "retries": 2, "models": {"base": "served"}, **settings}}
    )


def test_an_evaluation_is_that_of_the_engine_behind_it(run_evaluation, server: StandIn) -> None:
    """Prompts, seeds, sampling and stop texts arrive: the tables are equal, sampled as they are."""
    drawing = {
        "temperature": 0.8,
        "top_p": 0.9,
        "top_k": 20,
        "min_p": 0.02,
        "repetition_penalty": 1.1,
        "stop": ["e", "the"],
    }
    here = read_table(ANSWERS, run_evaluation("here", **drawing)[1]).to_pandas()
    options = ["--engine", "endpoint", "--engine-settings", settings_json(server)]
    result, answers = run_evaluation("there", *options, **drawing)
    there = read_table(ANSWERS, answers).to_pandas()
    assert there.equals(here) and here["text"].nunique() > 10 and set(here["finish_reason"]) == {"stop", "length"}
    usage = json.loads(Path(f"{answers}.provenance.json").read_text(encoding="utf-8"))["usage"]
    assert usage["requests"] == 21 and usage["output_tokens"] == here["output_tokens"].sum()
    assert json.loads(result.read_text(encoding="utf-8"))["config_general"]["model_config"]["engine"] == "endpoint"


def test_what_vllm_would_take_from_the_model_is_said(server: StandIn) -> None:
    """Left out, `vllm serve` takes a repetition penalty and the like from generation_config.json."""
    server.asked.clear()
    list(engine_at(server).generate(cases.draw_requests()[:1], cases.SAMPLED))
    body = server.asked[0].body
    assert body["top_k"] == 0 and body["min_p"] == 0.0 and body["repetition_penalty"] == 1.0
    assert body["stop_token_ids"] == [5, 6, 7] and body["seed"] == 0 and "stop" not in body


MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "2+2?"}]


def test_a_chat_gets_messages_and_nothing_that_only_vllm_takes() -> None:
    with serving(
        lambda asked: Said("no", 404) if asked.number < 0 else chat("four", tokens=3, reasoning_content="hm")
    ) as server:
        found = list(
            engine_at(server, api="chat").generate(
                [Request([], 9, 5, MESSAGES)], Sampling(0.5, 0.9, frozenset(), stop=("END",))
            )
        )
        assert server.asked[0].path == "/v1/chat/completions"
        assert server.asked[0].body == {
            "model": "served",
            "messages": MESSAGES,
            "max_tokens": 9,
            "seed": 5,
            "temperature": 0.5,
            "top_p": 0.9,
            "stop": ["END"],
        }
    (_, answer), = found  # fmt: skip
    assert (answer.text, answer.tokens, answer.finish_reason) == ("<think>\nhm\n</think>\n\nfour", 3, "stop")


def test_a_chat_needs_no_folder_of_the_model(run_evaluation, questions: Path) -> None:
    """Every second question is answered right, q6 is cut off; the first request of all meets a busy server."""

    def answering(asked: Asked) -> Said:
        if asked.number < 0:
            return Said("no list of models", 404)
        if asked.number == 0:
            return refusal(429, "slow down", **NOW)
        question = asked.body["messages"][-1]["content"]
        number = next(i for i in range(7) if f"Start with {i}." in question)
        return chat(
            f"It is \\boxed{{{2 * number if number % 2 == 0 else 99}}}.",
            "length" if number == 6 else "stop",
            tokens=number + 1,
        )

    with serving(answering) as server:
        settings = settings_json(server, api="chat", cost_per_million_output_tokens=5)
        manner = json.dumps({"endpoint": {"cost_per_million_output_tokens": 1000}})
        options = [
            "--engine",
            "endpoint",
            "--engine-settings",
            settings,
            "--engine-manner",
            manner,
            "--system-prompt",
            "Box it.",
        ]
        _, answers = run_evaluation("chat", *options, model=None)
        assert server.asked[-1].body["messages"][0] == {"role": "system", "content": "Box it."}
        assert len({asked.body["seed"] for asked in server.asked}) == 21, "a seed for every answer"
    table = read_table(ANSWERS, answers).to_pandas()
    assert table.groupby("question_id")["correct"].mean().tolist() == [1, 0, 1, 0, 1, 0, 1]
    assert table["output_tokens"].tolist() == [n + 1 for n in range(7) for _ in range(3)]
    assert table["truncated"].tolist() == [False] * 18 + [True] * 3
    usage = json.loads(Path(f"{answers}.provenance.json").read_text(encoding="utf-8"))["usage"]
    assert usage["requests"] == 21 and usage["cost"] == pytest.approx(3 * 28 / 1000)


def test_parameters_that_the_server_does_not_take_are_a_mistake() -> None:
    sampling = Sampling(0.5, 0.9, frozenset(), top_k=5, min_p=0.1)
    with serving(lambda asked: chat("x")) as server:
        with pytest.raises(UserError, match="takes OpenAI's parameters only, not top_k, min_p"):
            list(engine_at(server, api="chat").generate([Request([], 9, 5, MESSAGES)], sampling))
        list(engine_at(server, api="chat", vllm_parameters=True).generate([Request([], 9, 5, MESSAGES)], sampling))
        assert server.asked[0].body["top_k"] == 5


@pytest.mark.parametrize(("said", "sentence"), [
    (completion("x", "content_filter"), "for the reason 'content_filter'"),
    (completion("x", None), "for the reason 'None'"),
    (Said({"choices": [{"text": "x", "finish_reason": "stop"}]}), "does not count the tokens of its answers"),
    (Said({"choices": [{"text": "x", "finish_reason": "stop"}], "usage": {"prompt_tokens": 4, "completion_tokens": 2}}), "read 4 tokens of a prompt of 3"),
    (Said({"choices": [{"finish_reason": "stop"}], "usage": {"completion_tokens": 2}}), "an answer without a text"),
    (Said({"choices": [{"text": None, "finish_reason": "stop"}], "usage": {"completion_tokens": 2}}), "an answer without a text"),
    (refusal(400, "prompt: a string is expected"), "refuses a request"),
])  # fmt: skip
def test_an_answer_that_cannot_be_counted_is_no_answer(said: Said, sentence: str) -> None:
    with serving(lambda _: said) as server, pytest.raises(UserError, match=sentence):
        list(engine_at(server).generate([Request([1, 2, 3], 9, 5)], cases.GREEDY))


def test_a_server_of_one_model_is_not_asked_for_another() -> None:
    """llama.cpp's answers for any name with the model that it has."""
    with serving(lambda _: Said({"data": [{"id": "tuned.gguf", "owned_by": "llamacpp"}]})) as server:
        with pytest.raises(UserError, match=r"has one model, 'tuned.gguf', and is asked for 'served'.*endpoint.models"):
            engine_at(server)
        engine_at(server, vllm_parameters=False)


def test_another_models_answer_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    def answering(asked: Asked) -> Said:
        return Said(completion("x").body | {"model": "served" if asked.number == 0 else "loaded"})

    with serving(answering) as server, caplog.at_level(logging.WARNING):
        engine = engine_at(server, concurrency=1)
        list(engine.generate([Request([1] * 11, 9, 5)], cases.GREEDY))
        assert "'loaded'" not in caplog.text
        list(engine.generate([Request([1] * 11, 9, seed) for seed in range(4)], cases.GREEDY))
        assert caplog.text.count("asked for the model 'served', the endpoint says that 'loaded' answers") == 1


@pytest.mark.parametrize(
    "logprobs", [None, {}, {"token_logprobs": [None, -1.0]}, {"token_logprobs": [None, -1.0, None, -2.0]}]
)
def test_likelihoods_that_are_not_given_are_a_mistake(logprobs: Any) -> None:
    said = completion("x", "length", logprobs=logprobs)
    with serving(lambda _: said) as server, pytest.raises(UserError, match="does not give the log-probabilities"):
        list(engine_at(server).loglikelihoods([Continuation([1, 2], [3])]))


def test_a_server_that_dies_is_told_in_one_sentence(run_evaluation) -> None:
    """Some answers come, then none any more: the job ends, and says what to do."""
    with serving(lambda asked: chat("\\boxed{1}") if asked.number < 5 else refusal(503, "down", **NOW)) as server:
        options = ["--engine", "endpoint", "--engine-settings", settings_json(server, api="chat", concurrency=1)]
        with pytest.raises(
            UserError, match=r"the engine endpoint died twice, .*status 503.*look whether the server is well"
        ):
            run_evaluation("dying", *options)


def test_after_a_failure_only_what_is_missing_is_asked(
    run_evaluation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of a model without a folder here; another address is another server."""
    monkeypatch.setenv(FOLDER, str(tmp_path / "cache"))

    def failing(asked: Asked) -> Said:
        return chat(f"\\boxed{{{asked.body['seed']}}}") if 0 <= asked.number < 5 else refusal(503, "down", **NOW)

    with serving(failing) as server:
        options = [
            "--engine",
            "endpoint",
            "--engine-settings",
            settings_json(server, api="chat", concurrency=1, vllm_parameters=False),
        ]
        with pytest.raises(UserError, match="died twice"):
            run_evaluation("first", *options, model=None)
        server.answering = lambda asked: chat(f"\\boxed{{{asked.body['seed']}}}")
        before = len(server.asked)
        _, answers = run_evaluation("second", *options, model=None)
        assert len(server.asked) - before == 16
        record = json.loads(Path(f"{answers}.provenance.json").read_text(encoding="utf-8"))
        assert record["answers_reused"] == 5 and record["usage"]["requests"] == 16
        run_evaluation("third", *options, model=None)
        assert len(server.asked) - before == 16
    with serving(lambda asked: chat("\\boxed{1}")) as other:
        options[-1] = settings_json(other, api="chat", vllm_parameters=False)
        run_evaluation("elsewhere", *options, model=None)
        assert len(other.asked) == 21


def test_a_wrong_key_ends_the_job_at_once(run_evaluation) -> None:
    with serving(lambda _: refusal(401, "no")) as server:
        with pytest.raises(UserError, match="refuses a request without a key"):
            run_evaluation(
                "keyless", "--engine", "endpoint", "--engine-settings", settings_json(server, api="chat", concurrency=2)
            )
        assert len(server.asked) < 21


def test_the_settings_of_a_job_name_its_model_only() -> None:
    choice = ENGINES["endpoint"]
    endpoint = {"base_url": "http://h/v1", "models": {"base": "a", "other": "b"}}
    settings = EndpointSettings.model_validate({"endpoint": endpoint})
    names = {
        model: choice.settings_for(settings, model, "known").endpoint.models for model in ("base", "other", "run-t1")
    }
    hurried = EndpointSettings.model_validate(
        {"endpoint": {**endpoint, "concurrency": 3, "timeout": 9, "cost_per_million_output_tokens": 1}}
    )
    assert choice.settings_for(hurried, "base", "known") == choice.settings_for(settings, "base", "known")
    moved = EndpointSettings.model_validate({"endpoint": {**endpoint, "extra_body": {"reasoning_effort": "low"}}})
    assert choice.settings_for(moved, "base", "known") != choice.settings_for(settings, "base", "known")
    assert names == {"base": {"base": "a"}, "other": {"other": "b"}, "run-t1": {"run-t1": "known"}}


def test_a_missing_package_is_said_before_anything_else(run_evaluation) -> None:
    with pytest.raises(
        UserError, match=r"the engine vllm needs the package vllm, which this Python .* does not have: 'make gpu'"
    ):
        run_evaluation("vllm", "--engine", "vllm")
