"""Whether an answer is right, one at a time, in bounded time and memory, with a second opinion where there is one.

Python's numbers and sympy know answers like 9^{9^{9^9}} that never end, and nothing interrupts them. So an opinion is
formed in a child process, which is ended when an answer takes too long; that answer counts as wrong, without an
extracted answer. A second opinion changes no verdict: where it differs, the answer is disputed.
"""

import multiprocessing
import resource
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from lighteval.metrics.metrics_sample import SamplingMetric
from lighteval.models.model_output import ModelResponse
from lighteval.tasks.requests import Doc

from scripts.common.cli import log
from scripts.common.judging.thinking import after_thinking

SECONDS = 30.0
"""Per answer and opinion."""
MEMORY = 4 * 2**30
"""Bytes that the child may take beyond what it starts with."""

Compute = Callable[[Doc, ModelResponse], float]


class Verdict(NamedTuple):
    """What is known of one answer."""

    correct: int
    extracted: str | None
    """The answer as it is read from the text, or None where there is none."""
    reason: str | None = None
    """Why an answer counts as wrong that could not be compared with the gold one, or which test a program failed."""
    rule: str | None = None
    """What was compared: number, set, text, ..."""
    disputed: bool = False
    """Whether the second opinion is the other one."""


Opinion = Callable[[Doc, str], Verdict]


def judge_answer(compute: Compute, doc: Doc, text: str) -> Verdict:
    """Return the verdict of lighteval's scoring function on one answer."""
    score = compute(doc, ModelResponse(text=[text]))
    found = (doc.specific or {}).get("extracted_predictions") or [None]
    return Verdict(int(score == 1), found[0])


def _formed(opinion: Opinion, doc: Doc, text: str) -> Verdict:
    try:
        return opinion(doc, text)
    except Exception as error:  # whatever a model has written: no other answer may be lost for it
        return Verdict(0, None, f"{type(error).__name__} while it was judged")


def _serve(opinions: Sequence[Opinion], connection: Connection, parents: Connection) -> None:
    """The child: form an opinion on what comes in until the connection closes."""
    parents.close()  # else the connection would outlive the parent
    own = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (own + MEMORY, own + MEMORY))
    while True:
        try:
            number, choices, gold_index, text = connection.recv()
        except EOFError:
            return
        doc = Doc(query="", choices=choices, gold_index=gold_index)
        connection.send(_formed(opinions[number], doc, text))


class Judge:
    """Scores the answers that metrics ask for, in the place of their own scoring function, and remembers its verdicts.

    Many answers are the same text, and lighteval scores an answer once per metric.
    """

    def __init__(
        self,
        metrics: Sequence[SamplingMetric],
        seconds: float = SECONDS,
        opinion: Opinion | None = None,
        second: Opinion | None = None,
    ) -> None:
        """`metrics` are of one kind: pass@1 and pass@n on the same answers. Without an `opinion` theirs counts."""
        compute: Compute = metrics[0].compute_score
        own: Opinion = lambda doc, text: judge_answer(compute, doc, after_thinking(text) or "")  # noqa: E731
        self._opinions = [opinion or own, *([second] if second else [])]
        self._prepare = metrics[0].preprocess
        for metric in metrics:
            metric.compute_score = self._score
        self._seconds = seconds
        self._verdicts: dict[tuple[tuple[str, ...], int, str], Verdict] = {}
        self.ended = 0
        """Answers that took too long or too much memory."""

    def __enter__(self) -> "Judge":
        self._start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop()

    def __deepcopy__(self, memo: object) -> "Judge":
        return self  # lighteval copies its tasks to write them down; the child and its connection stay one

    def _start(self) -> None:
        # fork: the child has lighteval loaded at once, and it touches neither torch's threads nor the GPU.
        context = multiprocessing.get_context("fork")
        self._connection, theirs = context.Pipe()
        self._child = context.Process(target=_serve, args=(self._opinions, theirs, self._connection), daemon=True)
        self._child.start()
        theirs.close()

    def _stop(self) -> None:
        self._connection.close()
        self._child.kill()
        self._child.join()

    def verdict(self, doc: Doc, text: str) -> Verdict:
        """Return the verdict on one answer to `doc`, the one that the metrics count."""
        text = self._prepare(text)
        key = (tuple(doc.choices), int(doc.gold_index), text)
        if key not in self._verdicts:
            self._verdicts[key] = self._ask(doc, text)
        return self._verdicts[key]

    def _ask(self, doc: Doc, text: str) -> Verdict:
        verdict = self._opinion(0, doc, text)
        if verdict is None:
            log.warning(
                "an answer could not be judged within %g s and counts as wrong: ...%s", self._seconds, text[-80:]
            )
            self.ended += 1
            return Verdict(0, None, f"no verdict within {self._seconds:g} s")
        if len(self._opinions) == 1 or verdict.extracted is None:
            return verdict
        other = self._opinion(1, doc, text)
        return verdict._replace(disputed=bool(other and other.reason is None and other.correct != verdict.correct))

    def _opinion(self, number: int, doc: Doc, text: str) -> Verdict | None:
        """Return an opinion of the child's, or None where it took too long or died over it; another child goes on."""
        try:
            self._connection.send((number, doc.choices, doc.gold_index, text))
            if self._connection.poll(self._seconds):
                return self._connection.recv()
        except (EOFError, OSError):
            pass
        self._stop()
        self._start()
        return None

    def _score(self, doc: Doc, model_response: ModelResponse) -> float:
        """Score the one answer of `model_response`, as lighteval's sampling metrics ask for it."""
        return float(self.verdict(doc, model_response.final_text[0]).correct)
