"""Let a language model behind an endpoint score rows of the clean pool by a rubric: a whole score from 1 to 10.

Answers are kept under --work by what was asked, so that a job that was killed, or whose endpoint failed, goes on where
it stopped and asks nothing twice. A row without a usable answer has no score, and is counted.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from scripts.common import cli
from scripts.common.config.asked import AskedModel
from scripts.common.program import Program
from scripts.common.tables import TableWriter, iterate_table
from scripts.data.tables import POOL
from scripts.select.asked_model import Asking, Messages, Unusable, object_in
from scripts.select.asked_rows import Task, add_manner, answered_rows, say_earlier, with_manner
from scripts.select.measuring import BATCH, add_rows, shard_ids
from scripts.select.tables import QUALITY

LOWEST, HIGHEST = 1, 10
SCHEMA = {
    "type": "object",
    "properties": {
        "reason": {"type": "string"},
        "score": {"type": "integer", "enum": list(range(LOWEST, HIGHEST + 1))},
    },
    "required": ["reason", "score"],
    "additionalProperties": False,
}
TASK = Task("judge", "judge", "row", "judged")


class Opinion(NamedTuple):
    """What the judge says of a row."""

    score: float | None
    because: str | None
    reason: str | None
    """Why there is no score."""


def opinion_in(text: str) -> Opinion:
    """Return the opinion in an answer. Raises Unusable where it has another form."""
    found = object_in(text)
    if not isinstance(found, dict) or {"reason", "score"} - found.keys():
        raise Unusable("it lacks reason or score")
    score = found["score"]
    if type(score) is not int or not LOWEST <= score <= HIGHEST:
        raise Unusable(f"the score must be a whole number from {LOWEST} to {HIGHEST}, not {json.dumps(score)}")
    return Opinion(float(score), str(found["reason"]), None)


def request(rubric: str, question: str, response: str) -> Messages:
    """Return what the judge is asked about a row."""
    shown = f"The problem:\n{question.strip()}\n\nThe response:\n{response.strip()}"
    return [{"role": "system", "content": rubric}, {"role": "user", "content": shown}]


class Judge(Asking):
    """Asks the model about rows."""

    def __init__(self, settings: AskedModel, rubric: str, seed: int, work: Path) -> None:
        super().__init__(settings, "opinion", SCHEMA, seed, work)
        self._rubric = rubric

    def opinion(self, row: dict[str, Any]) -> Opinion:
        """Return the opinion on one row; an answer that cannot be used is told to the model, which answers again."""
        messages, reason = request(self._rubric, row["question"], row["response"]), ""
        refused: Messages = []
        for number in range(self.settings.tries):
            reply = self.ask([*messages, *refused], number)
            if reply.finish_reason == "too long":
                return Opinion(None, None, "longer than the judge's context")
            if reply.finish_reason == "length":
                reason, refused = "the judge's answer was cut off", []
                continue
            try:
                return opinion_in(reply.text)
            except Unusable as error:
                reason = f"the judge's answer cannot be used: {error}"
                refused = [
                    {"role": "assistant", "content": reply.text or "(nothing)"},
                    {"role": "user", "content": f"This answer cannot be used: {error}. Answer again."},
                ]
        return Opinion(None, None, reason)


def written(judge: Judge, clean: Path, ids: list[str], path: Path) -> dict[str, Any]:
    """Ask about the rows `ids` and write the table `quality`; return what is recorded of it."""
    batches = iterate_table(POOL, clean, BATCH, ["id", "question", "response"], ids=ids)
    reasons: Counter[str] = Counter()
    with TableWriter(QUALITY, path) as writer:
        for rows, opinions in answered_rows(
            judge, TASK, batches, len(ids), judge.opinion, lambda opinion: opinion.reason, reasons
        ):
            writer.write([{"id": row["id"], **said._asdict()} for row, said in zip(rows, opinions, strict=True)])
    cli.log.info("%d rows judged, %d without a score", len(ids), reasons.total())
    cli.log.info("%d requests, %d tokens in, %d out", *judge.usage)
    return {"unanswered": dict(reasons), "usage": judge.settings.endpoint.account(judge.usage)}


def main() -> None:
    program = Program(__doc__)
    program.add_input("--clean", "clean.parquet")
    program.add_input("--rubric", "what the judge is told")
    program.add_settings("--judge", AskedModel)
    add_manner(program)
    add_rows(program)
    program.add_argument("--work", type=Path, required=True, help="folder for the answers so far")
    program.add_output("--quality", "the table to write")
    arguments = program.parse()
    settings: AskedModel = with_manner(arguments.judge, arguments.manner)
    judge = Judge(settings, arguments.rubric.read_text(encoding="utf-8"), arguments.seed, arguments.work)
    say_earlier(judge)
    ids = shard_ids(arguments.clean, arguments.rows, arguments.seed, 0, 1)
    with program.recording(seed=arguments.seed) as facts:
        facts |= written(judge, arguments.clean, ids, arguments.quality)


if __name__ == "__main__":
    cli.run(main)
