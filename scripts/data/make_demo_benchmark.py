"""Make a benchmark of the demo: fresh problems, none twice, as a JSONL file with id, question and answer."""

import json

from scripts.common import cli
from scripts.common.atomic import replacing
from scripts.common.config.evaluation import DemoBenchmark
from scripts.common.program import Program
from scripts.data.demo_world import draw_benchmark


def main() -> None:
    program = Program(__doc__)
    program.add_settings("--demo", DemoBenchmark)
    program.add_argument("--seed", type=int, required=True, help="the experiment's seed")
    program.add_output("--output", "test.jsonl")
    arguments = program.parse()
    settings: DemoBenchmark = arguments.demo
    with program.recording(seed=arguments.seed, benchmark=settings.model_dump()):
        problems = draw_benchmark(arguments.seed, settings.operations, settings.questions)
        with replacing(arguments.output) as temporary, temporary.open("w", encoding="utf-8") as lines:
            for number, problem in enumerate(problems):
                row = {"id": f"{number:04d}", "question": problem.question, "answer": problem.answer}
                lines.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    cli.run(main)
