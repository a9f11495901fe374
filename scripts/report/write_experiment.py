"""Write the experiment's settings, defaults filled in, as the report reads them: experiment.json."""

from scripts.common import cli
from scripts.common.atomic import replacing
from scripts.common.program import Program


def main() -> None:
    program = Program(__doc__)
    program.add_argument("--settings", required=True, help="the experiment as JSON")
    program.add_output("--experiment", "experiment.json")
    arguments = program.parse()
    with program.recording(), replacing(arguments.experiment) as temporary:
        temporary.write_text(arguments.settings + "\n", encoding="utf-8")


if __name__ == "__main__":
    cli.run(main)
