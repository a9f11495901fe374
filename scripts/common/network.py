"""A model's network with its weights: loaded in one way, and never with weights that nobody trained."""

import json
from pathlib import Path
from typing import Any

from scripts.common.cli import UserError

WHOLE = "model.safetensors"
INDEX = "*.safetensors.index.json"


def load_network(folder: str | Path, **options: Any) -> Any:
    """Return the causal language model of a folder; `options` are those of transformers' from_pretrained.

    transformers draws at random what a checkpoint lacks, and only warns: weights of another class, saved under other
    names, or packed in a way that it does not know. Raises UserError for that, and for weights that cannot be read.
    """
    from transformers import AutoModelForCausalLM

    try:
        network, found = AutoModelForCausalLM.from_pretrained(str(folder), output_loading_info=True, **options)
    except (OSError, ValueError, ImportError) as error:
        reason = str(error).strip().split("\n")[0]
        raise UserError(f"the model in '{folder}' cannot be loaded as a causal language model: {reason}") from error
    lacking = sorted({*found["missing_keys"], *(key[0] for key in found["mismatched_keys"])})
    if lacking:
        raise UserError(
            f"the weights in '{folder}' are not those of this model: {len(lacking)} are missing or of another shape, "
            f"the first of them {lacking[0]}, and would be random; take a whole checkpoint that transformers can read"
        )
    head, text = network.get_output_embeddings(), network.config.get_text_config(decoder=True)
    if head is not None and head.weight is not network.get_input_embeddings().weight:
        # Also where it says that they are one, and the file has two: vLLM would take the embeddings of what is saved.
        network.config.tie_word_embeddings = text.tie_word_embeddings = False
    if getattr(text, "attn_logit_softcapping", None) and network.config._attn_implementation == "sdpa":
        network.set_attn_implementation("eager")  # Gemma 2: sdpa leaves out the soft cap, without a word
    return network


def check_files(folder: Path, needed: bool) -> None:
    """Raise UserError where a model's folder holds adapters only, or, where its weights are needed, not all of them."""
    if (folder / "adapter_config.json").is_file():
        raise UserError(
            f"'{folder}' holds adapters (PEFT), no whole model: merge them into their base model (merge_and_unload, "
            "save_pretrained) and name the merged folder"
        )
    if not needed:
        return
    for index in folder.glob(INDEX):
        named = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        if WHOLE not in named and index.name == f"{WHOLE}.index.json" and (folder / WHOLE).is_file():
            raise UserError(
                f"'{folder}' holds weights twice, as {WHOLE} and in the parts of {index.name}: engines differ in which "
                "they take; take one of them away"
            )
        if gone := sorted(name for name in named if not (folder / name).is_file()):
            raise UserError(f"'{folder}' lacks {len(gone)} files of its weights, first {gone[0]}: fetch it again")
    if not any(folder.glob("*.safetensors")) and not any(folder.glob("pytorch_model*.bin")):
        raise UserError(f"'{folder}' holds no weights (model.safetensors): fetch the model again, as safetensors")
