"""TRL's trainer as this project runs it: its arguments, the model, and what happens at every step."""

import shutil
import signal
import time
from pathlib import Path
from typing import Any, NamedTuple

from scripts.common import progress
from scripts.common.cli import UserError
from scripts.common.config.training import Optimisation
from scripts.common.context import context_of
from scripts.common.memory import held_bytes
from scripts.common.network import load_network
from scripts.common.rendering import end_of_turn
from scripts.common.rotary import settle
from scripts.common.shape import load_config, shape_of
from scripts.train import attention, attention_trial, checkpoints, loss_trial, quantisation, trackers
from scripts.train.budget import steps_to_make
from scripts.train.hardware import EnergyMeter, needs_checkpointing, peak_memory_mib
from scripts.train.rows import Encoded, rows_in_batch, training_set
from scripts.train.saving import full_disk_is_said, keep_what_can_be_saved
from scripts.train.step_log import append_step, next_attempt


class Kernels(NamedTuple):
    """How the model is computed; None: chosen for the machine."""

    attention: str | None = None
    checkpointing: bool | None = None
    liger: bool | None = None


BY_MACHINE = Kernels()


def sft_arguments(settings: Optimisation, dtype: str, seed: int, folder: Path, processes: int, kernels: Kernels) -> Any:
    """Return TRL's configuration of a run on `processes` processes.

    Raises UserError when the effective batch cannot be dealt out to them.
    """
    import torch
    from trl import SFTConfig

    per_step = settings.per_device_batch * processes
    if settings.effective_batch % per_step:
        raise UserError(
            f"training.effective_batch {settings.effective_batch} is not a multiple of per_device_batch "
            f"{settings.per_device_batch} x {processes} processes"
        )
    gpu = torch.cuda.is_available()
    return SFTConfig(
        output_dir=str(folder),
        num_train_epochs=settings.epochs,
        max_length=settings.max_length,
        learning_rate=settings.learning_rate,
        lr_scheduler_type=settings.scheduler,
        warmup_steps=settings.warmup,
        weight_decay=settings.weight_decay,
        max_grad_norm=settings.max_grad_norm,
        per_device_train_batch_size=settings.per_device_batch,
        gradient_accumulation_steps=settings.effective_batch // per_step,
        packing=settings.packing,
        gradient_checkpointing=bool(kernels.checkpointing),
        use_liger_kernel=bool(kernels.liger),
        # The rows come tokenised, labelled and packed (rows.py).
        dataset_kwargs={"skip_prepare_dataset": True},
        save_strategy="steps",
        save_steps=settings.save_steps,
        save_total_limit=2,
        logging_steps=1,
        logging_nan_inf_filter=False,
        seed=seed,
        data_seed=seed,
        bf16=dtype == "bfloat16",
        fp16=dtype == "float16",
        use_cpu=not gpu,
        dataloader_pin_memory=gpu,
        report_to=[*(["tensorboard"] if settings.tensorboard else []), *trackers.asked()],
    )


def load_model(base: Path, settings: Optimisation, dtype: str, kernels: Kernels = BY_MACHINE) -> tuple[Any, Kernels]:
    """Return the model to train, and how it will be computed.

    Weights that are trained are float32; with 16-bit types the passes are mixed precision, so that small updates are
    not lost. Weights that adapters leave alone have the experiment's type, or 4 bits. Raises UserError when max_length
    is above the model's context, or packed rows would see each other.
    """
    import torch

    config = load_config(base)
    if settings.max_length > context_of(config):
        raise UserError(
            f"training.max_length {settings.max_length} is above the context of the model in '{base}', "
            f"{context_of(config)} tokens"
        )
    half = dtype != "float32"
    attention.register()
    kernels = kernels._replace(liger=_with_liger(kernels.liger))
    frozen = settings.lora is not None
    network = load_network(
        base,
        dtype=getattr(torch, dtype) if frozen else torch.float32,
        attn_implementation=kernels.attention,
        quantization_config=quantisation.configuration(settings, dtype),
    )
    settle(network, settings.max_length)
    keep_what_can_be_saved(network)
    network.config.use_cache = False  # packed rows leak into each other through the cache
    if kernels.attention is None:
        kernels = kernels._replace(attention=attention_trial.choose(network, settings.packing, half))
    if kernels.checkpointing is None:
        held = held_bytes(network.num_parameters(), shape_of(config), settings, half)
        tokens = settings.max_length * settings.per_device_batch
        chosen = settings.activation_checkpointing
        by_need = needs_checkpointing(config, held, tokens, half) if chosen == "auto" else chosen
        kernels = kernels._replace(checkpointing=by_need)
    return network, kernels


def _with_liger(wanted: bool | None) -> bool:
    import torch
    from transformers.utils import is_liger_kernel_available

    # Its kernels are Triton's: on a CPU they do not run.
    return torch.cuda.is_available() and is_liger_kernel_available() if wanted is None else wanted


def step_writer(path: Path, started: float, gpus: int, main: bool, row_slots: int | None) -> Any:
    """Return a callback that writes a line of the step log at every step, on the main process.

    `started` is when the process began (time.monotonic), `row_slots` the room for tokens in a packed batch; a padded
    one has as much as its longest row makes it.
    """
    from transformers import TrainerCallback

    class StepWriter(TrainerCallback):
        def __init__(self) -> None:
            self.attempt = next_attempt(path) if main else 0
            self.meter = EnergyMeter(gpus if main else 0)
            self.tokens = self.slots = 0
            self.all_tokens = 0  # of this attempt

        def count(self, inputs: Any) -> None:
            size = inputs["input_ids"].numel()
            self.tokens += int(inputs["attention_mask"].sum()) if "attention_mask" in inputs else size
            self.slots += row_slots or size

        def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            self.start = time.monotonic()
            self.setup = round(self.start - started, 3)
            self.steps_pace, self.tokens_pace = progress.Rate(), progress.Rate()
            self.steps_pace.restart(state.global_step)

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
            if not main or "loss" not in (logs or {}):
                return
            known = {key: logs.get(key) for key in ("loss", "learning_rate", "grad_norm", "entropy")}
            entry = {"attempt": self.attempt, "step": state.global_step, "epoch": state.epoch, **known}
            entry |= {"seconds": round(time.monotonic() - self.start, 3), "setup": self.setup}
            entry |= {"memory": peak_memory_mib(), "joules": self.meter.joules()}
            entry |= {"tokens": self.tokens, "slots": self.slots}
            self.all_tokens += self.tokens * args.world_size
            self.tokens = self.slots = 0
            self.tell(state)
            with full_disk_is_said(path.parent, f"the log of step {state.global_step}"):
                append_step(path, entry)

        def tell(self, state: Any) -> None:
            steps, left = self.steps_pace.look(state.global_step), state.max_steps - state.global_step
            progress.tell(
                progress.Told(
                    ids=progress.own_ids(),
                    doing="training",
                    done=state.global_step,
                    total=state.max_steps,
                    unit="step",
                    per_second=self.tokens_pace.look(self.all_tokens),
                    counted_in="token",
                    seconds_left=left / steps if steps else None,
                    alarm=None,
                    at=time.time(),
                )
            )

        def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            progress.tell_no_more()

    return StepWriter()


def stop_when_asked() -> Any:
    """Return a callback that ends training with a checkpoint after SIGTERM, which Slurm sends before it kills.

    All processes stop at the same step: each tells the others at every step whether it was asked to.
    """
    import torch
    from accelerate import PartialState
    from accelerate.utils import reduce
    from transformers import TrainerCallback

    class StopWhenAsked(TrainerCallback):
        asked = False
        processes = PartialState()

        def on_train_begin(self, args: Any, trainer: Any, control: Any, **kwargs: Any) -> None:
            self.before = signal.signal(signal.SIGTERM, lambda *_: setattr(self, "asked", True))

        def on_step_end(self, args: Any, trainer: Any, control: Any, **kwargs: Any) -> None:
            if self.processes.num_processes > 1:
                self.asked = bool(reduce(torch.tensor(float(self.asked), device=self.processes.device)).item())
            if self.asked and trainer.global_step < trainer.max_steps:
                control.should_save = control.should_training_stop = True

        def on_train_end(self, args: Any, trainer: Any, control: Any, **kwargs: Any) -> None:
            signal.signal(signal.SIGTERM, self.before)

    return StopWhenAsked()


def build_trainer(
    network: Any, tokenizer: Any, encoded: Encoded, arguments: Any, settings: Optimisation, writer: Any
) -> Any:
    """Return TRL's trainer of `network`, which also watches the loss and says when a checkpoint is whole.

    It makes as many steps as the budget has (`arguments.max_steps` is set). `writer` is the step_writer. Raises
    UserError from its training when the loss is no number or the disk is full.
    """
    import torch
    from trl import SFTTrainer

    class Trainer(SFTTrainer):
        def compute_loss(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
            loss = super().compute_loss(model, inputs, *args, **kwargs)
            if not torch.isfinite(loss):
                names = rows_in_batch(encoded, inputs)
                raise UserError(
                    f"the loss is {loss.item()} at step {self.state.global_step + 1}, in the batch of the rows "
                    f"{', '.join(names)}: lower training.learning_rate, or look at these rows"
                )
            writer.count(inputs)
            return loss

        def _save_checkpoint(self, model: Any, trial: Any) -> None:
            folder = Path(self.args.output_dir)
            checkpoint = folder / f"checkpoint-{self.state.global_step}"
            with full_disk_is_said(folder, f"the checkpoint of step {self.state.global_step}"):
                try:
                    super()._save_checkpoint(model, trial)
                    self.accelerator.wait_for_everyone()
                    if self.is_world_process_zero():
                        checkpoints.mark_whole(checkpoint)
                except BaseException:
                    shutil.rmtree(checkpoint, ignore_errors=True)
                    raise

        def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
            if settings.lora or self.is_fsdp_enabled:
                super()._load_from_checkpoint(resume_from_checkpoint, model)
                return
            # transformers' own passes over weights that files name otherwise than the network does, such as experts:
            # these would be the base model's again, and only a warning would say so.
            saved = load_network(resume_from_checkpoint, dtype=torch.float32)
            (self.model if model is None else model).load_state_dict(saved.state_dict())

    if tokenizer.pad_token is None:  # what fills a batch is seen by no row
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.convert_ids_to_tokens(end_of_turn(tokenizer))
    arguments.router_aux_loss_coef = loss_trial.router_loss(network.config)
    rows = training_set(encoded, settings)
    arguments.max_steps = steps_to_make(settings, encoded.account, len(rows) // settings.effective_batch)
    return Trainer(
        model=network,
        args=arguments,
        train_dataset=rows,
        processing_class=tokenizer,
        peft_config=_adapters(settings, network),
        callbacks=[writer, stop_when_asked()],
    )


def _adapters(settings: Optimisation, network: Any) -> Any:
    """Return PEFT's settings of adapters on every linear layer, None without them.

    Experts are one tensor each projection, (experts, out, in): of a few families PEFT knows it, of the others they are
    named to it. Raises UserError for dropout, which it has not for them.
    """
    if settings.lora is None:
        return None
    from peft import LoraConfig

    text = network.config.get_text_config(decoder=True)
    counts = {getattr(text, name, None) for name in ("num_experts", "num_local_experts", "n_routed_experts")} - {None}
    fused = {
        ".".join(name.split(".")[-2:])
        for name, weight in network.named_parameters()
        if weight.ndim == 3 and weight.shape[0] in counts
    }
    # Llama 4's and Phi-MoE's routers are linear layers that return more than their product.
    left = [name for name, module in network.named_modules() if "Router" in type(module).__name__]
    if any(hasattr(module, "A_log") and hasattr(module, "D") for module in network.modules()):
        left.append("out_proj")  # Mamba's kernels take this weight by itself, past any adapter
    if fused and settings.lora.dropout:
        raise UserError(
            f"training.lora.dropout {settings.lora.dropout:g}: adapters on the experts of this model "
            f"({network.config.model_type}) have none; leave it out"
        )
    return LoraConfig(
        r=settings.lora.rank,
        lora_alpha=settings.lora.alpha,
        lora_dropout=settings.lora.dropout,
        target_modules="all-linear",
        target_parameters=sorted(fused) or None,
        exclude_modules=left or None,
        task_type="CAUSAL_LM",
    )
