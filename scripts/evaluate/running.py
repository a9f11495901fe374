"""Run an engine over all requests of a job, under a bar of questions done, tokens a second and time left."""

import gc
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from scripts.common import cli
from scripts.common.cli import UserError
from scripts.evaluate.engines.base import Continuation, Engine, Generated, Request
from scripts.evaluate.forecast import Forecast
from scripts.evaluate.store import AnswerStore

ALARM, ALARM_FROM = 0.2, 30
"""Share of answers cut off, or without an answer, that is told of while a job runs, and of how many answers on."""

Asked = TypeVar("Asked", Request, Continuation)
Result = TypeVar("Result", Generated, float)
Ask = Callable[[Engine, Sequence[Asked]], Iterator[tuple[int, Result]]]


class EngineRun:
    """An engine that is started when it is first asked, and again, once, where it dies."""

    def __init__(self, start: Callable[[], Engine], name: str, hint: str, store: AnswerStore) -> None:
        """`name` is what messages call the engine, `hint` what they advise when it dies, `store` what it has done."""
        self._start, self._name, self._hint, self.store = start, name, hint, store
        self._engine: Engine | None = None
        self._deaths = 0
        self._ended: Counter[str] = Counter()
        self._told = False
        self.tokens = 0
        """Tokens generated, or scored."""
        self.seconds = 0.0
        """That it took, without the engine's start."""
        self.account: Counter[str] = Counter()
        """What an engine that costs by the token took: requests, tokens, cost."""

    def close(self) -> None:
        """Let go of the weights."""
        if account := getattr(self._engine, "account", None):
            self.account.update(account())
        self._engine = None
        gc.collect()

    def summary(self) -> str:
        """Return in words what was computed."""
        reused = f", {self.store.reused:,} results were there already" if self.store.reused else ""
        speed = self.tokens / (self.seconds or 1)
        return f"{self.tokens:,} tokens in {self.seconds:,.1f} s ({speed:,.0f} tokens/s){reused}"

    def results(
        self,
        ask: Ask[Asked, Result],
        requests: Sequence[Asked],
        questions: Sequence[str],
        tokens: Callable[[Asked, Result], int],
        size: Callable[[Asked], int] | None = None,
        answers: Callable[[Result], bool] | None = None,
    ) -> list[Result]:
        """Return what `ask` yields for each request, in their order; what the store has is not asked for.

        `questions` names the question of each request, `tokens` counts a result, `size` says before what a request
        will count, where that is known, and `answers` whether a result gives an answer, as far as that is told at once.
        What an engine has done before it dies is kept. Raises UserError when it dies for the second time.
        """
        found: dict[int, Any] = self.store.known(requests)
        if found:
            cli.log.info("%d of %d answers are there already", len(found), len(requests))
        left = Counter(question for place, question in enumerate(questions) if place not in found)
        forecast = Forecast([requests[place] for place in range(len(requests)) if place not in found], size)
        with cli.progress_bar(len(left), "answering", "question", work="token") as bar:
            bar.left = lambda: forecast.left(bar.made)
            while len(found) < len(requests):
                waiting = [place for place in range(len(requests)) if place not in found]
                try:
                    self._engine = self._engine or self._start()
                    started, before = time.monotonic(), self.seconds
                    bar.begin()
                    for number, result in ask(self._engine, [requests[place] for place in waiting]):
                        place = waiting[number]
                        found[place] = result
                        self.store.add(requests[place], result)
                        left[questions[place]] -= 1
                        self.tokens += tokens(requests[place], result)
                        self.seconds = before + time.monotonic() - started
                        forecast.ended(requests[place], tokens(requests[place], result))
                        bar.reach(forecast.tokens)
                        bar.alarm = self._watch(result, answers)
                        bar.update(int(left[questions[place]] == 0))
                    if len(found) < len(requests):
                        raise RuntimeError("it ended without all answers")
                except Exception as error:
                    self._died(error, len(requests) - len(found))
        return [found[place] for place in range(len(requests))]

    def _watch(self, result: Result, answers: Callable[[Result], bool] | None) -> str | None:
        """Return what is wrong with many answers so far, in words, and warn of it once: it is known early."""
        if not isinstance(result, Generated):
            return None
        self._ended["all"] += 1
        if result.finish_reason == "length":
            self._ended["cut"] += 1
        elif answers and not answers(result):
            self._ended["unread"] += 1
        cut, unread, ended = (self._ended[name] for name in ("cut", "unread", "all"))
        if ended < ALARM_FROM or cut + unread <= ALARM * ended:
            return None
        alarm = (
            f"of {ended:,} answers so far {cut:,} were cut off at their limit (max_new_tokens, or the model's context)"
            f" and {unread:,} more give no answer that can be read: both count as wrong"
        )
        if not self._told:
            self._told = True
            cli.log.warning(alarm)
        return alarm

    def _died(self, error: Exception, left: int) -> None:
        """Log what killed the engine. Raises UserError when that was the second time, or when it was no death."""
        self.close()
        if isinstance(error, UserError):
            raise error
        self._deaths += 1
        cli.log.warning("the engine %s died with %d answers to go:", self._name, left, exc_info=error)
        if self._deaths > 1:
            reason = " ".join([f"{type(error).__name__}:", *str(error).splitlines()[:1]])
            raise UserError(
                f"the engine {self._name} died twice, the second time of '{reason}' (the log above has all of it); "
                f"{self._hint}"
            ) from error
        cli.log.warning("it is started once more")
