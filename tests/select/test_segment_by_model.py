"""Steps by a language model, which a local stand-in plays: good, bad, slow, cut-off and refused answers."""

import json
import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf.segmenter import runs_of
from scripts.common.cli import UserError
from scripts.common.digest import ROOT
from scripts.common.tables import read_table, write_table
from scripts.data.tables import POOL
from scripts.select import segment_by_model
from scripts.select.asked_model import Reply, Unusable
from scripts.select.limopro.asking import Asker, runs_in, whole
from scripts.select.limopro.patterns import FUNCTIONAL, LETTERS, PATTERNS, PROGRESSIVE
from scripts.select.limopro.steps import Run
from scripts.select.limopro.train_segmenter import read_chains
from scripts.select.limopro.units import unit_bounds
from scripts.select.tables import STEPS
from tests import beside
from tests.endpoint_stand_in import NOW, Asked, Said, chat, refusal, serving

BY_LETTER = {letter: pattern for pattern, letter in LETTERS.items()}
PROMPT = ROOT / "scripts" / "select" / "limopro" / "segment_prompt.md"
CHAIN = (
    "Three boxes hold four pens each.\nSo there are 3 * 4 = 12 pens.\n\nWait, let me check that. "
    "Four and four is eight.\nEight and four is twelve. Yes.\n\nTwo are given away.\nSo ten are left.\n"
)


def units_asked(text: str) -> tuple[int, int]:
    """Return the numbers of the first and the last unit that a request is about."""
    first, last = re.findall(r"The units (\d+) to (\d+):", text)[-1]
    return int(first), int(last)


def answer_of(*steps: tuple[int, int, str]) -> str:
    return json.dumps({"steps": [{"first": a, "last": b, "pattern": pattern} for a, b, pattern in steps]})


def by_words(asked: Asked) -> Said:
    """Play a model: a unit that starts with 'Wait' begins a check of three units."""
    request = asked.body["messages"][1]["content"]
    first, last = units_asked(request)
    steps, number = [], first
    while number <= last:
        checks = re.search(rf"^\[{number}\] Wait", request, re.MULTILINE)
        end = min(number + 3, last) if checks else number
        steps.append((number, end, "verification" if checks else "progressive"))
        number = end + 1
    return chat(answer_of(*steps))


@pytest.fixture
def cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Return a function that cuts chains with a server and returns what came of it."""

    def run(
        server: Any,
        chains: list[str],
        endpoint: dict[str, Any] | None = None,
        manner: dict[str, Any] | None = None,
        **settings: Any,
    ) -> dict[str, Any]:
        clean, steps = tmp_path / "clean.parquet", tmp_path / "steps.parquet"
        texts = {name: name for name in POOL.schema.names}
        rows = [
            {**texts, "id": f"id{n}", "reasoning": chain, "question": "How many?", "response_tokens": 1}
            for n, chain in enumerate(chains)
        ]
        write_table(POOL, rows, clean)
        whole_settings = {
            "model": "big",
            "endpoint": {"base_url": server.base_url, "retries": 2, "timeout": 2, **(endpoint or {})},
            **settings,
        }
        options = ["--clean", clean, "--instructions", PROMPT, "--segmenter", json.dumps(whole_settings), "--seed", 5]
        options += ["--work", tmp_path / "work", "--steps", steps, "--manner", json.dumps(manner or {})]
        monkeypatch.setattr(sys, "argv", ["segment_by_model", *map(str, options)])
        segment_by_model.main()
        found = read_table(STEPS, steps).to_pylist()
        for number, chain in enumerate(chains):
            own = [step for step in found if step["id"] == f"id{number}"]
            assert "".join(step["text"] for step in own) == chain
            assert [step["step"] for step in own] == list(range(len(own)))
            assert all(chain[step["start"] : step["end"]] == step["text"] for step in own)
        record = json.loads((tmp_path / "steps.parquet.provenance.json").read_text(encoding="utf-8"))
        return {"steps": found, "record": record}

    return run


def test_the_steps_are_those_of_the_answer(cut: Callable) -> None:
    with serving(by_words) as server:
        found = cut(server, [CHAIN, "One line only."])
        functional = [step["text"] for step in found["steps"] if step["pattern"] in FUNCTIONAL]
        assert functional == ["Wait, let me check that. Four and four is eight.\nEight and four is twelve. Yes.\n\n"]
        asked = server.asked[0].body
        assert asked["model"] == "big" and asked["temperature"] == 0 and asked["seed"] == 5
        form = asked["response_format"]["json_schema"]
        assert form["strict"] and form["schema"]["properties"]["steps"]["items"]["properties"]["pattern"][
            "enum"
        ] == list(PATTERNS)
        assert asked["messages"][0]["content"] == PROMPT.read_text(encoding="utf-8")
        user = next(
            a.body["messages"][1]["content"] for a in server.asked if "boxes" in a.body["messages"][1]["content"]
        )
        assert "How many?" in user and "[1] Three boxes hold four pens each.\n[2] So there are" in user
        record = found["record"]
        assert record["unanswered"] == 0 and record["usage"] == {"requests": 2, "input_tokens": 22, "output_tokens": 14}


def test_an_answer_that_cannot_be_used_is_asked_for_again_with_the_reason(cut: Callable) -> None:
    def answering(asked: Asked) -> Said:
        bad = [chat("Sure! The steps are as follows."), chat(answer_of((1, 2, "progressive")))]
        return bad[asked.number] if asked.number < 2 else by_words(asked)

    with serving(answering) as server:
        found = cut(server, [CHAIN])
        assert Counter(step["pattern"] for step in found["steps"])["verification"] == 1
        messages = [asked.body["messages"] for asked in server.asked]
        assert [len(each) for each in messages] == [2, 4, 4]
        assert messages[2][2]["content"] == answer_of((1, 2, "progressive"))
        assert "the units from 3 to 8 are in no step. Answer again about the units 1 to 8" in messages[2][3]["content"]
        assert [asked.body["seed"] for asked in server.asked] == [5, 6, 7]


def test_a_chain_without_a_usable_answer_stays_whole_and_is_counted(cut: Callable) -> None:
    """The others are cut as ever; too many of the kind are a mistake."""
    worse = CHAIN.replace("boxes", "crates")

    def answering(asked: Asked) -> Said:
        return chat("no") if "crates" in asked.body["messages"][1]["content"] else by_words(asked)

    with serving(answering) as server:
        found = cut(server, [CHAIN, worse], max_unanswered=0.5)
        patterns = {i: {step["pattern"] for step in found["steps"] if step["id"] == f"id{i}"} for i in (0, 1)}
        assert patterns == {0: {"progressive", "verification"}, 1: {"progressive"}}
        assert found["record"]["unanswered"] == 1 and found["record"]["usage"]["requests"] == 4
    with (
        serving(answering) as server,
        pytest.raises(UserError, match=r"no usable answer for 1 of 2 chains.*not one JSON object"),
    ):
        cut(server, [CHAIN, worse], max_unanswered=0.4)


def test_a_model_that_cannot_do_it_is_given_up_early(cut: Callable) -> None:
    with serving(lambda _: chat("no")) as server:
        with pytest.raises(UserError, match="no usable answer for 20 of 20 chains"):
            cut(server, [f"{CHAIN}{n}" for n in range(300)], endpoint={"concurrency": 4}, tries=1)
        assert len(server.asked) < 40


def test_a_cut_off_answer_is_asked_for_in_smaller_parts(cut: Callable) -> None:
    chain = "".join(f"Line {n} is here.\n" for n in range(60))

    def answering(asked: Asked) -> Said:
        first, last = units_asked(asked.body["messages"][1]["content"])
        whole_answer = by_words(asked)
        return chat('{"steps": [{"first": 1', "length") if last - first >= 30 else whole_answer

    with serving(answering) as server:
        assert cut(server, [chain])["record"]["unanswered"] == 0
        assert units_asked(server.asked[1].body["messages"][1]["content"]) == (1, 30)
        assert all(len(asked.body["messages"]) == 2 for asked in server.asked), "a cut-off answer is not shown again"


def test_a_request_that_is_too_long_for_the_model_is_halved(cut: Callable) -> None:
    chain = "".join(f"Line {n} is here.\n" for n in range(60))

    def answering(asked: Asked) -> Said:
        first, last = units_asked(asked.body["messages"][1]["content"])
        return refusal(400, "maximum context length is 99 tokens") if last - first >= 30 else by_words(asked)

    with serving(answering) as server:
        assert cut(server, [chain])["record"]["unanswered"] == 0


def test_slow_and_rate_limited_answers_come_in_the_end(cut: Callable) -> None:
    def answering(asked: Asked) -> Said:
        if asked.number == 0:
            return refusal(429, "slow down", **NOW)
        return by_words(asked)._replace(delay=3.0 if asked.number == 1 else 0.1)

    with serving(answering) as server:
        assert cut(server, [CHAIN])["record"]["unanswered"] == 0 and len(server.asked) == 3


def test_a_killed_job_asks_nothing_twice(cut: Callable) -> None:
    chains = [CHAIN.replace("Three", str(n)) for n in range(12)]
    with serving(by_words) as server:

        def until_the_seventh(asked: Asked) -> Said:
            return by_words(asked) if asked.number < 7 else refusal(503, "down", **NOW)

        server.answering = until_the_seventh
        with pytest.raises(UserError, match=r"fails .status 503.*of 12 chains are cut, and what was answered is kept"):
            cut(server, chains, endpoint={"concurrency": 1})
        before = {json.dumps(asked.body) for asked in server.asked[:7]}
        server.answering = by_words
        server.asked.clear()
        resumed = cut(server, chains)
        assert len(server.asked) == 5 and not before & {json.dumps(asked.body) for asked in server.asked}
        assert resumed["record"]["usage"]["requests"] == 12, "the cost of the table is that of all of its answers"
        server.asked.clear()
        again = cut(server, chains)
        assert not server.asked and again["steps"] == resumed["steps"]
        cut(server, chains, model="another")
        assert len(server.asked) == 12, "changed settings never use old answers"


def test_the_order_in_which_answers_come_changes_nothing(cut: Callable) -> None:
    chains = [f"Line {n}.\nWait, is it?\nYes.\nGood.\nSo {n}.\n" for n in range(12)]
    rng = random.Random(1)
    with serving(lambda asked: by_words(asked)._replace(delay=rng.random() / 10)) as server:
        slow = cut(server, chains)["steps"]
    with serving(by_words) as server:
        assert cut(server, chains, endpoint={"concurrency": 1})["steps"] == slow


def test_prices_become_a_cost(cut: Callable) -> None:
    with serving(by_words) as server:
        prices = {"cost_per_million_input_tokens": 1000, "cost_per_million_output_tokens": 1e6}
        assert cut(server, [CHAIN], endpoint=prices)["record"]["usage"]["cost"] == pytest.approx(7.011)
        # As a rule gives them; the answer that is there is not asked for again, whatever it costs now.
        assert cut(server, [CHAIN], manner=prices)["record"]["usage"]["cost"] == pytest.approx(7.011)
        assert len(server.asked) == 1


@pytest.mark.parametrize(("text", "reason"), [
    ("", "not one JSON object"),
    ("[]", "no list of steps"),
    ('{"steps": []}', "no list of steps"),
    ('{"steps": [[1, 2, "progressive"]]}', "lacks first, last or pattern"),
    ('{"steps": [{"first": 1, "last": 5}]}', "lacks first, last or pattern"),
    (answer_of((1, 5, "checking")), 'no pattern "checking"'),
    (answer_of((1, 5, "Progressive")), 'no pattern "Progressive"'),
    ('{"steps": [{"first": 1, "last": 5, "pattern": ["progressive"]}]}', "no pattern"),
    ('{"steps": [{"first": "1", "last": 5, "pattern": "progressive"}]}', "whole numbers"),
    ('{"steps": [{"first": 1.0, "last": 5, "pattern": "progressive"}]}', "whole numbers"),
    ('{"steps": [{"first": true, "last": 5, "pattern": "progressive"}]}', "whole numbers"),
    (answer_of((1, 2, "progressive"), (4, 5, "progressive")), "begins at unit 4 where unit 3 must come"),
    (answer_of((1, 3, "progressive"), (3, 5, "progressive")), "begins at unit 3 where unit 4 must come"),
    (answer_of((3, 5, "progressive"), (1, 2, "progressive")), "begins at unit 3 where unit 1 must come"),
    (answer_of((1, 6, "progressive")), "the last unit is 5"),
    (answer_of((1, 3, "progressive"), (4, 3, "progressive")), "from unit 4 to 3"),
    (answer_of((1, 4, "progressive")), "units from 5 to 5 are in no step"),
    (answer_of((1, 5, "progressive")) + answer_of((1, 5, "progressive")), "not one JSON object"),
    (answer_of((1, 5, "progressive"))[:-3], "not one JSON object"),
    ("[" * 100_000, "not one JSON object"),
])  # fmt: skip
def test_what_is_no_usable_answer(text: str, reason: str) -> None:
    with pytest.raises(Unusable, match=re.escape(reason)):
        runs_in(text, 0, 5)


@pytest.mark.parametrize(
    "form", ["{}", "```json\n{}\n```", "```\n{}\n```", "<think>\nunits { 1 }\n</think>\n\n{}", "  {}\n"]
)
def test_forms_of_a_usable_answer(form: str) -> None:
    text = form.replace("{}", answer_of((3, 4, "progressive"), (5, 7, "verification")))
    assert runs_in(text, 2, 7) == [Run(2, 4, "progressive"), Run(4, 7, "verification")]


@given(
    st.lists(
        st.sampled_from(
            ["Wait, no.\n", "So 3.\n\n", "\\[x\n=1\\] ", "等等。", "a ", "\n", "1. ", "Then:\n", "\r\n", "\u2028"]
        ),
        max_size=40,
    ),
    st.randoms(use_true_random=False),
    st.integers(10, 15),
)
def test_whatever_is_answered_the_steps_are_the_chain(parts: list[str], rng: random.Random, window: int) -> None:
    chain = "".join(parts)
    said: list[Run] = []

    def ask(messages: list[dict[str, str]], number: int) -> Reply:
        start, end = units_asked(messages[1]["content"])
        steps = []
        while start <= end:
            last = rng.randint(start, end)
            steps.append((start, last, rng.choice(PATTERNS)))
            start = last + 1
        said.extend(Run(a - 1, b, pattern) for a, b, pattern in steps)
        return Reply(answer_of(*steps), "stop")

    steps = Asker(ask, "", window, 1).segment(chain, "")
    assert "".join(chain[step.start : step.end] for step in steps) == chain
    bounds = unit_bounds(chain)
    starts = {start for start, _ in bounds}
    assert all(step.start in starts and step.start < step.end for step in steps)
    # What is functional was said to be: no border but those of answers.
    told = {(bounds[run.start][0], bounds[run.end - 1][1], run.pattern) for run in said}
    assert all(tuple(step) in told for step in steps if step.pattern != PROGRESSIVE)
    assert {step.pattern for step in whole(chain)} <= {PROGRESSIVE}
    assert "".join(chain[step.start : step.end] for step in whole(chain)) == chain


def test_a_step_across_two_requests_is_one_step() -> None:
    """Units 9 to 14 are one check; the first request ends at unit 12."""
    chain = "".join(f"Unit {n} here.\n" for n in range(1, 31))
    asked = []

    def ask(messages: list[dict[str, str]], number: int) -> Reply:
        start, end = units_asked(messages[1]["content"])
        asked.append((start, end))
        kinds = [("verification" if 9 <= n <= 14 else "progressive") for n in range(start, end + 1)]
        cuts = [i for i in range(len(kinds)) if i == 0 or kinds[i] != kinds[i - 1]]
        return Reply(
            answer_of(
                *((start + a, start + b - 1, kinds[a]) for a, b in zip(cuts, [*cuts[1:], len(kinds)], strict=True))
            ),
            "stop",
        )

    steps = Asker(ask, "", 12, 1).segment(chain, "")
    checks = [chain[step.start : step.end] for step in steps if step.pattern == "verification"]
    assert checks == ["".join(f"Unit {n} here.\n" for n in range(9, 15))]
    assert asked == [(1, 12), (9, 20), (15, 26), (27, 30)]


def test_the_number_of_requests_is_bounded() -> None:
    """Also where each answer is a step of one unit and one of all others."""
    count = 0

    def ask(messages: list[dict[str, str]], number: int) -> Reply:
        nonlocal count
        count += 1
        start, end = units_asked(messages[1]["content"])
        return Reply(
            answer_of((start, start, "progressive"), *([(start + 1, end, "verification")] if end > start else [])),
            "stop",
        )

    Asker(ask, "", 20, 1).segment("Here.\n" * 1000, "")
    assert count <= 2 * 1000 / 20 + 1


def test_the_program_as_a_rule_calls_it_keeps_the_key_to_itself(tmp_path: Path) -> None:
    """By its command line, the key in the environment: it is in no file and in no line of the log."""
    key = "sk-hidden-987654"
    row = {name: name for name in POOL.schema.names} | {"id": "a", "reasoning": CHAIN, "response_tokens": 1}
    write_table(POOL, [row], tmp_path / "clean.parquet")
    with serving(by_words) as server:
        settings = {"model": "m", "endpoint": {"base_url": server.base_url, "key_variable": "MY_KEY"}}
        command = [
            sys.executable,
            "-m",
            "scripts.select.segment_by_model",
            "--clean",
            tmp_path / "clean.parquet",
            "--instructions",
            PROMPT,
        ]
        command += [
            "--segmenter",
            json.dumps(settings),
            "--seed",
            "1",
            "--work",
            tmp_path / "work",
            "--steps",
            tmp_path / "steps.parquet",
        ]
        done = subprocess.run(
            list(map(str, command)),
            cwd=ROOT,
            capture_output=True,
            text=True,
            env={"PATH": "/usr/bin:/bin", "MY_KEY": key, "OPENAI_LOG": "debug"},
        )
        assert done.returncode == 0, done.stderr
        assert server.asked[0].headers["authorization"] == f"Bearer {key}"
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 4 and not [path for path in files if key.encode() in path.read_bytes()]
    assert key not in done.stderr + done.stdout


@pytest.mark.real
@pytest.mark.parametrize(("window", "share"), [(200, 1.0), (40, 0.9), (10, 0.6)])
def test_windows_leave_the_steps_of_real_chains_whole(window: int, share: float) -> None:
    """A model that answers by a reader's labels: which of its steps come out whole."""
    told = whole_ones = 0
    for chain in read_chains(beside.DATA / "chains"):
        text, runs = "".join(chain.units), runs_of(chain.readers[0])
        bounds = unit_bounds(text)
        if len(bounds) != len(chain.units):
            continue  # one chain has been cut otherwise since

        def ask(messages: list[dict[str, str]], number: int, runs: Any = runs) -> Reply:
            first, last = units_asked(messages[1]["content"])
            inside = [run for run in runs if run.start < last and run.end >= first]
            return Reply(
                answer_of(*((max(r.start + 1, first), min(r.end, last), BY_LETTER[r.letter]) for r in inside)), "stop"
            )

        steps = {
            tuple(step)
            for step in Asker(ask, "", window, 1).segment(text, chain.question)
            if step.pattern in FUNCTIONAL
        }
        wanted = {(bounds[r.start][0], bounds[r.end - 1][1], BY_LETTER[r.letter]) for r in runs if r.letter != "P"}
        told, whole_ones = told + len(wanted), whole_ones + len(wanted & steps)
    print(f"window {window}: {whole_ones} of {told} steps whole")
    assert whole_ones / told >= share and told > 200
