"""Whether a program that a model wrote is right: it is run on every test of its question, in the sandbox.

What a program prints is compared as lighteval does it for LiveCodeBench. The program sees the inputs only, never the
outputs that are expected. Three things differ from lighteval's codegen_metrics. The program is the last fenced block
that is one: lighteval takes what stands between the last two lines with ```, be it an example of what is printed, or
the prose between a program and one that was cut off. A program that reads standard input runs as a program, one process
a test, and not as the body of a function with sys.stdin replaced, where sys.stdin.buffer is missing and `global` finds
nothing. And the time limit is of the program's own time (`watching`), so that a busy machine fails nobody.
"""

import itertools
import json
import re
import textwrap
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import InvalidOperation

from lighteval.metrics.metrics_sample import SamplingMetric
from lighteval.tasks.requests import Doc
from lighteval.tasks.tasks.lcb.codegen_metrics import (
    convert_line_to_decimals,
    extract_code,
    get_stripped_lines,
    import_string,
)

from scripts.common.cli import UserError, log, progress
from scripts.common.fences import blocks
from scripts.common.judging.thinking import after_thinking
from scripts.common.judging.verdict import IN_THINKING
from scripts.common.questions import ProgramTest, Question, unpack_tests
from scripts.evaluate import sandbox
from scripts.evaluate.scoring import Judge, Verdict

PYTHON = re.compile(r"(?i)\{?\.?(?:python|py)[\d.]*\b")
_PROGRAM = re.compile(r"\b(?:def|import|print|input|lambda|return)\b *[\w(:]")


def program_of(text: str) -> str | None:
    """Return the program of an answer: its last fenced block that is said to be Python or reads as it, else its last.

    None where there is no block, or the last one is never closed. A block in a list stands as far to the right as it.
    """
    found = list(blocks(text))
    if found and found[-1].code is None:
        if text[found[-1].end :].strip():
            # A fence with words behind it closes no block, and yet two make a pair.
            return None if text.count("```") % 2 else extract_code(text) or None
        found.pop()
    programs = [(block.info, block.code) for block in found if block.code and block.code.strip()]
    likely = [code for info, code in programs if PYTHON.match(info) or (not info and _PROGRAM.search(code))]
    code = (likely or [code for _, code in programs] or [""])[-1]
    return textwrap.dedent(code) if code else None


def same_lines(printed: str, expected: str) -> bool:
    """Return whether two outputs agree: line by line without outer blanks, numbers on a line by value."""
    ours, theirs = get_stripped_lines(printed), get_stripped_lines(expected)
    return len(ours) == len(theirs) and all(
        line == other or _same_numbers(line, other) for line, other in zip(ours, theirs, strict=True)
    )


def _same_numbers(line: str, other: str) -> bool:
    (known, numbers), (other_known, other_numbers) = (convert_line_to_decimals(text) for text in (line, other))
    try:
        return known and other_known and numbers == other_numbers
    except InvalidOperation:  # sNaN equals nothing, and says so
        return False


def fault(source: str, test: ProgramTest, function: str | None, sandboxed: bool) -> str | None:
    """Return what is wrong with a program on one test, or None."""
    ended = sandbox.run(source, test.input, import_string, function, sandboxed)
    if ended.output is None:
        return ended.reason
    if function is None:
        return None if same_lines(ended.output, test.output) else "wrong output"
    try:
        same = json.loads(ended.output) == json.loads(test.output)
    except (
        ValueError,
        RecursionError,
        MemoryError,
    ):  # no JSON, or none that can be held: thousands of brackets, digits
        same = False
    return None if same else "wrong output"


class CodeJudge(Judge):
    """Judges programs in the place of a metric's own scoring function; `extracted` is the program."""

    def __init__(
        self, metrics: Sequence[SamplingMetric], questions: list[Question], sandboxed: bool = True, workers: int = 1
    ) -> None:
        """`questions` are those of the metrics' answers, with their tests; `workers` tests run side by side."""
        super().__init__(metrics)
        if lacking := next((question.id for question in questions if not question.tests), None):
            raise UserError(f"question '{lacking}' has no tests: a benchmark of kind code needs them")
        self._sandboxed, self._workers = sandboxed, workers
        self._questions = {question.id: question for question in questions}

    def _start(self) -> None:
        # A test each, side by side: a right answer has passed them all.
        self._pool = ThreadPoolExecutor(self._workers)
        self._judged = progress(itertools.count(), "programs", "answer")

    def _stop(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    def _ask(self, doc: Doc, text: str) -> Verdict:
        next(self._judged)
        rest = after_thinking(text)
        if rest is None:
            return Verdict(0, None, IN_THINKING)
        source = program_of(rest)
        if source is None:
            return Verdict(0, None, "no program between ``` and ```")
        try:
            return self._run(doc, source)
        except Exception as error:  # whatever a program has done: no other answer may be lost for it
            log.warning("a program could not be judged and counts as wrong", exc_info=error)
            return Verdict(0, source, f"{type(error).__name__} while it was judged")

    def _run(self, doc: Doc, source: str) -> Verdict:
        """Return the verdict on a program: it passes every test, or the first that it fails says why."""
        question = self._questions[doc.choices[doc.gold_index]]
        tests = unpack_tests(question.tests or "")
        running = [self._pool.submit(fault, source, test, question.function, self._sandboxed) for test in tests]
        for number, future in enumerate(running, start=1):
            if found := future.result():
                for later in running[number:]:
                    later.cancel()
                return Verdict(0, source, f"test {number} of {len(tests)}: {found}")
        return Verdict(1, source, None)
