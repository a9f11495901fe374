"""QLoRA without its GPU: what is refused, what transformers is asked for, and into which weights adapters are merged."""

import copy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError

from scripts.common.cli import UserError
from scripts.common.config.training import Lora, Optimisation, Training
from scripts.common.memory import held_bytes, training_mb
from scripts.common.program import as_json
from scripts.common.shape import Shape
from scripts.train import quantisation
from scripts.train.saving import merged
from scripts.train.trainer import load_model
from tests.common.test_memory import SMOLLM2, folder_of

QLORA = Optimisation(max_length=512, lora=Lora(quantised=True))
PLAIN = SimpleNamespace()


def test_it_is_asked_for_with_a_gpu_only() -> None:
    with pytest.raises(ValidationError, match=r"lora.quantised trains on a GPU only: set training.gpus"):
        Training(lora=Lora(quantised=True))
    training = Training(gpus=1)
    assert training.of_subset(Optimisation(lora=Lora(quantised=True))).lora == Lora(quantised=True)
    with pytest.raises(ValueError, match="on a GPU only"):
        Training().of_subset(Optimisation(lora=Lora(quantised=True)))
    assert "quantised" not in as_json(Training(lora=Lora())), "a new key changes no command that does not use it"


def test_what_lacks_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"on a GPU only: set training\.gpus"):
        quantisation.check(PLAIN, QLORA, gpus=0)
    monkeypatch.setattr(quantisation, "PACKAGE", "no_such_package")
    with pytest.raises(UserError, match="needs the package no_such_package, which is not installed: 'make gpu'"):
        quantisation.check(PLAIN, QLORA, gpus=1)
    quantisation.check(PLAIN, Optimisation(lora=Lora()), gpus=0)  # adapters on whole weights need none of it
    monkeypatch.setattr(quantisation, "PACKAGE", "json")
    quantisation.check(PLAIN, QLORA, gpus=1)


@pytest.mark.parametrize("settings", [Optimisation(), Optimisation(lora=Lora()), QLORA])
@pytest.mark.parametrize("own", [{"quant_method": "gptq"}, SimpleNamespace(quant_method="gptq")])
def test_weights_that_are_quantised_already_are_not_trained(settings: Optimisation, own: Any) -> None:
    with pytest.raises(UserError, match=r"own weights are quantised \(gptq\).*name the model that they were made from"):
        quantisation.check(SimpleNamespace(quantization_config=own), settings, gpus=1)


def test_without_a_gpu_training_stops_before_it_loads_a_weight(tiny_model: Path) -> None:
    with pytest.raises(UserError, match="this machine shows none"):
        load_model(tiny_model, QLORA, "float32")


def test_transformers_loads_nf4_as_in_the_paper(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    assert quantisation.configuration(Optimisation(lora=Lora()), "bfloat16") is None
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert quantisation.configuration(Optimisation(lora=Lora()), "bfloat16") is None
    made = quantisation.configuration(QLORA, "bfloat16")
    assert (made.load_in_4bit, made.bnb_4bit_quant_type, made.bnb_4bit_use_double_quant) == (True, "nf4", True)
    assert made.bnb_4bit_compute_dtype == torch.bfloat16


def test_the_model_is_loaded_so(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for the package: what from_pretrained is asked for is kept, and a whole model returned."""
    import torch
    from transformers import AutoModelForCausalLM

    asked: dict[str, Any] = {}
    own = AutoModelForCausalLM.from_pretrained

    def loading(folder: Path, **keywords: Any) -> Any:
        asked.update(keywords)
        return own(folder, dtype=keywords["dtype"], output_loading_info=True)

    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", loading)
    monkeypatch.setattr(quantisation, "configuration", lambda settings, dtype: (settings, dtype))
    load_model(tiny_model, QLORA, "bfloat16")
    assert (asked["quantization_config"], asked["dtype"]) == ((QLORA, "bfloat16"), torch.bfloat16)


def test_adapters_are_merged_into_what_was_quantised(tiny_model: Path) -> None:
    """The network that is trained has rounded weights: the merged one has the folder's, with alpha / rank times B A."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    before = {name: weight.detach().clone() for name, weight in base.named_parameters()}
    trained = copy.deepcopy(base)
    with torch.no_grad():
        for weight in trained.parameters():
            weight.copy_((weight * 8).round() / 8)
    trained = get_peft_model(trained, LoraConfig(r=2, lora_alpha=6, target_modules=["q_proj"], task_type="CAUSAL_LM"))
    with torch.no_grad():
        for name, weight in trained.named_parameters():
            if "lora_" in name:
                weight.normal_()
    state = {name: weight.detach().clone() for name, weight in trained.named_parameters()}
    draw = torch.random.get_rng_state()
    whole = dict(merged(trained, tiny_model, torch.float32).named_parameters())
    assert torch.equal(torch.random.get_rng_state(), draw), "training that goes on draws the same numbers"
    assert whole.keys() == before.keys()
    for name, weight in before.items():
        adapters = f"base_model.model.{name.removesuffix('.weight')}"
        if "q_proj.weight" in name:
            a, b = (state[f"{adapters}.lora_{letter}.default.weight"] for letter in "AB")
            weight = weight + 6 / 2 * (b @ a)
        torch.testing.assert_close(whole[name], weight, atol=1e-6, rtol=0)
    after = dict(trained.named_parameters())
    assert all(torch.equal(after[name], weight) for name, weight in state.items()), "what is trained stays as it was"


def test_adapters_without_a_gpu_leave_room_for_the_copy_that_they_are_merged_into(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "large", SMOLLM2, 7 * 10**9)
    settings = Optimisation(max_length=2, lora=Lora())
    assert training_mb(folder, settings, "bfloat16", 0, 1) * 2**20 > 7e9 * (2 + 4)


def test_memory_follows() -> None:
    """The paper: with double quantisation a weight takes 4 bits and 0.127 more, embeddings and head stay as they are."""
    shape = Shape(layers=80, hidden=8192, heads=64, key_heads=64, width=128, inner=22_016, vocabulary=32_000)
    tables = 2 * 32_000 * 8192
    weights = 65 * 10**9
    held = held_bytes(weights, shape, QLORA, half_precision=True)
    assert held == pytest.approx(2 * tables + (weights - tables) * 4.127 / 8, rel=1e-3)
    assert held < 48e9, "65B fit one GPU of 48 GB: the paper's abstract"
    assert held_bytes(weights, shape, Optimisation(lora=Lora()), half_precision=True) == 2 * weights
    assert held_bytes(weights, shape, Optimisation(), half_precision=False) == 16 * weights
