"""Turn a GGUF file into a model's folder: weights, tokenizer, chat template, stop tokens.

transformers reads the file through the package gguf. It passes over what it does not know, without a word: a scaled or
partial rotary embedding, a window, a tokenizer's own way to cut digits. Then every number is a little wrong. So only
the architectures and keys are taken that a test has held against the model the file was made of; all else is refused.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scripts.common.cli import UserError

ARCHITECTURES = ("llama", "qwen2", "qwen3")
"""As llama.cpp calls them; Mistral and SmolLM2 are llama."""

# What a file says of its architecture: read by transformers, or held against what it made of it.
KEYS = {
    "context_length",
    "block_count",
    "embedding_length",
    "feed_forward_length",
    "vocab_size",
    "attention.head_count",
    "attention.head_count_kv",
    "attention.layer_norm_rms_epsilon",
    "attention.key_length",
    "attention.value_length",
    "rope.freq_base",
    "rope.dimension_count",
}
# What it may leave out, since shapes tell it.
SPARE = {"vocab_size", "attention.key_length", "attention.value_length", "rope.dimension_count"}
TENSOR = re.compile(
    r"(?:token_embd|output|output_norm|blk\.\d+\.(?:attn_(?:norm|q|k|v|output|q_norm|k_norm)|ffn_(?:norm|gate|up|down)))"
    r"\.(?:weight|bias)"
)
# How byte-level tokenizers cut text before they merge, by llama.cpp's names (`tokenizer.ggml.pre`). transformers knows
# some; these are ours. What neither knows it would cut as GPT-2 does.
LIKE_GPT2 = ("gpt-2", "olmo", "phi-2")
DIGITS_THEN_GPT2 = ("smollm", "starcoder", "refact", "codeshell", "command-r")
END_TOKENS = ("eos", "eot", "eom")
ELSE = "name the model on the hub or a folder of it"


def convert(file: Path, folder: Path) -> dict[str, Any]:
    """Write the model of a GGUF file to `folder`, in float32, which holds what blocks of few bits stand for exactly.

    Returns what the file says of itself, for the record. Raises UserError for a file that is no GGUF or that would not
    come out as it is meant.
    """
    with _one_sentence(file):
        said, tensors = _read(file)
        _check(file, said, tensors)
    with _one_sentence(file):
        tokenizer = _tokenizer(file, said)
        model = _model(file)
        _check_model(file, said, model.config)
        if len(tokenizer) > (rows := model.get_input_embeddings().weight.shape[0]):
            raise UserError(f"the GGUF '{file}' has {len(tokenizer)} tokens and embeddings of {rows}: {ELSE}")
    _set_ends(said, model, tokenizer)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    general = {name: said.get(f"general.{name}") for name in ("name", "architecture", "license", "file_type")}
    return {name: value for name, value in general.items() if value is not None} | {
        "tensors": dict(Counter(tensors.values()))
    }


@contextmanager
def _one_sentence(file: Path) -> Iterator[None]:
    """Raise UserError for what the readers of a damaged or unknown file raise, which is of many kinds."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(f"the file '{file}' could not be read as a GGUF model: {reason}") from error


def _read(file: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the file's keys and values, the vocabulary left out, and the type of each tensor."""
    from gguf import GGUFReader

    with file.open("rb") as stream:
        if stream.read(4) != b"GGUF":
            raise UserError(f"the file '{file}' is no GGUF: it does not begin with these four letters")
    reader = GGUFReader(file)
    lists = ("tokenizer.ggml.tokens", "tokenizer.ggml.token_type", "tokenizer.ggml.merges", "tokenizer.ggml.scores")
    said = {name: field.contents() for name, field in reader.fields.items() if name not in lists}
    return said, {tensor.name: tensor.tensor_type.name for tensor in reader.tensors}


def _check(file: Path, said: dict[str, Any], tensors: Iterable[str]) -> None:
    """Raise UserError for a file that transformers would read otherwise than it is meant."""
    architecture, kind = said.get("general.architecture"), said.get("tokenizer.ggml.model")
    if architecture not in ARCHITECTURES:
        raise UserError(
            f"the GGUF '{file}' is of the architecture '{architecture}'; only {', '.join(ARCHITECTURES)} are read "
            f"exactly: {ELSE}"
        )
    if said.get("split.count", 1) > 1:
        raise UserError(
            f"the GGUF '{file}' is one of {said['split.count']} parts: join them (llama-gguf-split --merge)"
        )
    if kind != "gpt2":
        raise UserError(
            f"the GGUF '{file}' has a tokenizer of the kind '{kind}'; only byte-level ones ('gpt2') are read exactly: "
            f"{ELSE}"
        )
    scaling = f"{architecture}.rope.scaling."
    plain = {key for key in said if key.startswith(scaling)} if said.get(scaling + "type") == "none" else set()
    needed = [f"{architecture}.{key}" for key in sorted(KEYS - SPARE)]
    if lacking := [key for key in (*needed, "tokenizer.ggml.pre", "tokenizer.ggml.eos_token_id") if key not in said]:
        raise UserError(f"the GGUF '{file}' does not say '{lacking[0]}', without which it would be guessed: {ELSE}")
    read = {f"{architecture}.{key}" for key in KEYS} | plain
    unread = sorted(key for key in said if key.startswith(f"{architecture}.") and key not in read)
    unread += [name for name in tensors if not TENSOR.fullmatch(name)]
    if unread:
        raise UserError(
            f"the GGUF '{file}' has '{unread[0]}', which is not read, so that its answers would be others: {ELSE}"
        )


def _tokenizer(file: Path, said: dict[str, Any]) -> Any:
    """Return the tokenizer; it cuts text before merging as the file's `tokenizer.ggml.pre` says."""
    from tokenizers import pre_tokenizers
    from transformers import AutoTokenizer
    from transformers.integrations.gguf.gguf_tokenizer_mapping import GGUF_PRE_TOKENIZER_SPLITS

    before = said["tokenizer.ggml.pre"]
    if before not in (*GGUF_PRE_TOKENIZER_SPLITS, *LIKE_GPT2, *DIGITS_THEN_GPT2):
        raise UserError(
            f"the GGUF '{file}' cuts text as '{before}' before merging, which is not known here, so that its tokens "
            f"would be others: {ELSE}"
        )
    tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
    if before in DIGITS_THEN_GPT2:
        tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        )
    return tokenizer


def _model(file: Path) -> Any:
    """Return the model in float32. Raises UserError where a tensor is left over or has another shape than it should."""
    import torch
    from transformers import AutoModelForCausalLM, GgufConfig

    model, info = AutoModelForCausalLM.from_pretrained(
        file.parent,
        gguf_file=file.name,
        dtype=torch.float32,
        quantization_config=GgufConfig(dequantize=True),
        output_loading_info=True,
    )
    for what in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        if left := sorted(map(str, info[what])):
            raise UserError(
                f"the GGUF '{file}' does not fill the model: {what.replace('_', ' ')} {', '.join(left[:3])}"
            )
    return model


def _check_model(file: Path, said: dict[str, Any], config: Any) -> None:
    """Raise UserError where the head's or the rotary embedding's width is not what the file says."""
    architecture = said["general.architecture"]
    width = said[f"{architecture}.embedding_length"] // said[f"{architecture}.attention.head_count"]
    made = getattr(config, "head_dim", None) or width
    for key in ("attention.key_length", "attention.value_length", "rope.dimension_count"):
        if (meant := said.get(f"{architecture}.{key}", width)) != made:
            raise UserError(
                f"the GGUF '{file}' means '{architecture}.{key}' {meant}, where the model would have {made}: {ELSE}"
            )


def _set_ends(said: dict[str, Any], model: Any, tokenizer: Any) -> None:
    """Stop at the end of the text and of a turn; say the context where tokenizers say it."""
    keys = [f"tokenizer.ggml.{name}_token_id" for name in END_TOKENS]
    ends = list(dict.fromkeys(said[key] for key in keys if key in said))
    model.generation_config.eos_token_id = ends[0] if len(ends) == 1 else ends
    tokenizer.model_max_length = model.config.max_position_embeddings
