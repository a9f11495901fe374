"""Adapters on families whose linear layers are not all plain ones: all are adapted, and what is saved is what was trained."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from scripts.common.chat import load_tokenizer
from scripts.common.cli import UserError
from scripts.common.config.model import ChatSettings
from scripts.train import train_sft
from tests import templates
from tests.families import EXPERTS, FAMILIES, Family, build
from tests.train.test_families import train

SHARED = {
    "num_experts": 4,
    "num_experts_per_tok": 2,
    "moe_intermediate_size": 24,
    "shared_expert_intermediate_size": 24,
}
CASES = FAMILIES | {
    "Qwen2 MoE": Family("qwen2_moe", SHARED, templates.QWEN25),
    "Phi-MoE": Family("phimoe", EXPERTS, templates.CHATML),
}
IDS = torch.arange(3, 43)[None]


def base(folder: Path, name: str) -> Any:
    """Save a model with more embeddings than tokens to `folder`/base; return its tokenizer."""
    own = templates.save_tokenizer(folder / "base", CASES[name].template, CASES[name].eos)
    build(CASES[name], len(own) + 24).to(torch.bfloat16).save_pretrained(folder / "base")
    return load_tokenizer(folder / "base", None, ChatSettings())


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("SmolLM2", ()),
        ("Mixtral", ()),
        ("Granite MoE", ("router",)),
        ("gpt-oss", ("router", "bias", "sinks")),
        ("Qwen2 MoE", ("mlp.gate.", "bias")),
        ("Phi-MoE", ("gate.weight",)),  # a linear layer that returns more than its product
        ("Falcon-H1", ("conv1d", "out_proj", "bias")),
        ("LFM2", ("conv.conv",)),
    ],
)
def test_every_linear_layer_is_adapted_and_merged(
    name: str, left: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But routers where PEFT has no adapter for them, and Mamba's last projection, which its kernels take themselves."""
    tokenizer, save, adapted = base(tmp_path, name), train_sft.save_model, []

    def seen(trainer: Any, *more: Any) -> None:
        network = trainer.accelerator.unwrap_model(trainer.model)
        with torch.no_grad():
            adapted.append(network.eval()(input_ids=IDS, use_cache=False).logits)
        save(trainer, *more)

    monkeypatch.setattr(train_sft, "save_model", seen)
    train(tmp_path, ChatSettings(), tokenizer, learning_rate=2e-2, lora={"rank": 4})
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "model").eval()
    with torch.no_grad():
        logits = merged(input_ids=IDS, use_cache=False).logits
    torch.testing.assert_close(logits, adapted[0], atol=1e-4, rtol=1e-4)
    before, after = (load_file(tmp_path / folder / "model.safetensors") for folder in ("base", "model"))
    same = [
        key for key, weight in before.items() if weight.ndim > 1 and torch.equal(weight.float(), after[key].float())
    ]
    kept = ("embed", "lm_head", *left)
    assert [key for key in same if not any(part in key for part in kept)] == []


def test_dropout_that_experts_have_not_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"training.lora.dropout 0.1: adapters on the experts .* leave it out"):
        train(tmp_path, ChatSettings(), base(tmp_path, "Mixtral"), lora={"rank": 4, "dropout": 0.1})
