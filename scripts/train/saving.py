"""Writing the trained model; and what is said when the disk is full."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scripts.common.cli import UserError, log
from scripts.common.disk import is_disk_full
from scripts.common.network import load_network
from scripts.common.rendering import end_of_turn, own_stop_ids


@contextmanager
def full_disk_is_said(folder: Path, what: str) -> Iterator[None]:
    """Turn the error of a full disk into one sentence: `what` could not be written to `folder`."""
    try:
        yield
    except Exception as error:
        if not is_disk_full(error, folder):
            raise
        raise UserError(
            f"the disk of '{folder}' is full: {what} could not be written; make room and run again, training resumes "
            "from the newest whole checkpoint"
        ) from error


@contextmanager
def restored(*settings: Any) -> Iterator[None]:
    """Put the attributes of objects back to what they were."""
    before = [dict(vars(one)) for one in settings]
    try:
        yield
    finally:
        for one, attributes in zip(settings, before, strict=True):
            vars(one).clear()
            vars(one).update(attributes)


def keep_what_can_be_saved(network: Any) -> None:
    """Leave a generation_config that transformers refuses to write its tokens only, and its longest answer.

    Llama 2's has a temperature and does not sample: it is read with a warning and refused at the first checkpoint.
    What is left out, transformers ignored.
    """
    from transformers import GenerationConfig

    before = network.generation_config
    try:
        before.validate(strict=True)
    except ValueError as error:
        kept = ("bos_token_id", "eos_token_id", "pad_token_id", "max_length", "max_new_tokens")
        network.generation_config = GenerationConfig(**{name: getattr(before, name) for name in kept})
        log.info(
            "the model's generation_config contradicts itself, its tokens are kept: %s", " ".join(str(error).split())
        )


def merged(network: Any, base: Path, number: Any) -> Any:
    """Return the model of the folder `base` in float32, on the CPU, with the adapters of `network` in its weights.

    They are merged into weights of the type `number`, which are those that they were trained on; or, where these were
    quantised, into what was quantised: to merge into 4 bits would round the adapters away.
    """
    import torch
    from peft import get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict

    whole = load_network(base, dtype=number).to(torch.float32)
    keep_what_can_be_saved(whole)
    with torch.random.fork_rng():  # adapters begin with random numbers, which training that goes on must not miss
        whole = get_peft_model(whole, network.peft_config[network.active_adapter])
    set_peft_model_state_dict(whole, get_peft_model_state_dict(network))
    return whole.merge_and_unload()


def _kept_in_float32(network: Any) -> Callable[[str], bool]:
    """Return what tells the weights that transformers keeps in float32 whatever the model's type: in 16 bits the
    biases of DeepSeek-V3's router would choose other experts."""
    parts = getattr(network, "_keep_in_fp32_modules_strict", None) or ()
    return lambda name: any(f".{part}." in f".{name}." for part in parts)


def save_model(trainer: Any, tokenizer: Any, dtype: str, base: Path, folder: Path) -> None:
    """Write weights (in the experiment's dtype, adapters merged), configuration, tokenizer and chat template.

    Its generation_config ends an answer where training ended it, whatever the tokenizer's EOS is, and where the base
    model's did. Every process calls it: sharded weights are gathered; the main one writes. What is trained stays as it
    was, so that training may go on.
    """
    import torch

    network = trainer.accelerator.unwrap_model(trainer.model)
    weights = trainer.accelerator.get_state_dict(trainer.model)
    if not trainer.is_world_process_zero():
        return
    number = getattr(torch, dtype)
    if hasattr(network, "merge_and_unload"):
        network = merged(network, base, number)
        weights = network.state_dict()
    # Tied weights are one tensor under two names, and must stay one.
    whole = _kept_in_float32(network)
    converted = {
        weight.data_ptr(): weight if whole(name) or not weight.is_floating_point() else weight.to(number)
        for name, weight in weights.items()
    }
    with restored(network.config, network.generation_config):
        network.config.use_cache = True
        if hasattr(network.config, "output_router_logits"):  # TRL's, for training: in use it asks for a loss
            network.config.output_router_logits = False
        end = end_of_turn(tokenizer)
        network.generation_config.eos_token_id = [end, *sorted(own_stop_ids(base, tokenizer) - {end})]
        network.save_pretrained(folder, state_dict={name: converted[w.data_ptr()] for name, w in weights.items()})
        network.config.dtype = number  # save_pretrained says that of the network, which trained in float32
        network.config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
