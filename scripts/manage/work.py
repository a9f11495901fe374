"""What each job has to do, and how long that takes at stated rates."""

from typing import NamedTuple

from scripts.common.config.experiment import Experiment
from scripts.manage import arithmetic
from scripts.manage.graph import Job
from scripts.manage.rates import Book
from scripts.manage.sizes import BYTES, Amount, Sizes

# Rules whose jobs grow with the experiment, in the graph's order, and the name of their settings under `resources`.
SIZED = {
    "fetch_dataset": "fetch_dataset",
    "fetch_model": "fetch_dataset",
    "make_demo_model": "default",
    "prepare_pool": "prepare_pool",
    "decontaminate": "prepare_pool",
    "segment_steps": "prepare_pool",
    "score_steps": "score_steps",
    "select_subset": "default",
    "select_control": "default",
    "train_sft": "train_sft",
    "evaluate_model": "evaluate_model",
    "evaluate_shard": "evaluate_model",
}
EVALUATION = ("evaluate_model", "evaluate_shard")
LETTERS = 4  # choices of a question that is answered by likelihood


class Tokens(NamedTuple):
    """Tokens that a job trains on (epochs counted) and generates."""

    trained: float = 0.0
    generated: float = 0.0


class Workload:
    """The jobs of `experiment` in numbers."""

    def __init__(self, experiment: Experiment, sizes: Sizes, book: Book) -> None:
        self.experiment, self.sizes, self.book = experiment, sizes, book
        self._runs = {run.name: run for run in experiment.runs()}
        self._draws = {draw.name: draw for draw in experiment.draws()}

    def gpus(self, rule: str) -> int:
        """Return the GPUs of a job of `rule`."""
        if rule == "train_sft":
            return self.experiment.training.gpus
        if rule in ("score_steps", *EVALUATION):
            return int(getattr(self.experiment.resources, SIZED[rule]).gpus)
        return 0

    def minutes(self, rule: str) -> int:
        """Return the time limit that the experiment file gives the jobs of `rule`."""
        return int(getattr(self.experiment.resources, SIZED.get(rule, "default")).runtime)

    def group(self, job: Job) -> str:
        """Return the name of the jobs that take as long as this one: an arm's runs, a benchmark's answers, ..."""
        if job.rule == "train_sft":
            return f"{job.rule} {self._runs[job.key].arm}"
        if job.rule in EVALUATION:
            model, benchmark = job.key.split("/")[:2]
            return f"{job.rule} {benchmark} {'fine-tuned' if model in self._runs else model}"
        if job.rule == "select_subset":
            return f"{job.rule} {job.key}"
        return job.rule

    def subset(self, job: Job) -> Amount:
        """Return what a run trains on, or a selection writes."""
        return self.sizes.drawn(self._draws[self._runs[job.key].draw if job.rule == "train_sft" else job.key])

    def tokens(self, job: Job) -> Tokens:
        """Return the tokens that a job trains on and generates."""
        if job.rule == "train_sft":
            return Tokens(trained=self.subset(job).tokens * self.experiment.training.epochs)
        if job.rule in EVALUATION:
            model, benchmark = job.key.split("/")[:2]
            settings = self.experiment.evaluation.benchmarks[benchmark]
            if settings.kind == "loglikelihood":
                return Tokens()
            answers = self.sizes.questions(benchmark) * settings.samples / settings.shards
            return Tokens(generated=answers * self.answer_tokens(model))
        return Tokens()

    def answer_tokens(self, model: str) -> float:
        """Return the mean tokens of a model's answer: a demo's are as long as its chains."""
        trained = model in self._runs
        longest = self.experiment.evaluation.generation.max_new_tokens
        demo = self.experiment.dataset is not None and self.experiment.dataset.source == "demo"
        name = "demo_tokens_per_row" if demo else "answer_tokens" if trained else "base_answer_tokens"
        return min(longest, self.book[name])

    def seconds(self, job: Job) -> float:
        """Return how long a job takes at stated rates."""
        rule, book, sizes = job.rule, self.book, self.sizes
        if rule == "prepare_pool":
            return book["small_job"] + arithmetic.pool_seconds(sizes.raw.tokens, book)
        if rule == "decontaminate":
            return book["small_job"] + arithmetic.decontaminate_seconds(sizes.raw.tokens, book)
        if rule == "segment_steps":
            return book["small_job"] + arithmetic.segment_seconds(sizes.scored.tokens, book)
        if rule in ("select_subset", "select_control"):
            # Its rows are tokenised as in prepare_pool.
            return book["small_job"] + arithmetic.pool_seconds(self.subset(job).tokens, book)
        if rule == "score_steps":
            computed = arithmetic.scoring_tokens(*sizes.scored, book) / self.experiment.scorer.shards
            return arithmetic.scoring_seconds(computed, sizes.parameters("scorer"), self.gpus(rule), book)
        if rule == "train_sft":
            trained, parameters = self.tokens(job).trained, sizes.parameters("base")
            return arithmetic.training_seconds(trained, parameters, self.gpus(rule), book)
        if rule in EVALUATION:
            return self._answering(job)
        if rule == "fetch_dataset":
            return book["small_job"] + sizes.raw.tokens * book["bytes_per_token"] / book["download"]
        if rule == "fetch_model":
            return book["small_job"] + 2 * sizes.parameters(job.key) / book["download"]
        return book["demo_model" if rule == "make_demo_model" else "small_job"]

    def _answering(self, job: Job) -> float:
        model, benchmark = job.key.split("/")[:2]
        settings, parameters = self.experiment.evaluation.benchmarks[benchmark], self.sizes.parameters(model)
        if settings.kind == "loglikelihood":
            read = self.sizes.questions(benchmark) * LETTERS * self.book["question_tokens"] / settings.shards
            return arithmetic.scoring_seconds(read, parameters, self.gpus(job.rule), self.book)
        longest = self.experiment.evaluation.generation.max_new_tokens
        generated = self.tokens(job).generated
        return arithmetic.answering_seconds(generated, longest, parameters, self.gpus(job.rule), self.book)

    def model_bytes(self) -> float:
        """Return the bytes of one saved model."""
        return self.sizes.parameters("base") * BYTES[self.experiment.model.dtype]
