"""Settings of the train stage."""

from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import Field, ValidationError, ValidationInfo, create_model, field_validator

from scripts.common.config.base import Settings


class Lora(Settings):
    """Low-rank adapters on every linear layer; they are merged into the saved model."""

    rank: int = Field(default=16, gt=0)
    """Rank of the adapters."""
    alpha: int = Field(default=32, gt=0)
    """Scale of the adapters: alpha / rank."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout on the adapters' inputs."""
    quantised: bool | None = None
    """QLoRA (2305.14314): in training the model's own weights have 4 bits (nf4, with bitsandbytes, on a GPU). The
    adapters are merged into the weights as they were before. Default: false."""


class Optimisation(Settings):
    """How one run is trained: the same for every seed, and for every subset that says nothing else."""

    epochs: float = Field(default=3.0, gt=0)
    """Passes over the subset, with budget epochs."""
    steps: int | None = Field(default=None, gt=0)
    """Optimiser steps of a run, with budget steps."""
    tokens: int | None = Field(default=None, gt=0)
    """Tokens that a run reads, over all its passes, with budget tokens: to the nearest step. Padding is none."""
    budget: Literal["epochs", "steps", "tokens"] = "epochs"
    """What all arms of the experiment have equally much of. Equal epochs are neither equal steps nor equal tokens where
    subsets differ in rows or lengths; with steps or tokens a small subset is gone through more often."""

    @field_validator("budget")
    @classmethod
    def _budget_has_an_amount(cls, budget: str, info: ValidationInfo) -> str:
        for amount in ("steps", "tokens"):
            given = info.data.get(amount) is not None
            if given and budget != amount:
                raise ValueError(f"training.{amount} is read with budget: {amount} only, and the budget is {budget}")
            if budget == amount and not given and amount in info.data:
                raise ValueError(f"with budget: {amount} say how many: set training.{amount}")
        return budget

    max_length: int = Field(default=16_384, gt=1)
    """Longest conversation in tokens, within the model's context."""
    too_long: Literal["stop", "truncate"] = "stop"
    """What to do about a longer one: stop before the run starts, or cut its end off (counted in summary.json)."""
    learning_rate: float = Field(default=1e-5, gt=0, lt=1)
    """Peak learning rate (AdamW)."""
    scheduler: Literal["cosine", "linear", "constant", "constant_with_warmup"] = "cosine"
    """Learning-rate schedule."""
    warmup: float = Field(default=0.0, ge=0, lt=1)
    """Share of the steps in which the learning rate rises."""
    weight_decay: float = Field(default=0.0, ge=0)
    """AdamW's weight decay."""
    max_grad_norm: float = Field(default=1.0, gt=0)
    """Gradient clipping."""
    effective_batch: int = Field(default=16, gt=0)
    """Conversations (with packing: packed rows) per optimiser step, over all GPUs and accumulation steps."""
    per_device_batch: int = Field(default=1, gt=0)
    """Conversations (with packing: packed rows) per GPU and forward pass."""
    packing: bool = False
    """Whether short conversations share a row of max_length tokens (best-fit, none is cut, none sees another)."""
    activation_checkpointing: Literal["auto"] | bool = "auto"
    """Whether activations are computed again in the backward pass: a fifth slower, far less memory. auto: where they
    would not fit, by an estimate."""
    lora: Lora | None = None
    """Train low-rank adapters instead of all weights (default: all weights)."""
    loss_on: Literal["assistant", "completion", "all"] = "assistant"
    """Which tokens are trained on: every assistant turn, the last one only, or everything."""
    save_steps: int = Field(default=1000, gt=0)
    """Optimiser steps between checkpoints (kept under work/, the newest two)."""
    tensorboard: bool = False
    """Whether to write TensorBoard files: `tensorboard --logdir work/<name>/train` shows the runs side by side."""


NOT_OF_SUBSETS = ("epochs", "steps", "tokens", "budget", "save_steps", "tensorboard")
"""Settings that are equal for all arms: the budget, and what is no part of the method."""

if TYPE_CHECKING:
    SubsetTraining: TypeAlias = Settings
else:
    SubsetTraining = create_model(
        "SubsetTraining",
        __base__=Settings,
        __doc__="Settings of training that one subset has otherwise than the experiment; its controls follow.",
        **{
            name: (field.rebuild_annotation() | None, Field(default=None, description=field.description))
            for name, field in Optimisation.model_fields.items()
            if name not in NOT_OF_SUBSETS
        },
    )


class Training(Optimisation):
    """Fine-tuning: one run per subset and seed."""

    seeds: Annotated[list[int], Field(min_length=1)] = [1]
    """Training seeds. Three or more let the comparison speak of the method and not only of these runs."""
    accelerate: str = "single"
    """Name of the file under profiles/accelerate/ that says how processes share the model."""
    gpus: int = Field(default=0, ge=0)
    """GPUs per run, over all nodes (0: the CPU)."""
    report_to: list[Literal["wandb", "trackio", "mlflow"]] = []
    """Services that follow the training; keys come from the environment (WANDB_API_KEY, MLFLOW_TRACKING_URI), the
    packages from you. No reason to train again."""

    @field_validator("gpus")
    @classmethod
    def _quantised_weights_need_a_gpu(cls, gpus: int, info: ValidationInfo) -> int:
        lora = info.data.get("lora")
        if lora and lora.quantised and not gpus:
            raise ValueError("lora.quantised trains on a GPU only: set training.gpus, or leave out quantised")
        return gpus

    nodes: int = Field(default=1, ge=1)
    """Machines per run. More than one needs Slurm, and an `accelerate` file for several processes."""

    @field_validator("seeds")
    @classmethod
    def _seeds_differ(cls, seeds: list[int]) -> list[int]:
        if len(set(seeds)) != len(seeds) or not all(0 <= seed < 2**32 for seed in seeds):
            raise ValueError(f"the seeds {seeds} must be different numbers from 0 to {2**32 - 1}")
        return seeds

    @field_validator("nodes")
    @classmethod
    def _processes_fit(cls, nodes: int, info: ValidationInfo) -> int:
        gpus = info.data.get("gpus", 0)
        if max(nodes, gpus) > 1 and info.data.get("accelerate") == "single":
            raise ValueError(
                f"{gpus} GPUs on {nodes} nodes are several processes: set training.accelerate to ddp, fsdp2 or zero2"
            )
        if gpus % nodes:
            raise ValueError(f"{gpus} GPUs cannot be dealt out evenly to {nodes} nodes")
        return nodes

    @field_validator("per_device_batch")
    @classmethod
    def _batch_divides(cls, per_device: int, info: ValidationInfo) -> int:
        effective = info.data.get("effective_batch")
        if effective is not None and effective % per_device:
            raise ValueError(f"effective_batch {effective} is not a multiple of per_device_batch {per_device}")
        return per_device

    def of_subset(self, own: Settings | None) -> "Training":
        """Return the settings of a subset that has some otherwise. Raises ValueError where they do not fit together."""
        if own is None:
            return self
        changed: dict[str, Any] = self.model_dump() | own.model_dump(exclude_none=True)
        try:
            return Training(**changed)
        except ValidationError as error:
            raise ValueError(error.errors()[0]["msg"].removeprefix("Value error, ")) from error
