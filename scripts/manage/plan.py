"""Say before a long run what it takes: jobs by rule, GPU-hours, tokens, disk and cost, and every number assumed.

Jobs that have finished tell what those left take; where none has, stated rates do. Nothing is run and nothing is
written. `python -m scripts.manage.plan --config experiments/mine.yaml`
"""

import shutil
from pathlib import Path

from scripts.common import cli
from scripts.common.config.endpoint import Usage
from scripts.common.config.model import DEMO, SECOND_SCORER, is_local
from scripts.common.program import Program
from scripts.manage.arithmetic import table_bytes
from scripts.manage.estimate import Line, longest_chain
from scripts.manage.graph import Job
from scripts.manage.prospect import Prospect, add_options, look_ahead
from scripts.manage.rates import STATED, number
from scripts.manage.text import aligned, duration, size

CHECKPOINT_BYTES = 12  # a parameter: float32 weights and two moments
CHECKPOINTS = 2  # kept of a run


def job_table(table: list[Line]) -> list[str]:
    """Return the table of jobs by rule."""
    rows = [["rule", "to do", "done", "GPUs", "mean", "longest", "in sum", "GPU-hours", "from"]]
    for line in table:
        times = [duration(line.mean), duration(line.longest), duration(line.hours * 3600)] if line.left else [""] * 3
        gpus = [str(line.gpus), f"{line.gpu_hours:,.1f}"] if line.gpus else ["", ""]
        sources = ", ".join(f"{source} {count}" if len(line.sources) > 1 else source
                            for source, count in line.sources.items())  # fmt: skip
        rows.append([line.rule, f"{line.left:,}", f"{line.done:,}", gpus[0], *times, gpus[1], sources])
    total = f"{sum(line.gpu_hours for line in table):,.1f}"
    left, done = (f"{sum(values):,}" for values in zip(*((line.left, line.done) for line in table), strict=True))
    hours = duration(3600 * sum(line.hours for line in table))
    rows.append(["all", left, done, "", "", "", hours, total, ""])
    return aligned(rows, left=(0, 8))


def disk(prospect: Prospect) -> list[tuple[str, float]]:
    """Return what will be written, and its bytes."""
    experiment, sizes, book = prospect.experiment, prospect.workload.sizes, prospect.workload.book
    left = [cost.job for cost in prospect.costs]
    runs = sum(job.rule == "train_sft" for job in left)
    named = {"base": experiment.model, "scorer": experiment.scorer.model, **experiment.models}
    named |= experiment.measuring_models()
    named |= {SECOND_SCORER: experiment.second_scorer()}
    hub = [
        name
        for name, model in named.items()
        if model and model.name != DEMO and not model.served and not is_local(model.name)
    ]
    fetched = [name for name in hub if Job("fetch_model", name, True) in left]
    generated = sum(prospect.workload.tokens(job).generated for job in left)
    parts = [
        ("models fetched", sum(2 * sizes.parameters(name) for name in fetched)),
        (f"{runs} fine-tuned models", runs * prospect.workload.model_bytes() if runs else 0),
        ("the answers, twice", 2 * generated * book["bytes_per_token"] if generated else 0),
    ]
    if experiment.dataset and any(job.rule == "prepare_pool" for job in left):
        tables = table_bytes(sizes.raw.tokens, sizes.clean.tokens, sizes.scored.tokens, book)
        parts.insert(1, ("tables of the pool", tables))
    return [(what, count) for what, count in parts if count]


def endpoints(prospect: Prospect) -> list[list[str]]:
    """Return a row for each endpoint that is asked: requests, tokens and, where prices are given, cost."""
    workload = prospect.workload
    asked: dict[str, list[tuple[Usage, float | None]]] = {}
    for cost in prospect.costs:
        if endpoint := workload.endpoint(cost.job):
            usage = workload.usage(cost.job)
            asked.setdefault(endpoint.base_url, []).append((usage, endpoint.cost(usage)))
    rows = []
    for address, parts in asked.items():
        used = sum((usage for usage, _ in parts), Usage())
        prices = [price for _, price in parts if price is not None]
        counts = f"{used.requests:,} requests, {number(used.input_tokens)} tokens in, {number(used.output_tokens)} out"
        rows.append([f"asked of {address}", counts + (f": costs {sum(prices):,.2f}" if prices else "")])
    return rows


def totals(prospect: Prospect, gpus: int | None) -> list[str]:
    """Return what it comes to: time, cost, tokens, disk."""
    experiment, workload = prospect.experiment, prospect.workload
    gpu_hours = sum(line.gpu_hours for line in prospect.table)
    chain = longest_chain(prospect.table)
    tokens = [workload.tokens(cost.job) for cost in prospect.costs]
    rows = [["GPU-hours", f"{gpu_hours:,.1f}"]]
    if experiment.resources.cost_per_gpu_hour is not None:
        price = experiment.resources.cost_per_gpu_hour
        rows.append(["cost", f"{gpu_hours * price:,.0f} ({price:g} a GPU-hour)"])
    rows += endpoints(prospect)
    rows.append(["longest chain of jobs", f"{duration(chain)}: with GPUs and cores enough it takes no less"])
    if gpus:
        rows.append([f"with {gpus} GPUs", f"{duration(max(chain, gpu_hours * 3600 / gpus))} or more"])
    sums = [sum(count.trained for count in tokens), sum(count.generated for count in tokens)]
    rows += [[f"tokens {verb}", number(count)] for verb, count in zip(("trained on", "generated"), sums, strict=True)]
    parts = disk(prospect)
    listed = f" ({', '.join(f'{what} {size(count)}' for what, count in parts)})" if parts else ""
    rows.append(["disk", size(sum(count for _, count in parts)) + listed])
    if any(cost.job.rule == "train_sft" for cost in prospect.costs):
        held = CHECKPOINTS * CHECKPOINT_BYTES * workload.sizes.parameters("base")
        rows.append(["", f"and {size(held)} of checkpoints for every run that trains at the time"])
    return aligned(rows, left=(0, 1))


def warnings(prospect: Prospect) -> list[str]:
    """Return a sentence for each rule whose longest job exceeds its time limit, and one where the disk is too small."""
    found = []
    for line in prospect.table:
        limit = prospect.workload.minutes(line.rule)
        if line.longest > 60 * limit:
            found.append(
                f"{line.rule}: its longest job takes {duration(line.longest)} by this estimate, on a cluster it is "
                f"stopped after {duration(60 * limit)} (the rule's runtime under `resources`)"
            )
    needed, free = sum(count for _, count in disk(prospect)), shutil.disk_usage(Path.cwd()).free
    if needed > free:
        found.append(f"disk: {size(needed)} are to be written, {size(free)} are free here")
    return found


SOURCES = {
    "measured": "measured: the median of the finished jobs of the same kind, by their files under logs/",
    "scaled": "scaled: as stated, times what the rule's finished jobs took over what is stated for them",
    "elsewhere": "elsewhere: the median of the rule's finished jobs in all experiments under logs/",
    "stated": "stated: by the numbers below",
}


def assumptions(prospect: Prospect) -> list[str]:
    """Return a line for every way of estimating and every number that was used, those of this experiment first."""
    ways = {source for line in prospect.table for source in line.sources}
    questions: dict[str, list[str]] = {}
    rows: list[list[str]] = []
    for what, rate in sorted(prospect.workload.book.used.items(), key=lambda used: used[0] in STATED):
        if what.startswith("questions of "):
            questions.setdefault(rate.source, []).append(f"{what.removeprefix('questions of ')} {number(rate.value)}")
        else:
            rows.append([rate.what, f"{number(rate.value)} {rate.unit}".rstrip(), rate.source])
    asked = [f"questions: {', '.join(parts)} ({source})" for source, parts in questions.items()]
    return [
        *(text for source, text in SOURCES.items() if source in ways),
        *asked,
        *(aligned(rows, (0, 2)) if rows else []),
    ]


def report(prospect: Prospect, gpus: int | None) -> str:
    """Return the plan as text."""
    left, all_jobs = len(prospect.costs), len(prospect.jobs)
    heading = f"{prospect.experiment.name}: {left:,} of {all_jobs:,} jobs to do"
    if not left:
        return f"{heading}: nothing is left\n"
    parts = [[heading], job_table(prospect.table), totals(prospect, gpus)]
    if found := warnings(prospect):
        parts.append(["Warnings", *(f"  {line}" for line in found)])
    parts.append(["Assumptions", *(f"  {line}" for line in assumptions(prospect))])
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def main() -> None:
    parser = Program(__doc__)
    add_options(parser)
    parser.add_argument("--gpus", type=int, help="say also how long it takes with so many GPUs")
    arguments = parser.parse_args()
    print(report(look_ahead(arguments), arguments.gpus), end="")


if __name__ == "__main__":
    cli.run(main)
