"""Where everything lies and what it is called: the one table of paths, of logs, and of the resources that jobs ask for.

Rules, plan, status, resume, verify and report read it. Paths are relative to the working folder; names in braces are
Snakemake's wildcards.
"""

import re
from typing import NamedTuple

IN_IMAGE = "/opt/sft-report"
"""Where containers/apptainer.def puts the environments."""

# Files and folders under results/{name}/.
FILES = {
    "raw": "data/raw.parquet",
    "raw_source": "data/sources/{source}.parquet",
    "pool": "data/pool.parquet",
    "rejected": "data/rejected.parquet",
    "clean": "data/clean.parquet",
    "contaminated": "data/contaminated.parquet",
    "late": "data/late/{benchmark}.parquet",
    "questions": "data/benchmarks/{benchmark}/test.jsonl",
    "fetched_model": "data/models/{model}",
    "steps": "select/steps.parquet",
    "shard_scores": "select/shards/scores.{shard}.parquet",
    "shard_samples": "select/shards/samples.{shard}.parquet",
    "second_scores": "select/second/scores.{shard}.parquet",
    "second_samples": "select/second/samples.{shard}.parquet",
    "scores": "select/scores.parquet",
    "samples": "select/samples.parquet",
    "pool_questions": "select/questions/{asked}.jsonl",
    "pool_result": "select/pool_answers/{asked}/{shard}.json",
    "pool_answers": "select/pool_answers/{asked}/{shard}.parquet",
    "pass_rates": "select/pass_rates/{asked}.parquet",
    "shard_losses": "select/losses/{asked}/{shard}.parquet",
    "losses": "select/losses/{asked}.parquet",
    "shard_embeddings": "select/embeddings/{asked}/{shard}.parquet",
    "embeddings": "select/embeddings/{asked}.parquet",
    "quality": "select/quality/{asked}.parquet",
    "subset": "select/subsets/{draw}.parquet",
    "candidates": "select/candidates/{draw}.parquet",
    "export": "select/exports/{draw}",
    "published_subset": "select/published/{draw}.json",
    "demo_base": "train/demo-base",
    "check": "train/checks/{model}.json",
    "run_model": "train/{run}/model",
    "kept_model": "train/{run}/at-{percent}",
    "run_log": "train/{run}/log.csv",
    "run_summary": "train/{run}/summary.json",
    "published_model": "train/{run}/published.json",
    "result": "evaluate/{model}/{benchmark}.json",
    "answers": "evaluate/{model}/{benchmark}.parquet",
    "shard_result": "evaluate/{model}/{benchmark}/{shard}.json",
    "shard_answers": "evaluate/{model}/{benchmark}/{shard}.parquet",
    "inspect_logs": "evaluate/inspect/{model}",
    "lighteval_details": "evaluate/lighteval/details/{model}",
    "lighteval_results": "evaluate/lighteval/results/{model}",
    "all_answers": "compare/answers.parquet",
    "experiment": "report/experiment.json",
    "examples": "report/examples.json",
    "chains": "report/chains.json",
    "findings": "report/findings.md",
    "gain": "report/gain.csv",
    "figure": "report/figures/{figure}.svg",
    "results": "report/results.json",
    "leaderboard": "report/leaderboard.md",
    "report": "report/report.{format}",
    "browse": "browse/index.html",
}

# The entry under `resources` that a rule's jobs ask by, where it is not `default`.
RESOURCES = {
    "fetch_dataset": "fetch_dataset",
    "fetch_source": "fetch_dataset",
    "mix_sources": "fetch_dataset",
    "fetch_model": "fetch_dataset",
    "fetch_benchmark": "fetch_dataset",
    "prepare_pool": "prepare_pool",
    "decontaminate": "prepare_pool",
    "check_late_benchmark": "prepare_pool",
    "segment_steps": "prepare_pool",
    "select_subset": "prepare_pool",
    "select_control": "prepare_pool",
    "select_random": "prepare_pool",
    "measure_pir": "prepare_pool",
    "measure_pruning": "prepare_pool",
    "pick_chains": "prepare_pool",
    "score_steps": "score_steps",
    "score_steps_second": "score_steps",
    "measure_scorers": "prepare_pool",
    "ask_pool": "prepare_pool",
    "sample_pool": "sample_pool",
    "gather_pass_rates": "prepare_pool",
    "score_responses": "score_responses",
    "gather_losses": "prepare_pool",
    "embed_questions": "embed_questions",
    "gather_embeddings": "prepare_pool",
    "train_sft": "train_sft",
    "evaluate_model": "evaluate_model",
    "evaluate_shard": "evaluate_model",
}


def resources_of(rule: str) -> str:
    """Return the entry under `resources` that the jobs of `rule` ask by."""
    return RESOURCES.get(rule, "default")


class Layout(NamedTuple):
    """The paths of one experiment."""

    name: str
    """The experiment's name."""

    @property
    def results(self) -> str:
        """The folder of all that the graph makes."""
        return f"results/{self.name}"

    @property
    def work(self) -> str:
        """The folder of what may be deleted: checkpoints in flight, scores so far."""
        return f"work/{self.name}"

    @property
    def progress(self) -> str:
        """The folder in which running jobs tell how far they are."""
        return f"{self.work}/progress"

    @property
    def logs(self) -> str:
        """The folder of logs and of times by job."""
        return f"logs/{self.name}"

    def path(self, file: str, **names: object) -> str:
        """Return the path of one of FILES, its wildcards filled with those of `names` that are given.

        Raises KeyError for a file that is not there, or a name that its path does not hold.
        """
        path = f"{self.results}/{FILES[file]}"
        for name, value in names.items():
            if f"{{{name}}}" not in path:
                raise KeyError(f"the path of '{file}' holds no {{{name}}}")
            path = path.replace(f"{{{name}}}", str(value))
        return path

    def table(self, name: str) -> str:
        """Return the path of a table of the comparison."""
        return f"{self.results}/compare/{name}.csv"

    def log(self, stage: str, rule: str, *wildcards: str) -> str:
        """Return the log of a rule's jobs, named after the rule and its wildcards, such as {run}."""
        return f"{self.logs}/{stage}/{job_name(rule, *wildcards)}.log"

    def benchmark(self, stage: str, rule: str, *wildcards: str) -> str:
        """Return the file of the times that a rule's jobs took, as Snakemake writes it."""
        return f"{self.logs}/{stage}/{benchmark_file(rule, *wildcards)}"


def job_name(rule: str, *parts: str) -> str:
    """Return the name of a job in the names of its log and of its time file."""
    return ".".join([rule, *(part.replace("/", ".") for part in parts if part)])


def benchmark_file(rule: str, *parts: str) -> str:
    """Return the name of the file of a job's times."""
    return f"{job_name(rule, *parts)}.benchmark.tsv"


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile("([^/]+)".join(map(re.escape, re.split(r"\{\w+\}", path))))


_PATTERNS = [_pattern(path) for path in FILES.values()]


def key_of(path: str) -> str:
    """Return what tells the job that makes `path` from its rule's others: its wildcards, joined by '/'; '' for none."""
    inside = path.split("/", 2)[-1]
    matches = (match for pattern in _PATTERNS if (match := pattern.fullmatch(inside)))
    return "/".join(match.groups()) if (match := next(matches, None)) else ""
