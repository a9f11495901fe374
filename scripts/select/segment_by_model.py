"""Let a language model behind an endpoint cut the rows that will be scored into steps: steps.parquet.

Answers are kept under --work by what was asked, so that a job that was killed, or whose endpoint failed, goes on where
it stopped and asks nothing twice. A chain without a usable answer stays whole, as derivation, and is counted.
"""

from collections import Counter
from pathlib import Path
from typing import Any

from scripts.common import cli
from scripts.common.config.segmenter import ModelSegmenter
from scripts.common.program import Program
from scripts.common.tables import TableWriter, iterate_table
from scripts.data.tables import POOL
from scripts.select.asked_rows import Row, Task, add_manner, answered_rows, say_earlier, with_manner
from scripts.select.limopro.model_segmenter import Segmenter
from scripts.select.limopro.steps import Step
from scripts.select.segment_steps import BATCH, drawn_ids
from scripts.select.tables import STEPS

TASK = Task("segmenter", "model", "chain", "cut", " of the last answer it was said")


def rows_of(row: Row, steps: list[Step]) -> list[Row]:
    """Return the rows of `steps` for one row of the pool. Their texts, joined, are its reasoning."""
    texts = [row["reasoning"][step.start : step.end] for step in steps]
    if "".join(texts) != row["reasoning"]:
        raise RuntimeError(f"the steps of chain {row['id']} are not the chain")
    return [
        {"id": row["id"], "step": number, "start": step.start, "end": step.end, "text": text, "pattern": step.pattern}
        for number, (step, text) in enumerate(zip(steps, texts, strict=True))
    ]


def main() -> None:
    program = Program(__doc__)
    program.add_input("--clean", "clean.parquet")
    program.add_input("--instructions", "what the model is told to do")
    program.add_settings("--segmenter", ModelSegmenter)
    add_manner(program)
    program.add_argument("--score-rows", type=int, help="rows to draw (default: all)")
    program.add_argument("--seed", type=int, required=True, help="the experiment's seed")
    program.add_argument("--work", type=Path, required=True, help="folder for the answers so far")
    program.add_output("--steps", "steps.parquet")
    arguments = program.parse()
    settings: ModelSegmenter = with_manner(arguments.segmenter, arguments.manner)
    instructions = arguments.instructions.read_text(encoding="utf-8")
    drawn = drawn_ids(arguments.clean, arguments.score_rows, arguments.seed)
    segmenter = Segmenter(settings, instructions, arguments.seed, arguments.work)
    say_earlier(segmenter)

    with program.recording(seed=arguments.seed) as facts:
        facts |= written(segmenter, arguments.clean, drawn, arguments.steps)


def written(segmenter: Segmenter, clean: Path, drawn: list[str], path: Path) -> dict[str, Any]:
    """Cut the chains of the rows `drawn` and write the table `steps`; return what is recorded of it."""
    batches = iterate_table(POOL, clean, BATCH, ["id", "reasoning", "question"], ids=drawn)
    patterns: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    with TableWriter(STEPS, path) as writer:
        for rows, cuts in answered_rows(
            segmenter,
            TASK,
            batches,
            len(drawn),
            lambda row: segmenter.cut(row["reasoning"], row["question"]),
            lambda cut: cut.unanswered,
            reasons,
        ):
            steps = [step for row, cut in zip(rows, cuts, strict=True) for step in rows_of(row, cut.steps)]
            patterns.update(step["pattern"] for step in steps)
            writer.write(steps)
    usage = segmenter.usage
    for reason, count in reasons.most_common():
        cli.log.warning("%d chains stay whole, without a usable answer: %s", count, reason)
    cli.log.info("%d chains, %d steps: %s", len(drawn), writer.rows, dict(patterns))
    cli.log.info("%d requests, %d tokens in, %d out", *usage)
    return {
        "steps": dict(patterns),
        "unanswered": reasons.total(),
        "usage": segmenter.settings.endpoint.account(usage),
    }


if __name__ == "__main__":
    cli.run(main)
