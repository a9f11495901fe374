"""The client of endpoints against a local stand-in: what is sent again, what ends a job, what is counted, no key told."""

import json
import logging
from pathlib import Path

import pytest

from scripts.common.answered import Answered, key_of
from scripts.common.cli import UserError
from scripts.common.config.endpoint import Endpoint, Usage
from scripts.common.config.load import load_experiment
from scripts.common.endpoint import EndpointClient, EndpointFault, TooLongError, text_of, usage_of
from tests.endpoint_stand_in import NOW, Said, chat, completion, refusal, serving

KEY = "sk-very-secret-0123456789"
BODY = {"model": "m", "prompt": [1, 2]}


def client_of(base_url: str, **settings: object) -> EndpointClient:
    return EndpointClient(Endpoint(base_url=base_url, **{"retries": 3, "timeout": 5, **settings}))


@pytest.mark.parametrize("first", [
    refusal(429, "slow down", **NOW),
    refusal(500, "oops", **NOW),
    refusal(503, "loading the model", **NOW),
    Said("<html>bad gateway</html>", 502, NOW),
], ids=["rate", "fault", "loading", "gateway"])  # fmt: skip
def test_what_passes_is_sent_again(first: Said) -> None:
    with serving(lambda asked: first if asked.number < 3 else completion("four")) as server:
        client = client_of(server.base_url)
        assert text_of(client.ask("/completions", BODY)["choices"][0]) == "four"
        assert [asked.body for asked in server.asked] == [BODY] * 4
        assert client.usage == Usage(1, 11, 7), "what failed cost nothing"


def test_a_server_that_stays_busy_is_a_fault_of_its_own() -> None:
    with serving(lambda _: refusal(429, "slow down", **NOW)) as server:
        with pytest.raises(EndpointFault, match=r"is asked too much .status 429., asked 4 times: slow down"):
            client_of(server.base_url).ask("/completions", BODY)
        assert len(server.asked) == 4


def _told(code: object, in_choice: bool) -> Said:
    error = {"message": "upstream", "code": code}
    return Said(
        {"choices": [{"text": "", "finish_reason": "error", "error": error}]} if in_choice else {"error": error}
    )


@pytest.mark.parametrize("in_choice", [False, True])
@pytest.mark.parametrize("code", [502, "429", None, "overloaded"])
def test_an_error_of_status_200_that_may_pass_is_asked_again(code: object, in_choice: bool) -> None:
    said = _told(code, in_choice)
    with serving(lambda asked: said if asked.number == 0 else completion("x")) as server:
        client = client_of(server.base_url)
        assert client.ask("/completions", BODY)["choices"][0]["text"] == "x" and client.usage == Usage(1, 11, 7)
        server.answering = lambda _: said
        with pytest.raises(EndpointFault, match=r"status (502|429)., asked 2 times: upstream"):
            client_of(server.base_url, retries=1).ask("/completions", BODY)


def test_an_error_of_status_200_that_does_not_pass_is_told_at_once() -> None:
    with serving(lambda _: _told(400, False)) as server, pytest.raises(UserError, match=r"status 400.: upstream"):
        client_of(server.base_url).ask("/completions", BODY)
    assert len(server.asked) == 1


def test_a_count_that_is_no_number_is_none() -> None:
    assert usage_of({"usage": {"prompt_tokens": "many", "completion_tokens": 5.0}}) == Usage(1, 0, 5)


def test_a_pause_of_an_hour_is_not_waited_for() -> None:
    said = refusal(429, "quota", **{"retry-after": "3600"})
    with serving(lambda _: said) as server, pytest.raises(EndpointFault, match=r"status 429., asked once: quota"):
        client_of(server.base_url).ask("/completions", BODY)


def test_a_slow_answer_is_given_up_and_asked_again() -> None:
    with serving(lambda asked: completion("late")._replace(delay=2.0 if asked.number == 0 else 0.0)) as server:
        assert client_of(server.base_url, timeout=0.3).ask("/completions", BODY)["choices"][0]["text"] == "late"
        assert len(server.asked) == 2
    late = completion("late")._replace(delay=2.0)
    with serving(lambda _: late) as server, pytest.raises(EndpointFault, match=r"within 0\.2 s, asked once"):
        client_of(server.base_url, timeout=0.2, retries=0).ask("/completions", BODY)


def test_a_body_that_breaks_off_is_asked_again() -> None:
    with serving(lambda asked: completion("whole")._replace(cut=20 if asked.number == 0 else 0)) as server:
        assert client_of(server.base_url).ask("/completions", BODY)["choices"][0]["text"] == "whole"


def test_nobody_there() -> None:
    with serving(lambda _: completion("x")) as server:
        address = server.base_url
    with pytest.raises(EndpointFault, match=r"cannot be reached, asked once \(.*refused"):
        client_of(address, retries=0).ask("/completions", BODY)


@pytest.mark.parametrize(("said", "sentence"), [
    (refusal(401, f"Incorrect API key provided: {KEY}"), r"refuses the key in \$MY_KEY: Incorrect API key provided: \(the key\)"),
    (refusal(404, "The model `m` does not exist"), "has no such model or no /completions: The model `m` does not exist; a base_url mostly"),
    (refusal(400, "top_k: unknown parameter"), "refuses a request .status 400.: top_k: unknown parameter"),
    (Said("not found", 404), "has no such model or no /completions: not found"),
    (Said("<html>Welcome</html>"), "does not answer as OpenAI's API does, but with '<html>Welcome"),
    (Said({"choices": []}), "does not answer as OpenAI's API does"),
    (Said([1]), "does not answer as OpenAI's API does"),
    (Said({"error": "no such thing"}), "does not answer as OpenAI's API does, but with .*no such thing"),
])  # fmt: skip
def test_a_mistake_is_one_sentence_at_once(said: Said, sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", f" {KEY}\n")
    with serving(lambda _: said) as server:
        with pytest.raises(UserError, match=sentence) as error:
            client_of(server.base_url, key_variable="MY_KEY").ask("/completions", BODY)
        assert len(server.asked) == 1 and KEY not in str(error.value) and "\n" not in str(error.value)
        assert server.asked[0].headers["authorization"] == f"Bearer {KEY}"


def test_no_key_at_all_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with serving(lambda _: refusal(401, "no")) as server, pytest.raises(UserError, match="OPENAI_API_KEY is not set"):
        client_of(server.base_url).ask("/completions", BODY)


@pytest.mark.parametrize("message", [
    "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens",
    "the request exceeds the available context size, try increasing it",
    "prompt is too long: 210000 tokens > 200000 maximum",
])  # fmt: skip
def test_a_prompt_that_is_too_long_is_told_apart(message: str) -> None:
    with serving(lambda _: refusal(400, message)) as server, pytest.raises(TooLongError):
        client_of(server.base_url).ask("/completions", BODY)


def test_the_key_is_in_no_log(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    caplog.set_level(logging.DEBUG)
    with serving(lambda asked: refusal(500, KEY, **NOW) if asked.number < 2 else completion("x")) as server:
        client_of(server.base_url).ask("/completions", BODY)
    assert caplog.records and KEY not in "\n".join(map(logging.Formatter().format, caplog.records))


def test_so_many_at_a_time_and_each_in_its_place() -> None:
    with serving(lambda asked: completion(str(asked.body["prompt"]))._replace(delay=0.05)) as server:
        client = client_of(server.base_url, concurrency=4)
        found = dict(
            client.side_by_side(lambda n: client.ask("/completions", {"prompt": n})["choices"][0]["text"], range(20))
        )
        assert found == {n: str(n) for n in range(20)} and server.most == 4
        assert client.usage == Usage(20, 220, 140)


def test_after_a_mistake_no_more_is_asked() -> None:
    with serving(lambda _: refusal(401, "no")) as server:
        client = client_of(server.base_url, concurrency=2)
        with pytest.raises(UserError):
            list(client.side_by_side(lambda _: client.ask("/completions", BODY), range(100)))
        assert len(server.asked) < 10


def test_keys_of_a_request_can_be_added_replaced_and_left_out() -> None:
    with serving(lambda _: chat("x")) as server:
        client = client_of(server.base_url, extra_body={"max_completion_tokens": 5, "model": "n"}, omit=["max_tokens"])
        client.ask("/chat/completions", {"model": "m", "max_tokens": 5})
        assert server.asked[0].body == {"max_completion_tokens": 5, "model": "n"}


def test_reasoning_that_comes_apart_stands_before_the_answer() -> None:
    assert text_of({"message": {"content": "7", "reasoning_content": "3+4"}}) == "<think>\n3+4\n</think>\n\n7"
    assert text_of({"message": {"content": None, "reasoning": "3+4"}}) == "<think>\n3+4\n</think>\n\n"
    assert text_of({"message": {"content": "7", "reasoning_content": None}}) == "7"
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "3+4"}]},
        {"type": "text", "text": "It is "},
        {"type": "text", "text": "7"},
    ]
    assert text_of({"message": {"content": parts}}) == "It is 7"


@pytest.mark.parametrize("address", [
    "localhost:8000", "ftp://host/v1", "http://", "http://user:secret@host/v1", "https://host/v1?key=secret", "http://host/v 1", "http://host:x/v1", "",
])  # fmt: skip
def test_an_address_without_secrets(address: str) -> None:
    with pytest.raises(ValueError, match=r"address|empty") as error:
        Endpoint(base_url=address)
    assert "secret" not in str(error.value).split("input_value")[0]


@pytest.mark.parametrize("keys", [
    {"key_variable": "sk-secret-1"}, {"key_variable": "a b"}, {"key_variable": ""}, {"extra_body": {"api_key": "sk-secret-1"}}, {"extra_body": {"Authorization": "sk-secret-1"}},
])  # fmt: skip
def test_a_key_in_the_file_is_refused_and_not_repeated(keys: dict[str, object]) -> None:
    evaluation = {
        "engine": "endpoint",
        "endpoint": {"base_url": "http://h/v1", **keys},
        "benchmarks": {"b": {"demo": {}}},
    }
    config = {
        "name": "x",
        "title": "X",
        "model": {"name": "demo"},
        "models": {"a": {"name": "demo"}},
        "evaluation": evaluation,
    }
    with pytest.raises(UserError) as error:
        load_experiment(config)
    assert "sk-secret" not in str(error.value) and "evaluation.endpoint." in str(error.value)


def test_cost_is_that_of_the_tokens() -> None:
    usage = Usage(3, 2_000_000, 500_000)
    assert Endpoint(base_url="http://h/v1").account(usage) == {
        "requests": 3,
        "input_tokens": 2_000_000,
        "output_tokens": 500_000,
    }
    priced = Endpoint(base_url="http://h/v1", cost_per_million_input_tokens=0.5, cost_per_million_output_tokens=2)
    assert priced.account(usage)["cost"] == 2.0
    assert Endpoint(base_url="http://h/v1", cost_per_million_output_tokens=2).cost(usage) == 1.0


def test_answers_are_kept_by_what_was_asked(tmp_path: Path) -> None:
    kept = Answered(tmp_path / "a" / "answers.jsonl")
    kept.keep(key_of("s", {"a": 1, "b": 2}), {"text": "x\u2028y"})
    with kept.path.open("a", encoding="utf-8") as lines:
        lines.write('{"key": "cut o')
    again = Answered(kept.path)
    again.keep(key_of("t"), {"text": "z"})
    read = Answered(kept.path)
    assert len(read) == 2 and read.get(key_of("s", {"b": 2, "a": 1}))["text"] == "x\u2028y" and read.get(key_of("t"))
    assert read.get(key_of("s", {"a": 1, "b": 3})) is None
    assert len({key_of("a", "b"), key_of("ab"), key_of(["a"], "b"), key_of("b", "a")}) == 4
    assert json.loads(kept.path.read_text(encoding="utf-8").split("\n")[1])["text"] == "x\u2028y"
