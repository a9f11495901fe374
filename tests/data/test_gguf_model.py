"""A GGUF written as llama.cpp's converter writes it becomes the model that it was made of, or is refused."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scripts.common.cli import UserError
from scripts.common.config.training import Optimisation
from scripts.data.gguf_model import convert
from scripts.train import quantisation
from tests.conftest import make_tokenizer

HEADS, KEYS = 4, 2
HEAD = {"llama": 8, "qwen2": 8, "qwen3": 128}
SHAPE = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "max_position_embeddings": 256}
# Tied embeddings; biases of query, key and value; norms of query and key.
TENSORS = {"llama": 2 + 2 * 9, "qwen2": 3 + 2 * 12, "qwen3": 3 + 2 * 11}
PROMPT = "<|im_start|>user\n  12 apples cost 345 dollars?<|im_end|>\n"


def original(kind: str) -> tuple[Any, Any]:
    """Return a tiny random model and its tokenizer."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(1)
    tokenizer = make_tokenizer()
    config = AutoConfig.for_model(
        kind,
        **SHAPE,
        vocab_size=len(tokenizer),
        num_attention_heads=HEADS,
        num_key_value_heads=KEYS,
        head_dim=HEAD[kind],
        rope_parameters={"rope_type": "default", "rope_theta": 500.0},
        tie_word_embeddings=kind == "llama",
    )
    model = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.2)
    return model.eval(), tokenizer


def interleaved(weight: np.ndarray, heads: int) -> np.ndarray:
    """Return the rows of a query or key matrix as llama.cpp orders them for llama: pairs that turn together."""
    return weight.reshape(heads, 2, len(weight) // heads // 2, -1).swapaxes(1, 2).reshape(weight.shape)


NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def write(path: Path, kind: str, model: Any, tokenizer: Any, pre: str = "gpt-2", **more: Any) -> None:
    """Write a model as a GGUF of 32-bit floats."""
    from gguf import GGUFWriter

    writer = GGUFWriter(path, kind)
    writer.add_name("Tiny")
    writer.add_license("apache-2.0")
    writer.add_context_length(256)
    writer.add_block_count(2)
    writer.add_embedding_length(32)
    writer.add_feed_forward_length(48)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KEYS)
    writer.add_layer_norm_rms_eps(model.config.rms_norm_eps)
    writer.add_rope_freq_base(500.0)
    writer.add_rope_dimension_count(HEAD.get(kind, 8))
    if kind == "qwen3":
        writer.add_key_length(128)
        writer.add_value_length(128)
    vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    merges = json.loads(tokenizer.backend_tokenizer.to_str())["model"]["merges"]
    writer.add_tokenizer_model(more.pop("cut_by", "gpt2"))
    writer.add_tokenizer_pre(pre)
    writer.add_token_list([token for token, _ in vocabulary])
    writer.add_token_types([3 if token.startswith("<|") else 1 for token, _ in vocabulary])
    writer.add_token_merges([" ".join(pair) for pair in merges])
    writer.add_eos_token_id(tokenizer.convert_tokens_to_ids("<|endoftext|>"))
    writer.add_eot_token_id(tokenizer.convert_tokens_to_ids("<|im_end|>"))
    writer.add_chat_template(tokenizer.chat_template)
    for key, value in more.pop("keys", {}).items():
        writer.add_float32(f"{kind}.{key}", value)
    extra = more.pop("tensors", {})
    lost = more.pop("lost", None)
    for name, parameter in {**dict(model.named_parameters()), **extra}.items():
        if name == lost:
            continue
        weight = parameter if isinstance(parameter, np.ndarray) else parameter.detach().numpy()
        parts = name.rsplit(".", 1)
        stem = parts[0].split(".", 3)
        block = f"blk.{stem[2]}." if len(stem) == 4 else ""
        if kind == "llama" and ("q_proj" in name or "k_proj" in name):
            weight = interleaved(weight, HEADS if "q_proj" in name else KEYS)
        writer.add_tensor(f"{block}{NAMES.get(stem[-1] if block else parts[0], parts[0])}.{parts[1]}", weight)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.mark.parametrize("kind", ["llama", "qwen2", "qwen3"])
def test_the_model_is_the_one_that_the_file_was_made_of(kind: str, tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model, tokenizer = original(kind)
    write(tmp_path / "tiny.gguf", kind, model, tokenizer)
    said = convert(tmp_path / "tiny.gguf", tmp_path / "model")
    assert said["license"] == "apache-2.0" and said["tensors"] == {"F32": TENSORS[kind]}

    converted = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    theirs = AutoTokenizer.from_pretrained(tmp_path / "model")
    tokens = tokenizer(PROMPT, return_tensors="pt")["input_ids"]
    assert theirs(PROMPT, return_tensors="pt")["input_ids"].tolist() == tokens.tolist()
    assert theirs.decode(tokens[0]) == PROMPT
    with torch.inference_mode():
        torch.testing.assert_close(converted(tokens).logits, model(tokens).logits, atol=1e-5, rtol=1e-5)
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]
    assert theirs.apply_chat_template(turns, tokenize=False) == tokenizer.apply_chat_template(turns, tokenize=False)
    ends = theirs.convert_tokens_to_ids(["<|endoftext|>", "<|im_end|>"])
    assert converted.generation_config.eos_token_id == ends
    quantisation.check(converted.config, Optimisation(), gpus=0)  # its weights are whole, and it says so


def test_digits_are_cut_one_by_one_where_the_file_says_so(tmp_path: Path) -> None:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=290,
        special_tokens=["<|endoftext|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    text = "if x:\n        7\n    12  34"
    backend.train_from_iterator([text] * 20, trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend)
    tokenizer.chat_template = "{{ messages[0]['content'] }}"
    model, _ = original("llama")
    model.resize_token_embeddings(len(tokenizer))
    meant = tokenizer(text)["input_ids"]
    for pre, same in (("smollm", True), ("gpt-2", False)):
        write(tmp_path / f"{pre}.gguf", "llama", model, tokenizer, pre)
        convert(tmp_path / f"{pre}.gguf", tmp_path / pre)
        assert (AutoTokenizer.from_pretrained(tmp_path / pre)(text)["input_ids"] == meant) == same


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"pre": "tomorrow"}, "cuts text as 'tomorrow'"),
        ({"cut_by": "llama"}, "tokenizer of the kind 'llama'"),
        ({"keys": {"attention.sliding_window": 4.0}}, "has 'llama.attention.sliding_window', which is not read"),
        ({"keys": {"rope.scaling.factor": 4.0}}, "has 'llama.rope.scaling.factor', which is not read"),
        ({"tensors": {"rope_freqs.weight": np.ones(4, np.float32)}}, "has 'rope_freqs.weight', which is not read"),
        ({"kind": "mamba"}, "the architecture 'mamba'"),
        ({"lost": "model.norm.weight"}, "does not fill the model"),
    ],
    ids=["pre", "tokenizer", "window", "scaling", "frequencies", "architecture", "tensor"],
)
def test_what_would_come_out_otherwise_is_refused(changed: dict[str, Any], says: str, tmp_path: Path) -> None:
    model, tokenizer = original("llama")
    write(tmp_path / "tiny.gguf", changed.pop("kind", "llama"), model, tokenizer, **changed)
    with pytest.raises(UserError, match=re.escape(says)):
        convert(tmp_path / "tiny.gguf", tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_a_file_that_is_no_gguf_or_cut_off_is_one_sentence(tmp_path: Path) -> None:
    model, tokenizer = original("llama")
    write(tmp_path / "tiny.gguf", "llama", model, tokenizer)
    whole = (tmp_path / "tiny.gguf").read_bytes()
    for name, content, says in (
        ("text", b"not a model", "is no GGUF"),
        ("empty", b"", "is no GGUF"),
        ("head", whole[:40], "could not be read as a GGUF model"),
        ("half", whole[: len(whole) // 2], "could not be read as a GGUF model"),
        ("late", whole[:-64], "could not be read as a GGUF model"),
    ):
        file = tmp_path / f"{name}.gguf"
        file.write_bytes(content)
        with pytest.raises(UserError, match=says):
            convert(file, tmp_path / "model")


def test_the_program_records_the_file_and_says_mistakes_in_one_sentence(tmp_path: Path) -> None:
    def fetch(file: Path) -> subprocess.CompletedProcess:
        options = ["--file", str(file), "--output", str(tmp_path / "model")]
        command = [sys.executable, "-m", "scripts.data.fetch_model", *options]
        return subprocess.run(command, capture_output=True, text=True, timeout=300)

    (tmp_path / "no.gguf").write_text("no model")
    for name, says in (("no.gguf", "is no GGUF"), ("gone.gguf", "there is no file")):
        done = fetch(tmp_path / name)
        assert done.returncode == 2 and says in done.stderr and "Traceback" not in done.stderr, done.stderr
    assert not (tmp_path / "model").exists()
    write(tmp_path / "tiny.gguf", "llama", *original("llama"))
    done = fetch(tmp_path / "tiny.gguf")
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "model.provenance.json").read_text())
    assert record["gguf"]["name"] == "Tiny" and list(record["inputs"]) == [str(tmp_path / "tiny.gguf")]
