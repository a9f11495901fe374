"""Settings of what jobs may take: read by the rules' `resources:` and passed on by cluster profiles."""

from pydantic import Field

from scripts.common.config.base import Settings


class JobResources(Settings):
    """What one job of a rule asks for."""

    gpus: int = Field(default=0, ge=0)
    """GPUs (train_sft takes training.gpus)."""
    memory: int | None = Field(default=None, gt=0)
    """Main memory in MB; doubled at each retry (default: 4,000, and more where a model takes more, by an estimate)."""
    runtime: int = Field(default=60, gt=0)
    """Minutes; doubled at each retry, but for train_sft, which resumes from its checkpoint."""
    threads: int = Field(default=1, ge=1)
    """Processor cores."""
    partition: str | None = None
    """Cluster partition (default: the profile's)."""
    account: str | None = None
    """Account that the cluster bills (default: the profile's)."""
    qos: str | None = None
    """Quality of service, by which a site gives priorities and limits (default: the profile's)."""
    constraint: str | None = None
    """Features that the node must have, as sbatch takes them, such as h200 (default: the profile's)."""
    retries: int | None = Field(default=None, ge=0)
    """How often a job that failed is started again (default: the profile's)."""


class Resources(Settings):
    """Per rule; rules that are not listed ask for the `default`."""

    cost_per_gpu_hour: float | None = Field(default=None, ge=0)
    """Price of a GPU-hour, for the report's cost column."""
    max_memory: int | None = Field(default=None, gt=0)
    """The most memory that a retry asks for, in MB: what your largest node has (default: no limit)."""
    max_runtime: int | None = Field(default=None, gt=0)
    """The most minutes that a retry asks for: what your partition allows (default: no limit)."""
    default: JobResources = JobResources()
    """Every other rule."""
    fetch_dataset: JobResources = JobResources()
    """Reads the source."""
    prepare_pool: JobResources = JobResources()
    """Tokenises every row; also what else goes through all of them. It and segment_steps use all threads."""
    score_steps: JobResources = JobResources()
    """One shard of PIR."""
    sample_pool: JobResources = JobResources()
    """difficulty: one model's answers to a shard of the pool's questions."""
    score_responses: JobResources = JobResources()
    """ifd, perplexity, difficulty by nll: one shard of losses."""
    embed_questions: JobResources = JobResources()
    """diversity: one shard of embeddings."""
    train_sft: JobResources = JobResources()
    """One fine-tuning run."""
    evaluate_model: JobResources = JobResources()
    """One model on one shard of a benchmark."""
