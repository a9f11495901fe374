"""What each job has to do, and how long that takes at stated rates."""

from typing import NamedTuple

from scripts.common.config.endpoint import Endpoint, Usage
from scripts.common.config.experiment import Experiment
from scripts.common.config.measures import Measure
from scripts.common.config.model import SECOND_SCORER
from scripts.common.config.resources import JobResources
from scripts.common.layout import resources_of
from scripts.evaluate.kinds import KINDS
from scripts.manage import arithmetic, measuring
from scripts.manage.graph import Job
from scripts.manage.rates import Book
from scripts.manage.sizes import BYTES, Amount, Sizes

# What models measure of the pool's rows, each in scripts/manage/measuring.py.
MEASURING = ("sample_pool", "score_responses", "embed_questions", "judge_quality")
# Rules whose jobs grow with the experiment, in the graph's order.
SIZED = (
    "fetch_dataset",
    "fetch_model",
    "make_demo_model",
    "prepare_pool",
    "decontaminate",
    "segment_steps",
    "score_steps",
    "score_steps_second",
    *MEASURING,
    "select_subset",
    "select_control",
    "select_random",
    "train_sft",
    "evaluate_model",
    "evaluate_shard",
)
# Rules that score steps, and the model that does it.
SCORING = {"score_steps": "scorer", "score_steps_second": SECOND_SCORER}
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
        self._trained = {*self._runs, *(kept.name for kept in experiment.kept_models())}
        self._measures = experiment.measures()
        self._draws = {draw.name: draw for draw in experiment.draws()}

    def gpus(self, rule: str) -> int:
        """Return the GPUs of a job of `rule`."""
        if rule == "train_sft":
            return self.experiment.training.gpus
        if rule in EVALUATION:
            return self.experiment.evaluation.gpus(self._resources(rule).gpus)
        if rule == "sample_pool":
            return self.experiment.evaluation.gpus(self._resources(rule).gpus)
        if rule in SCORING:
            return self.experiment.scorer.gpus_of_job(self._resources(rule).gpus)
        if rule in ("score_responses", "embed_questions"):
            return self._resources(rule).gpus
        return 0

    def minutes(self, rule: str) -> int:
        """Return the time limit that the experiment file gives the jobs of `rule`."""
        return self._resources(rule).runtime

    def _resources(self, rule: str) -> JobResources:
        settings: JobResources = getattr(self.experiment.resources, resources_of(rule))
        return settings

    def group(self, job: Job) -> str:
        """Return the name of the jobs that take as long as this one: an arm's runs, a benchmark's answers, ..."""
        if job.rule == "train_sft":
            return f"{job.rule} {self._runs[job.key].arm}"
        if job.rule in EVALUATION:
            model, benchmark = job.key.split("/")[:2]
            return f"{job.rule} {benchmark} {'fine-tuned' if model in self._trained else model}"
        if job.rule == "select_subset":
            return f"{job.rule} {job.key}"
        if job.rule in MEASURING:
            return f"{job.rule} {job.key.split('/')[0]}"
        return job.rule

    def subset(self, job: Job) -> Amount:
        """Return what a run trains on, or a selection writes."""
        return self.sizes.drawn(self._draws[self._runs[job.key].draw if job.rule == "train_sft" else job.key])

    def tokens(self, job: Job) -> Tokens:
        """Return the tokens that a job trains on and generates."""
        if job.rule == "train_sft":
            return Tokens(trained=self._trained_tokens(job))
        if job.rule in EVALUATION:
            model, benchmark = job.key.split("/")[:2]
            settings = self.experiment.evaluation.benchmarks[benchmark]
            if not KINDS[settings.kind].generates:
                return Tokens()
            return Tokens(generated=self._answers(job) * self.answer_tokens(model))
        if job.rule == "sample_pool":
            return Tokens(generated=measuring.sampled_tokens(self, self.measure(job)))
        return Tokens()

    def _trained_tokens(self, job: Job) -> float:
        """Return the tokens that a run reads: its budget."""
        subset = self.subset(job)
        training = self.experiment.training_of(self._draws[self._runs[job.key].draw].subset)
        if training.budget == "tokens" and training.tokens:
            return training.tokens
        if training.budget == "steps" and training.steps:
            return subset.tokens / max(1, subset.rows) * training.effective_batch * training.steps
        return subset.tokens * training.epochs

    def measure(self, job: Job) -> Measure:
        """Return what a job of `MEASURING` measures."""
        return self._measures[job.key.split("/")[0]]

    def endpoint(self, job: Job) -> Endpoint | None:
        """Return the endpoint that a job asks, None where it asks none."""
        if job.rule == "segment_steps":
            model = self.experiment.segmenting_model()
            return model.endpoint if model else None
        if job.rule == "judge_quality":
            return measuring.judge_of(self.measure(job)).endpoint
        return self.experiment.evaluation.asks() if job.rule in (*EVALUATION, "sample_pool") else None

    def usage(self, job: Job) -> Usage:
        """Return what a job asks of an endpoint, nothing where it asks none."""
        model = self.experiment.segmenting_model()
        if self.endpoint(job) is None:
            return Usage()
        if job.rule in MEASURING:
            return measuring.usage(self, self.measure(job))
        if job.rule == "segment_steps" and model:
            return arithmetic.asking_usage(*self.sizes.scored, model.window, self.book)
        answers, generated = self._answers(job), self.tokens(job).generated
        return Usage(round(answers), round(answers * self.book["question_tokens"]), round(generated))

    def _answers(self, job: Job) -> float:
        benchmark = job.key.split("/")[1]
        settings = self.experiment.evaluation.benchmarks[benchmark]
        each = settings.samples if KINDS[settings.kind].generates else LETTERS
        return self.sizes.questions(benchmark) * each / settings.shards

    def answer_tokens(self, model: str) -> float:
        """Return the mean tokens of a model's answer: a demo's are as long as its chains."""
        trained = model in self._trained
        longest = self.experiment.evaluation.generation.max_new_tokens
        demo = self.experiment.is_demo_data()
        name = "demo_tokens_per_row" if demo else "answer_tokens" if trained else "base_answer_tokens"
        return min(longest, self.book[name])

    def seconds(self, job: Job) -> float:
        """Return how long a job takes at stated rates."""
        rule, book, sizes = job.rule, self.book, self.sizes
        if endpoint := self.endpoint(job):
            return arithmetic.endpoint_seconds(self.usage(job), endpoint, book)
        if rule == "prepare_pool":
            return book["small_job"] + arithmetic.pool_seconds(sizes.raw.tokens, book)
        if rule == "decontaminate":
            return book["small_job"] + arithmetic.decontaminate_seconds(sizes.raw.tokens, book)
        if rule == "segment_steps":
            return book["small_job"] + arithmetic.segment_seconds(sizes.scored.tokens, book)
        if rule in ("select_subset", "select_control", "select_random"):
            # Its rows are tokenised as in prepare_pool.
            return book["small_job"] + arithmetic.pool_seconds(self.subset(job).tokens, book)
        if rule in SCORING:
            computed = arithmetic.scoring_tokens(*sizes.scored, book) / self.experiment.scorer.shards
            # Over several GPUs the layers work one after the other.
            gpus = min(1, self.gpus(rule))
            return arithmetic.scoring_seconds(computed, sizes.parameters(SCORING[rule]), gpus, book)
        if rule in MEASURING:
            return measuring.seconds(self, self.measure(job), self.gpus(rule))
        if rule == "train_sft":
            trained, parameters = self.tokens(job).trained, sizes.parameters("base")
            return arithmetic.training_seconds(trained, parameters, self.gpus(rule), book)
        if rule in EVALUATION:
            return self._answering(job)
        if rule in ("fetch_dataset", "fetch_source"):
            tokens = sizes.raw.tokens / len(self.experiment.sources())
            return book["small_job"] + tokens * book["bytes_per_token"] / book["download"]
        if rule == "fetch_model":
            return book["small_job"] + 2 * sizes.parameters(job.key) / book["download"]
        return book["demo_model" if rule == "make_demo_model" else "small_job"]

    def _answering(self, job: Job) -> float:
        model, benchmark = job.key.split("/")[:2]
        settings, parameters = self.experiment.evaluation.benchmarks[benchmark], self.sizes.parameters(model)
        if not KINDS[settings.kind].generates:
            read = self.sizes.questions(benchmark) * LETTERS * self.book["question_tokens"] / settings.shards
            return arithmetic.scoring_seconds(read, parameters, self.gpus(job.rule), self.book)
        longest = self.experiment.evaluation.generation.max_new_tokens
        generated = self.tokens(job).generated
        return arithmetic.answering_seconds(generated, longest, parameters, self.gpus(job.rule), self.book)

    def model_bytes(self) -> float:
        """Return the bytes of one saved model."""
        return self.sizes.parameters("base") * BYTES[self.experiment.model.dtype]
