"""Asks a language model behind an endpoint about rows, side by side: what is counted, and when a job gives up."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, TypeVar

import pyarrow as pa

from scripts.common import cli
from scripts.common.config.asked import AskedModel
from scripts.common.config.endpoint import Endpoint
from scripts.common.endpoint import EndpointFault
from scripts.common.program import Program, read_settings
from scripts.select.asked_model import Asking

Row = dict[str, Any]
Model = TypeVar("Model", bound=AskedModel)
Answer = TypeVar("Answer")
SURE_AFTER = 20
"""Rows after which a job ends early, where not one of them had a usable answer."""


class Task(NamedTuple):
    """What a model is asked for, in the words of messages."""

    key: str
    """Its key in the experiment file."""
    who: str
    unit: str
    """What a row is called; more of them have an s."""
    done: str
    """What is done with a row."""
    reason: str = ""
    """What stands before the reason that most rows without a usable answer have."""


def add_manner(program: Program) -> None:
    """Add the option for the settings of an endpoint that change no answer."""
    program.add_argument("--manner", default="{}", metavar="JSON", help="more of its endpoint, which changes no answer")


def with_manner(settings: Model, manner: str) -> Model:
    """Return the settings with those of `--manner` in the endpoint's."""
    whole = json.dumps(settings.endpoint.model_dump() | json.loads(manner))
    return settings.model_copy(update={"endpoint": read_settings("--manner", Endpoint, whole)})


def check_unanswered(task: Task, reasons: Counter[str], rows: int, settings: AskedModel, done: bool) -> None:
    """Raise UserError where more rows are without a usable answer than the settings allow.

    Before all is `done` that is the case where none of the first rows has one.
    """
    missing = reasons.total()
    if (missing > settings.max_unanswered * rows) if done else (missing == rows >= SURE_AFTER):
        most, count = reasons.most_common(1)[0]
        raise cli.UserError(
            f"the {task.who} '{settings.model}' gave no usable answer for {missing:,} of {rows:,} {task.unit}s, more "
            f"than {task.key}.max_unanswered ({settings.max_unanswered:g}) allows; most often ({count:,}){task.reason}"
            f": {most}; take another model or response_format, or raise tries or max_tokens"
        )


def answered_rows(
    asking: Asking,
    task: Task,
    batches: Iterable[pa.Table],
    total: int,
    ask: Callable[[Row], Answer],
    reason_of: Callable[[Answer], str | None],
    reasons: Counter[str],
) -> Iterator[tuple[list[Row], list[Answer]]]:
    """Yield the rows of each batch with their answers; `total` is how many rows there are.

    `reason_of` says why an answer cannot be used, and `reasons` counts it. Raises UserError where too many cannot, and
    where the endpoint fails: what was answered is kept.
    """
    done = 0
    with cli.progress_bar(total, f"{task.unit}s {task.done}", task.unit) as bar:
        try:
            for batch in batches:
                rows = batch.to_pylist()
                found: dict[int, Answer] = {}
                for place, answer in asking.client.side_by_side(ask, rows):
                    found[place] = answer
                    done += 1
                    if reason := reason_of(answer):
                        reasons[reason] += 1
                    check_unanswered(task, reasons, done, asking.settings, done=False)
                    bar.update(1)
                yield rows, [found[place] for place in range(len(rows))]
        except EndpointFault as fault:
            raise cli.UserError(
                f"{fault}; {done:,} of {total:,} {task.unit}s are {task.done}, and what was answered is kept: run "
                "again when it answers, or lower concurrency where it is asked too much"
            ) from fault
    check_unanswered(task, reasons, total, asking.settings, done=True)


def say_earlier(asking: Asking) -> None:
    """Log how many answers an earlier attempt had."""
    if len(asking.answered):
        cli.log.info("%d answers were given in an earlier attempt", len(asking.answered))
