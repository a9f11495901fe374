"""Count what a finished experiment did, in numbers that no machine's load changes, and hold them against those kept.

    python -m perf.counts --config config.yaml --keep docs/measured/counts.json      # keeps them
    python -m perf.counts --config config.yaml --against docs/measured/counts.json   # exit code 2 when one is more

Jobs are those of the graph; scored tokens and variants are those of PIR (a chain whole, and once without each of its
functional steps: what the method asks for, in however many passes of the model); trained tokens and steps are those of
all runs; answers and their tokens those of all models; bytes those of tables and weights. Prints the counts as JSON.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import pyarrow.compute as pc

from scripts.common import cli
from scripts.common.atomic import replacing
from scripts.common.cli import UserError
from scripts.common.config.load import read_experiment
from scripts.common.layout import Layout
from scripts.common.program import Program
from scripts.common.tables import read_table
from scripts.evaluate.tables import ANSWERS
from scripts.manage.graph import planned_jobs
from scripts.select.tables import SAMPLES, STEP_SCORES

SLACK = {"answer_tokens": 0.05, "trained_tokens": 0.02, "bytes": 0.02}
"""By what share a count may grow: where a machine rounds otherwise, answers end at other tokens and other steps are
pruned, and files hold both."""
BYTES_OF = ("*.parquet", "*.safetensors")
"""Files whose size no time of day and no speed changes; log, report and provenance hold such figures."""


def counts(paths: Layout, jobs: int) -> dict[str, int]:
    """Return the counts of a finished experiment of so many jobs. Raises UserError where it is not finished."""
    results = Path(paths.results)
    if not Path(paths.path("results")).is_file():
        raise UserError(f"'{results}' holds no finished experiment: run it first ('make report')")
    found = {"jobs": jobs}
    if Path(paths.path("samples")).is_file():
        samples = read_table(SAMPLES, paths.path("samples"), ["tokens", "reason"])
        scored = samples.filter(pc.is_null(samples["reason"]))
        found["scored_tokens"] = pc.sum(scored["tokens"]).as_py() or 0
        found["scored_variants"] = len(scored) + len(read_table(STEP_SCORES, paths.path("scores"), ["step"]))
    runs = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(results.glob("train/*/summary.json"))]
    found["trained_tokens"] = sum(run["tokens_read"] for run in runs)
    found["optimiser_steps"] = sum(run["steps"] for run in runs)
    answers = read_table(ANSWERS, paths.path("all_answers"), ["output_tokens"])
    found["answers"], found["answer_tokens"] = len(answers), pc.sum(answers["output_tokens"]).as_py() or 0
    found["bytes"] = sum(file.stat().st_size for form in BYTES_OF for file in results.rglob(form))
    return found


def more(found: Mapping[str, int], kept: Mapping[str, int]) -> list[str]:
    """Return a sentence for every count that is more than the one kept, or that only one of both has."""
    sentences = [f"{name}: is counted on one side only" for name in sorted(found.keys() ^ kept.keys())]
    for name in found.keys() & kept.keys():
        if found[name] > kept[name] * (1 + SLACK.get(name, 0)):
            sentences.append(f"{name}: {found[name]:,}, and {kept[name]:,} before")
    return sorted(sentences)


def main() -> None:
    program = Program(__doc__)
    program.add_argument("--config", type=Path, default=Path("config.yaml"), help="the experiment file")
    program.add_argument("--keep", type=Path, help="the JSON file that is to hold the counts")
    program.add_argument("--against", type=Path, help="the JSON file of earlier counts, none of which may be exceeded")
    arguments = program.parse()
    name = read_experiment(arguments.config).name
    found = counts(Layout(name), len(planned_jobs(arguments.config)))
    print(json.dumps(found, indent=2))
    if arguments.keep:
        with replacing(arguments.keep) as temporary:
            temporary.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    if arguments.against:
        try:
            kept = json.loads(arguments.against.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UserError(f"'{arguments.against}' holds no counts: write them by --keep ({error})") from error
        if told := more(found, kept):
            raise UserError(f"'{name}' does more than it did: {'; '.join(told)}; if that is meant, --keep them")


if __name__ == "__main__":
    cli.run(main)
