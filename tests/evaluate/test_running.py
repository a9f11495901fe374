"""What a job says while its answers come."""

import logging
import random
from pathlib import Path

import pytest

from scripts.common.progress import FOLDER, read_told
from scripts.evaluate.engines.base import Generated, Request
from scripts.evaluate.forecast import Forecast
from scripts.evaluate.running import EngineRun
from scripts.evaluate.store import AnswerStore


@pytest.mark.parametrize(("cut", "told"), [(0, 0), (10, 0), (40, 1), (100, 1)])
def test_many_answers_cut_off_are_told_of_once_and_early(cut: int, told: int, caplog: pytest.LogCaptureFixture) -> None:
    requests = [Request([1], 5, seed) for seed in range(100)]

    def answers(engine, asked):
        for place in range(len(asked)):
            yield place, Generated([1], "length" if place * cut % 100 < cut else "stop")

    run = EngineRun(lambda: "an engine", "scripted", "", AnswerStore(None, {}))
    with caplog.at_level(logging.WARNING):
        run.results(answers, requests, [f"q{place}" for place in range(100)], lambda _, answer: 1)
    warnings = [record.message for record in caplog.records if "cut off" in record.message]
    assert len(warnings) == told
    if told:
        assert int(warnings[0].split()[1]) < 40, "long before the end"


def test_answers_without_an_answer_raise_the_alarm_too_and_status_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A tenth is cut off and a fifth more gives no answer: 30%, though neither is more than a fifth by itself."""
    monkeypatch.setenv(FOLDER, str(tmp_path))
    seen = []

    def answers(engine, asked):
        for place in range(len(asked)):
            yield place, Generated([place % 10], "length" if place % 10 == 0 else "stop")
            seen.append(read_told(tmp_path)[0].alarm)

    monkeypatch.setattr("scripts.common.progress.Bar.update", lambda self, n: (tqdm_update(self, n), self.refresh()))
    run = EngineRun(lambda: "an engine", "scripted", "", AnswerStore(None, {}))
    with caplog.at_level(logging.WARNING):
        run.results(
            answers,
            [Request([1], 5, seed) for seed in range(100)],
            [f"q{place}" for place in range(100)],
            lambda _, answer: 1,
            answers=lambda answer: answer.token_ids[0] not in (1, 2),
        )
    assert seen[10] is None and seen[-1] == (
        "of 100 answers so far 10 were cut off at their limit (max_new_tokens, or the model's context) and 20 more give "
        "no answer that can be read: both count as wrong"
    )
    assert sum("cut off" in record.message for record in caplog.records) == 1


def tqdm_update(bar, n) -> None:
    bar.n += n


def test_what_is_left_is_told_while_most_answers_still_go_on() -> None:
    """64 answers side by side, a token each a step, of a mean of 50 tokens; in the mean over draws, after a quarter has
    ended, the tokens left are known to a fifth. The mean of the ended ones would say a third of it."""
    draw = random.Random(0)
    told, true, naive = 0.0, 0.0, 0.0
    for _ in range(200):
        lengths = sorted(min(400, 1 + int(draw.expovariate(1 / 50))) for _ in range(64))
        requests = [Request([1], 400, seed) for seed in range(64)]
        forecast = Forecast(requests, None)
        assert forecast.left(10) is None
        for request, length in zip(requests[:16], lengths, strict=False):
            forecast.ended(request, length)
        step = lengths[15]
        made = sum(lengths[:16]) + 48 * step
        told += forecast.left(made)
        true += sum(length - step for length in lengths[16:])
        naive += 48 * (sum(lengths[:16]) / 16)
    assert told == pytest.approx(true, rel=0.2)
    assert naive < true / 3


def test_no_answer_is_expected_to_be_longer_than_its_limit_and_likelihoods_are_known() -> None:
    requests = [Request([1], 10, seed) for seed in range(5)]
    forecast = Forecast(requests, None)
    forecast.ended(requests[0], 1)
    assert forecast.left(1 + 4 * 8) == 4 * 2  # eight tokens of each are there
    sizes = {"long": 90, "short": 1}
    known = Forecast(list(sizes), sizes.__getitem__)
    assert known.left(0) == 91
    known.ended("long", 90)
    assert known.left(90) == 1
