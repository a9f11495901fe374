"""What a kind of question is: how its rows are read, what lighteval measures, and who judges an answer."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from scripts.common.digest import part_of
from scripts.common.questions import Question
from scripts.evaluate.kinds import reading


def plain_gold(question: Question) -> str:
    """Return the gold answer as the file has it."""
    return question.answer


def lighteval_judge(
    scoring: Sequence[Any], questions: list[Question], unsandboxed: bool, workers: int
) -> AbstractContextManager[Any]:
    """Return a judge that asks the metrics' own scoring function, in bounded time and memory."""
    from scripts.evaluate.scoring import Judge

    return Judge(scoring)


@dataclass(frozen=True)
class Kind:
    """A kind of question as the experiment file may name it. Its functions import lighteval when they are called."""

    checked: str
    """How an answer is checked, for the page of keys: "as mathematics"."""
    metrics: Callable[[int], list[Any]]
    """Return lighteval's metrics over so many answers per question; pass@1 first."""
    gold: Callable[[Question], str] = plain_gold
    """Return the gold answer of lighteval's Doc, for a question without choices."""
    judge: Callable[[Sequence[Any], list[Question], bool, int], AbstractContextManager[Any]] = lighteval_judge
    """Return who judges answers in the place of the scoring functions, for these questions; the third argument
    allows programs to run without a sandbox, the fourth says how many may run side by side."""
    local_question: Callable[[dict[str, Any], str], Question] = reading.local_question
    """Return a row of a local file as a question; the text names its line in messages (UserError)."""
    task_question: Callable[[Any, dict[str, Any]], Question | None] = reading.task_question
    """Return a row of lighteval's task (its definition, the row) as a question, None where lighteval leaves it out."""
    gives_answer: Callable[[str], bool] | None = None
    """Tell at once, of a text behind its thinking, whether it gives an answer: for the alarm while a job runs. The
    judge decides."""
    packages: tuple[str, ...] = ()
    """Packages besides lighteval whose versions a verdict depends on."""
    generates: bool = True
    """Whether answers are drawn. Otherwise the choices' likelihoods are compared: one answer a question."""
    runs_programs: bool = False
    """Whether answers are programs that are run, on the question's tests and in the sandbox."""
    votes: bool = True
    """Whether the most frequent answer of several means something."""
    has_demo: bool = False
    """Whether the demo's generator makes such questions."""
    own_tasks: str | None = None
    """What the names of the lighteval tasks begin with that are of this kind, and of no other."""

    def reading_code(self) -> list[str]:
        """Return the code that makes questions, as `code_digest` takes it."""
        return [part_of(self.local_question), part_of(self.task_question)]

    def judging_code(self) -> list[str]:
        """Return the code that verdicts depend on, as `code_digest` takes it."""
        facts = f"generates={self.generates} votes={self.votes}"
        return [part_of(self.metrics), part_of(self.gold), part_of(self.judge), facts]
