"""Fine-tune the model on one subset with one seed (TRL's SFTTrainer, started by `accelerate launch`).

Makes the model's folder with its card, log.csv (a row per optimiser step) and summary.json (the account of tokens,
speed, GPU-hours). Killed at any moment, the next attempt resumes from the newest whole checkpoint under --work, which
belongs to one combination of data, model, settings, seed, code and processes.
"""

import ctypes
import json
import os
import shutil
import signal
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from scripts.common import chat, cli
from scripts.common.atomic import replacing
from scripts.common.cli import TryAgain, UserError
from scripts.common.config.training import Optimisation
from scripts.common.content import sha256_of
from scripts.common.digest import code_digest
from scripts.common.program import Program
from scripts.train import checkpoints, model_card, on_the_way, trackers
from scripts.train.budget import steps_at
from scripts.train.hardware import gpu_name, peak_flops
from scripts.train.rows import Account, encode
from scripts.train.saving import full_disk_is_said, save_model
from scripts.train.step_log import COLUMNS, read_steps, useful_steps
from scripts.train.throughput import Shape, figures, model_shape
from scripts.train.trainer import build_trainer, load_model, sft_arguments, step_writer

STEP_LOG = "steps.jsonl"
PACKAGES = ["torch", "transformers", "trl", "accelerate", "peft"]


def identity(arguments: Any, settings: Optimisation, processes: int) -> dict[str, Any]:
    """Return all that a run depends on: a checkpoint of another identity is not resumed from."""
    template = arguments.chat_template
    return {
        "subset": sha256_of(arguments.subset),
        "base": sha256_of(arguments.base),
        "chat_template": sha256_of(template) if template else None,
        "chat": arguments.chat.model_dump(mode="json"),
        "dtype": arguments.dtype,
        "settings": settings.model_dump(mode="json"),
        "seed": arguments.seed,
        "processes": processes,
        "code": code_digest("scripts/train/train_sft.py", PACKAGES),
    }


def summarise(
    arguments: Any, settings: Optimisation, account: Account, trainer: Any, shape: Shape, processes: int
) -> dict[str, Any]:
    """Return summary.json."""
    gpu = gpu_name()
    steps = read_steps(arguments.work / "checkpoints" / STEP_LOG)
    kept = useful_steps(steps)
    gpus, peak = processes if gpu else 0, peak_flops(gpu, arguments.dtype)
    passes = settings.epochs if settings.budget == "epochs" else round(trainer.state.epoch, 4)
    shares = steps_at([*arguments.percents, 100], trainer.state.global_step)
    return {
        "run": arguments.run,
        "arm": arguments.arm,
        "seed": arguments.seed,
        "rows": account.rows,
        "tokens": account.tokens,
        "trained_tokens": account.trained,
        "masked_tokens": account.masked,
        "truncated_tokens": account.truncated,
        "packing_efficiency": round(float(kept["tokens"].sum() / kept["slots"].sum()), 4),
        "steps": trainer.state.global_step,
        "epochs": passes,
        "tokens_read": on_the_way.tokens_read(kept, trainer.state.global_step, processes),
        "shares": [
            {"percent": percent, "step": step, "tokens_read": on_the_way.tokens_read(kept, step, processes)}
            for percent, step in shares.items()
        ],
        **figures(steps, account, trainer.state.epoch, shape, gpus, peak),
        "gpu": gpu,
        "parameters": shape.trained + shape.frozen,
        "trained_parameters": shape.trained,
    }


def end_with_launcher() -> None:
    """Have SIGTERM sent to this process when its launcher dies: it saves and ends instead of training on alone."""
    if sys.platform == "linux" and "ACCELERATE_MIXED_PRECISION" in os.environ:  # the launcher sets it
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def train(program: Program, arguments: Any, settings: Optimisation, started: float) -> None:
    """Train on this process, one of those that `accelerate launch` started, and write what the rule promises."""
    with cli.heavy_imports():
        import torch
        import trl  # noqa: F401 (takes ten seconds, most of it here)
        from accelerate import PartialState

    if settings.lora and os.environ.get("ACCELERATE_USE_FSDP") == "true":
        raise UserError("adapters cannot be merged from sharded weights: set training.accelerate to ddp or zero2")
    state = PartialState(cpu=not torch.cuda.is_available())
    main, folder = state.is_main_process, arguments.work / "checkpoints"
    facts = {"seed": arguments.seed, "settings": settings.model_dump()}
    with (
        checkpoints.alone(folder) if main else nullcontext(),
        program.recording(**facts) if main else nullcontext(),
    ):
        tokenizer = chat.tokenizer_from(arguments, arguments.base)
        network, kernels = load_model(arguments.base, settings, arguments.dtype)
        options = sft_arguments(settings, arguments.dtype, arguments.seed, folder, state.num_processes, kernels)
        options.run_name = trackers.name_run(arguments.run)
        encoded = encode(arguments.subset, tokenizer, settings)
        if main:
            checkpoints.claim(folder, identity(arguments, settings, state.num_processes))
            checkpoints.remove_broken(folder)
        state.wait_for_everyone()
        gpus = state.num_processes if torch.cuda.is_available() else 0
        slots = settings.max_length * settings.per_device_batch if settings.packing else None
        writer = step_writer(folder / STEP_LOG, started, gpus, main, slots)
        trainer = build_trainer(network, tokenizer, encoded, options, settings, writer)
        shape = model_shape(trainer.model)

        def save(place: Path) -> None:
            save_model(trainer, tokenizer, arguments.dtype, arguments.base, place)

        keeper = on_the_way.Keeper(folder, arguments.percents, save)
        trainer.add_callback(keeper.callback())
        checkpoint = checkpoints.newest_whole(folder, before=keeper.missing(on_the_way.all_steps(trainer)))
        if checkpoint:
            cli.log.info("resuming from %s", checkpoint)
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        if trainer.state.global_step < trainer.state.max_steps:
            raise TryAgain(
                f"asked to stop at step {trainer.state.global_step} of {trainer.state.max_steps}: run again, it "
                "resumes from there"
            )
        with (
            full_disk_is_said(arguments.model.parent, "the model"),
            replacing(arguments.model) if main else nullcontext(Path()) as temporary,
        ):
            save(temporary)
            if main:
                keeper.hand_over(trainer.state.max_steps, arguments.kept)
                summary = summarise(arguments, settings, encoded.account, trainer, shape, state.num_processes)
                write_records(arguments, settings, summary | kernels._asdict(), temporary)
    state.wait_for_everyone()
    state.destroy_process_group()


def write_records(arguments: Any, settings: Optimisation, summary: dict[str, Any], model: Path) -> None:
    """Write log.csv, summary.json and, into the new model's folder, its card."""
    card = model_card.card(arguments.base, arguments.subset, arguments.raw, settings, summary)
    (model / "README.md").write_text(card, encoding="utf-8")
    log = useful_steps(read_steps(arguments.work / "checkpoints" / STEP_LOG))
    with replacing(arguments.log) as temporary:
        log[COLUMNS].to_csv(temporary, index=False)
    with replacing(arguments.summary) as temporary:
        temporary.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    started = time.monotonic()
    end_with_launcher()
    program = Program(__doc__)
    program.add_argument("--run", required=True, help="the run's name")
    program.add_argument("--arm", required=True, help="what its data is called in the tables")
    program.add_argument("--seed", type=int, required=True, help="training seed")
    program.add_input("--subset", "the subset's Parquet file")
    program.add_argument("--raw", type=Path, help="raw.parquet, whose record tells the card where the data come from")
    program.add_input("--base", "folder of the model that is fine-tuned")
    program.add_input("--accelerate", "the file that says how processes share the model, for the record", optional=True)
    chat.add_chat(program)
    program.add_argument("--dtype", default="bfloat16", help="number format of passes and saved weights")
    program.add_settings("--training", Optimisation)
    program.add_argument("--work", type=Path, required=True, help="folder for checkpoints and TensorBoard files")
    program.add_output("--model", "folder of the fine-tuned model")
    program.add_argument("--percents", nargs="*", type=int, default=[], help="shares of training to keep models of")
    program.add_output("--kept", "folders of these models, in the same order", many=True, optional=True)
    program.add_output("--log", "log.csv")
    program.add_output("--summary", "summary.json")
    arguments = program.parse()
    settings: Optimisation = arguments.training
    os.environ["TENSORBOARD_LOGGING_DIR"] = str(arguments.work / "tensorboard")  # where transformers looks it up
    train(program, arguments, settings, started)
    shutil.rmtree(arguments.work / "checkpoints", ignore_errors=True)


if __name__ == "__main__":
    cli.run(main)
