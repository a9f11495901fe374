"""A made-up experiment with numbers that are easy to reckon with, and its jobs."""

from pathlib import Path
from typing import Any

from scripts.common.config.arms import Draw
from scripts.common.config.experiment import Experiment
from scripts.common.config.load import load_experiment
from scripts.manage.graph import Job
from scripts.manage.rates import Book, Rate, stated_rates
from scripts.manage.sizes import Sizes
from scripts.manage.work import Workload


def experiment(**changes: Any) -> Experiment:
    return load_experiment(
        {
            "name": "made-up",
            "title": "Made up",
            "dataset": {"source": "hub", "path": "owner/rows", "revision": "main", "limit": 10_000},
            "pool": {"score_rows": 1000},
            "model": {"name": "owner/Model-2B", "revision": "main"},
            "scorer": {"shards": 4},
            "subsets": {
                "few": {"method": "random", "size": 500},
                "limopro": {"method": "limopro", "band": [0.5, 0.75]},
            },
            "controls": ["rows"],
            "training": {"seeds": [1, 2], "epochs": 4, "gpus": 2, "accelerate": "ddp"},
            "evaluation": {
                "benchmarks": {
                    "aime24": {"task": "aime24", "samples": 8},
                    "gsm8k": {"task": "gsm8k", "shards": 3},
                    "letters": {"task": "gpqa:diamond", "kind": "loglikelihood"},
                }
            },
            "resources": {"score_steps": {"gpus": 1}, "evaluate_model": {"gpus": 1}, "cost_per_gpu_hour": 2.5},
            **changes,
        }
    )


ROUND = {
    "peak": 1e15,
    "train_utilisation": 0.5,
    "score_utilisation": 0.25,
    "tokens_per_row": 1000,
    "tokens_per_step": 50,
    "functional_share": 0.2,
    "tokens_per_second": 6000,
    "sequence_speed": 1e9,
    "answer_tokens": 900,
    "base_answer_tokens": 300,
    "gpu_start": 100,
    "small_job": 5,
    "prepare_rate": 1000,
}


def workload(experiment: Experiment, results: Path, parameters: float | None = None, **rates: float) -> Workload:
    book = Book({name: Rate(name, {**ROUND, **rates}.get(name, rate.value), "", "")
                 for name, rate in stated_rates("H200").items()})  # fmt: skip
    return Workload(experiment, Sizes(experiment, results, book, parameters=parameters), book)


def _drawing(draw: Draw) -> str:
    return "select_subset" if draw.control is None else "select_random" if draw.control.size else "select_control"


def all_jobs(experiment: Experiment, left: bool = True) -> list[Job]:
    """The graph's jobs by what the rules say, without those of the report."""
    jobs = [Job(rule, "", left) for rule in ("fetch_dataset", "prepare_pool", "decontaminate", "segment_steps")]
    jobs += [Job("score_steps", str(shard), left) for shard in range(experiment.scorer.shards)]
    for draw in experiment.draws():
        jobs.append(Job(_drawing(draw), draw.name, left))
    jobs += [Job("train_sft", run.name, left) for run in experiment.runs()]
    for model in experiment.evaluated_models():
        for name, benchmark in experiment.evaluation.benchmarks.items():
            if benchmark.shards > 1:
                jobs += [Job("evaluate_shard", f"{model}/{name}/{n}", left) for n in range(benchmark.shards)]
                jobs.append(Job("merge_shards", f"{model}/{name}", left))
            else:
                jobs.append(Job("evaluate_model", f"{model}/{name}", left))
    return [*jobs, Job("write_findings", "", left)]
