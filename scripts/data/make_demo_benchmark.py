"""Make a benchmark of the demo: fresh problems, none twice, as a JSONL file with id, question and answer."""

import json
from pathlib import Path

from scripts.common import cli
from scripts.common.atomic import replacing
from scripts.common.config.evaluation import DemoBenchmark
from scripts.common.options import add_options, from_options
from scripts.common.provenance import recording
from scripts.data.demo_world import draw_benchmark


def main() -> None:
    parser = cli.parser(__doc__)
    add_options(parser, DemoBenchmark)
    parser.add_argument("--seed", type=int, required=True, help="the experiment's seed")
    parser.add_argument("--output", type=Path, required=True, help="test.jsonl")
    arguments = parser.parse_args()
    settings = from_options(DemoBenchmark, arguments)
    with recording(outputs=[arguments.output], inputs=[], seed=arguments.seed, benchmark=settings.model_dump()):
        problems = draw_benchmark(arguments.seed, settings.operations, settings.questions)
        with replacing(arguments.output) as temporary, temporary.open("w", encoding="utf-8") as lines:
            for number, problem in enumerate(problems):
                row = {"id": f"{number:04d}", "question": problem.question, "answer": problem.answer}
                lines.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    cli.run(main)
