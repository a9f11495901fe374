"""Fine-tune the model on one subset with one seed (TRL's SFTTrainer, started by `accelerate launch`).

Makes the model's folder, log.csv (a row per optimiser step) and summary.json (rows, tokens, steps, seconds).
Checkpoints lie in a folder under --work named by a fingerprint of all that the run depends on, so that a later attempt
goes on only from a checkpoint of the very same run.
"""

import hashlib
import json
import math
import shutil
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.compute as pc

from scripts.common import chat, cli
from scripts.common.atomic import replacing
from scripts.common.cli import UserError
from scripts.common.config.training import Optimisation
from scripts.common.digest import code_digest
from scripts.common.options import add_options, from_options
from scripts.common.provenance import recording, sha256_of
from scripts.common.tables import read_table

LOG_COLUMNS = ["step", "epoch", "loss", "learning_rate", "grad_norm", "seconds"]


def read_conversations(subset: Path, settings: Optimisation) -> tuple[list[dict[str, Any]], int]:
    """Return the subset as rows for TRL and its number of tokens.

    Raises UserError when it is empty, or when a conversation is longer than max_length: nothing is cut in silence.
    """
    table = read_table("subset", subset)
    if table.num_rows == 0:
        raise UserError(f"the subset '{subset}' is empty: there is nothing to train on")
    longest = pc.max(table["tokens"]).as_py()
    if longest > settings.max_length:
        number = pc.sum(pc.greater(table["tokens"], settings.max_length)).as_py()
        raise UserError(
            f"{number} conversations of '{subset}' are longer than training.max_length {settings.max_length} (the "
            f"longest has {longest} tokens): raise max_length or lower pool.max_tokens"
        )
    rows = []
    for messages in table["messages"].to_pylist():
        if settings.loss_on == "completion":
            rows.append({"prompt": messages[:-1], "completion": messages[-1:]})
        else:
            rows.append({"messages": messages})
    return rows, pc.sum(table["tokens"]).as_py()


def fingerprint(subset: Path, model: Path, settings: Optimisation, seed: int) -> str:
    """Return 16 hex digits of all that a run depends on: data, model, settings, seed and code."""
    code = code_digest("scripts/train/train_sft.py", ["torch", "transformers", "trl", "accelerate"])
    parts = [sha256_of(subset), sha256_of(model), settings.model_dump_json(), str(seed), code]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def trainer_arguments(settings: Optimisation, dtype: str, seed: int, folder: Path, processes: int) -> Any:
    """Return TRL's configuration for a run on `processes` processes."""
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
        assistant_only_loss=settings.loss_on == "assistant",
        completion_only_loss=settings.loss_on == "completion",
        gradient_checkpointing=settings.activation_checkpointing,
        save_strategy="steps",
        save_steps=settings.save_steps,
        save_total_limit=2,
        logging_steps=1,
        seed=seed,
        data_seed=seed,
        bf16=dtype == "bfloat16",
        fp16=dtype == "float16",
        use_cpu=not gpu,
        dataloader_pin_memory=gpu,
        report_to="none",
    )


def clock() -> Any:
    """Return a callback that writes the seconds since the start into every log entry."""
    from transformers import TrainerCallback

    class Clock(TrainerCallback):
        def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            # A resumed run goes on where the log of its last checkpoint ends.
            spent = max((entry.get("seconds", 0.0) for entry in state.log_history), default=0.0)
            self.start = time.monotonic() - spent

        def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            state.log_history[-1]["seconds"] = round(time.monotonic() - self.start, 3)

    return Clock()


def build_trainer(rows: list[dict[str, Any]], model: Path, tokenizer: Any, arguments: Any) -> Any:
    """Return the SFTTrainer. Weights are float32; with bfloat16 the passes are mixed precision, so that small updates
    are not lost."""
    import torch
    from datasets import Dataset
    from transformers import AutoModelForCausalLM
    from trl import SFTTrainer

    network = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    network.config.use_cache = False  # packed rows leak into each other through the cache
    return SFTTrainer(
        model=network,
        args=arguments,
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        callbacks=[clock()],
    )


def count_labels(dataset: Any) -> tuple[int, int]:
    """Return the tokens of the prepared data set and those among them that are trained on."""
    tokens = sum(len(ids) for ids in dataset["input_ids"])
    return tokens, sum(label != -100 for labels in dataset["labels"] for label in labels)


def log_table(history: list[dict[str, Any]]) -> pd.DataFrame:
    """Return the rows of log.csv from the trainer's history. Raises RuntimeError for a loss that is no number."""
    frame = pd.DataFrame([entry for entry in history if "loss" in entry])[LOG_COLUMNS]
    broken = frame[~frame["loss"].map(math.isfinite)]
    if len(broken):
        raise RuntimeError(f"the loss is {broken['loss'].iloc[0]} at step {broken['step'].iloc[0]}")
    return frame.drop_duplicates("step", keep="last")


def save_model(trainer: Any, tokenizer: Any, dtype: str, folder: Path) -> None:
    """Write weights (in the experiment's dtype), configuration, tokenizer and chat template."""
    import torch

    network = trainer.accelerator.unwrap_model(trainer.model).to(getattr(torch, dtype))
    network.config.use_cache = True
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("--run", required=True, help="the run's name")
    parser.add_argument("--arm", required=True, help="what its data is called in the tables")
    parser.add_argument("--seed", type=int, required=True, help="training seed")
    parser.add_argument("--subset", type=Path, required=True, help="the subset's Parquet file")
    parser.add_argument("--base", type=Path, required=True, help="folder of the model that is fine-tuned")
    parser.add_argument("--chat-template", type=Path, help="Jinja file that replaces the model's chat template")
    parser.add_argument("--dtype", default="bfloat16", help="number format of passes and saved weights")
    add_options(parser, Optimisation)
    parser.add_argument("--work", type=Path, required=True, help="folder for checkpoints")
    parser.add_argument("--model", type=Path, required=True, help="folder of the fine-tuned model")
    parser.add_argument("--log", type=Path, required=True, help="log.csv")
    parser.add_argument("--summary", type=Path, required=True, help="summary.json")
    arguments = parser.parse_args()
    settings = from_options(Optimisation, arguments)
    rows, tokens = read_conversations(arguments.subset, settings)

    with cli.heavy_imports():
        import trl  # noqa: F401 (takes ten seconds, most of it here)
        from accelerate import PartialState
        from transformers.trainer_utils import get_last_checkpoint

    state = PartialState()
    folder = arguments.work / fingerprint(arguments.subset, arguments.base, settings, arguments.seed)
    outputs = [arguments.model, arguments.log, arguments.summary] if state.is_main_process else []
    with recording(outputs, [arguments.subset, arguments.base], seed=arguments.seed, settings=settings.model_dump()):
        tokenizer = chat.load_tokenizer(arguments.base, arguments.chat_template)
        options = trainer_arguments(settings, arguments.dtype, arguments.seed, folder, state.num_processes)
        trainer = build_trainer(rows, arguments.base, tokenizer, options)
        seen, trained = count_labels(trainer.train_dataset)
        if seen != tokens:
            raise RuntimeError(f"the subset holds {tokens} tokens, the trainer would see {seen}")
        checkpoint = get_last_checkpoint(str(folder)) if folder.is_dir() else None
        if checkpoint:
            cli.log.info("going on from %s", checkpoint)
        trainer.train(resume_from_checkpoint=checkpoint)
        if not state.is_main_process:
            return
        log = log_table(trainer.state.log_history)
        seconds = float(log["seconds"].iloc[-1])
        gpus = state.num_processes if options.use_cpu is False else 0
        summary = {
            "run": arguments.run,
            "arm": arguments.arm,
            "seed": arguments.seed,
            "rows": len(rows),
            "tokens": tokens,
            "trained_tokens": trained,
            "masked_tokens": tokens - trained,
            "steps": trainer.state.global_step,
            "epochs": settings.epochs,
            "seconds": seconds,
            "tokens_per_second": round(tokens * settings.epochs / seconds, 1),
            "final_loss": float(log["loss"].tail(max(1, len(log) // 20)).mean()),
            "gpus": gpus,
            "gpu_hours": gpus * seconds / 3600,
        }
        with replacing(arguments.model) as temporary:
            save_model(trainer, tokenizer, arguments.dtype, temporary)
        with replacing(arguments.log) as temporary:
            log.to_csv(temporary, index=False)
        with replacing(arguments.summary) as temporary:
            temporary.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    cli.run(main)
