"""How long the jobs of an experiment take: as its finished jobs did, else at stated rates; and what that adds up to."""

import statistics
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from scripts.manage.graph import Job
from scripts.manage.work import EVALUATION, MEASURING, SIZED, Workload


class Cost(NamedTuple):
    """What one job takes, by an estimate."""

    job: Job
    seconds: float
    source: str
    """measured (jobs of its kind), scaled (stated, corrected by jobs of its rule), elsewhere or stated."""


class Line(NamedTuple):
    """The jobs of one rule."""

    rule: str
    left: int
    done: int
    gpus: int
    mean: float
    """Seconds of a job that is left, in the mean."""
    longest: float
    gpu_hours: float
    hours: float
    """Of all that are left, one after the other."""
    sources: dict[str, int]
    """How many of them were estimated how."""


def job_costs(
    jobs: Iterable[Job],
    workload: Workload,
    own: Mapping[str, float],
    others: Mapping[str, list[float]],
) -> list[Cost]:
    """Return what each job that is left takes.

    `own` are the seconds of this experiment's benchmark files by name, of which only those of jobs that stand count:
    others may have had other settings. A kind of job that none has finished of is taken at stated rates, times what the
    rule's finished jobs took over their stated seconds. `others` are seconds of all experiments by rule, for the small
    jobs, which cost the same everywhere.
    """
    jobs = list(jobs)
    finished = [(job, own[name]) for job in jobs if not job.left and (name := job.benchmark_file()) in own]
    by_group: dict[str, list[float]] = {}
    by_rule: dict[str, list[tuple[Job, float]]] = {}
    for job, seconds in finished:
        by_group.setdefault(workload.group(job), []).append(seconds)
        by_rule.setdefault(job.rule, []).append((job, seconds))
    factors = {
        rule: sum(seconds for _, seconds in pairs) / sum(workload.seconds(job) for job, _ in pairs)
        for rule, pairs in by_rule.items()
        if any(job.left and job.rule == rule and workload.group(job) not in by_group for job in jobs)
    }

    def cost(job: Job) -> Cost:
        if seconds := by_group.get(workload.group(job)):
            return Cost(job, statistics.median(seconds), "measured")
        if job.rule in factors:
            return Cost(job, workload.seconds(job) * factors[job.rule], "scaled")
        if job.rule not in SIZED and job.rule in others:
            return Cost(job, statistics.median(others[job.rule]), "elsewhere")
        return Cost(job, workload.seconds(job), "stated")

    return [cost(job) for job in jobs if job.left]


def lines(jobs: Iterable[Job], costs: Iterable[Cost], workload: Workload) -> list[Line]:
    """Return a line per rule that grows with the experiment, in the graph's order, then one for all other jobs."""
    rules = [*SIZED, "other jobs"]
    done = dict.fromkeys(rules, 0)
    for job in jobs:
        done[line_of(job.rule)] += not job.left
    of_rule: dict[str, list[Cost]] = {rule: [] for rule in rules}
    for cost in costs:
        of_rule[line_of(cost.job.rule)].append(cost)
    return [
        _line(rule, of_rule[rule], done[rule], workload.gpus(rule)) for rule in rules if of_rule[rule] or done[rule]
    ]


def line_of(rule: str) -> str:
    """Return the line of the table in which a rule's jobs are counted."""
    return rule if rule in SIZED else "other jobs"


def _line(rule: str, costs: list[Cost], done: int, gpus: int) -> Line:
    seconds = [cost.seconds for cost in costs]
    sources: dict[str, int] = {}
    for cost in costs:
        sources[cost.source] = sources.get(cost.source, 0) + 1
    hours = sum(seconds) / 3600
    mean, longest = (statistics.mean(seconds), max(seconds)) if seconds else (0.0, 0.0)
    return Line(rule, len(costs), done, gpus, mean, longest, gpus * hours, hours, sources)


def longest_chain(table: Iterable[Line]) -> float:
    """Return the seconds of the longest row of jobs that wait for each other, if every job could start when it may."""
    longest = {line.rule: line.longest for line in table}

    def of(*rules: str) -> float:
        return max(longest.get(rule, 0.0) for rule in rules)

    fetched = of("fetch_dataset", "fetch_model", "make_demo_model")
    pool = of("prepare_pool") + of("decontaminate") + of("segment_steps")
    drawn = (
        of("score_steps", "score_steps_second", *MEASURING)
        + of("select_subset")
        + of("select_control")
        + of("select_random")
    )
    # Behind the last answer come merging, collecting, tables, figures, findings and the rendering.
    return fetched + pool + drawn + of("train_sft") + of(*EVALUATION) + 6 * of("other jobs")
