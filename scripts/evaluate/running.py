"""Run an engine over all requests of a job, under a bar of questions done, tokens a second and seconds left."""

import gc
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from scripts.common import cli
from scripts.common.cli import UserError
from scripts.evaluate.engines import Engine

Asked = TypeVar("Asked")
Result = TypeVar("Result")
Ask = Callable[[Engine, Sequence[Asked]], Iterator[tuple[int, Result]]]


class EngineRun:
    """An engine that is started when it is first asked, and again, once, where it dies."""

    def __init__(self, start: Callable[[], Engine], name: str) -> None:
        """`name` is what messages call the engine."""
        self._start, self._name = start, name
        self._engine: Engine | None = None
        self._deaths = 0
        self.tokens = 0
        """Tokens generated, or scored."""
        self.seconds = 0.0
        """That it took, without the engine's start."""

    def close(self) -> None:
        """Let go of the weights."""
        self._engine = None
        gc.collect()

    def results(
        self,
        ask: Ask[Asked, Result],
        requests: Sequence[Asked],
        questions: Sequence[str],
        tokens: Callable[[Asked, Result], int],
    ) -> list[Result]:
        """Return what `ask` yields for each request, in their order.

        `questions` names the question of each request, `tokens` counts a result. What an engine has done before it
        dies is kept. Raises UserError when it dies for the second time.
        """
        found: dict[int, Result] = {}
        left = Counter(questions)
        with cli.progress_bar(len(left), "answering", "question") as bar:
            while len(found) < len(requests):
                waiting = [place for place in range(len(requests)) if place not in found]
                try:
                    self._engine = self._engine or self._start()
                    started, before = time.monotonic(), self.seconds
                    for number, result in ask(self._engine, [requests[place] for place in waiting]):
                        place = waiting[number]
                        found[place] = result
                        left[questions[place]] -= 1
                        self.tokens += tokens(requests[place], result)
                        self.seconds = before + time.monotonic() - started
                        bar.set_postfix_str(f"{self.tokens / self.seconds:,.0f} tokens/s", refresh=False)
                        bar.update(int(left[questions[place]] == 0))
                    if len(found) < len(requests):
                        raise RuntimeError("it ended without all answers")
                except Exception as error:
                    self._died(error, len(requests) - len(found))
        return [found[place] for place in range(len(requests))]

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
                "where memory is short, lower evaluation.gpu_memory_utilization (vllm) or evaluation.batch_size "
                "(transformers)"
            ) from error
        cli.log.warning("it is started once more")
