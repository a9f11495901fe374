"""What a job asks for follows from what is in the model's folder."""

import json
import shutil
from pathlib import Path

import pytest

from scripts.common.cli import UserError
from scripts.common.config.training import Lora, Optimisation
from scripts.common.memory import LEAST, reading_mb, training_mb, weights_of
from scripts.common.shape import shape_of

# SmolLM2-135M: shape and number of weights as its card states them.
SMOLLM2 = {"num_hidden_layers": 30, "hidden_size": 576, "num_attention_heads": 9, "num_key_value_heads": 3}
SMOLLM2 |= {"intermediate_size": 1536, "vocab_size": 49_152}
WEIGHTS = 134_515_008


def folder_of(path: Path, config: dict, weights: int) -> Path:
    """Write a folder whose safetensors say that they hold so many weights, and hold none."""
    path.mkdir()
    header = json.dumps(
        {"__metadata__": {}, "w": {"dtype": "BF16", "shape": [weights // 64, 64], "data_offsets": [0, 0]}}
    )
    (path / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header.encode())
    (path / "config.json").write_text(json.dumps(config))
    return path


def test_weights_are_counted_from_the_headers(tiny_model: Path) -> None:
    from transformers import AutoModelForCausalLM

    assert weights_of(tiny_model) == AutoModelForCausalLM.from_pretrained(tiny_model).num_parameters()


def test_what_peaked_above_the_default_asks_for_more(tmp_path: Path) -> None:
    """Training SmolLM2-135M in float32 with rows of 1,024 tokens was seen to peak at 5.2 GB."""
    folder = folder_of(tmp_path / "smollm2", SMOLLM2, WEIGHTS)
    plain = training_mb(folder, Optimisation(max_length=1024), "float32", 0, 1)
    assert 5_200 < plain < 3 * 5_200
    assert training_mb(folder, Optimisation(max_length=4096), "float32", 0, 1) > plain
    assert training_mb(folder, Optimisation(max_length=1024, lora=Lora()), "float32", 0, 1) < plain
    assert reading_mb(folder, "float32", 0) < plain


def test_a_large_model_asks_for_its_weights_on_every_process(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "large", SMOLLM2, 7 * 10**9)
    one, four = (training_mb(folder, Optimisation(), "bfloat16", gpus, 1) for gpus in (1, 4))
    assert 28_000 < one < 60_000 and four > 3.5 * one
    assert training_mb(folder, Optimisation(), "bfloat16", 8, 2) == four


@pytest.mark.parametrize("place", ["nowhere", "empty"])
def test_a_model_that_is_not_there_yet_asks_for_the_least(tmp_path: Path, place: str) -> None:
    (tmp_path / "empty").mkdir()
    assert (
        reading_mb(tmp_path / place, "float32", 0)
        == LEAST
        == training_mb(tmp_path / place, Optimisation(), "float32", 0, 1)
    )


def test_a_shape_is_read_whatever_it_is_called() -> None:
    from transformers import BloomConfig, Gemma3Config, GPT2Config, MptConfig, Qwen3Config

    assert shape_of(GPT2Config(n_embd=64, n_layer=2, n_head=4))[:6] == (2, 64, 4, 4, 16, 256)
    assert shape_of(Gemma3Config(text_config={"hidden_size": 96, "num_hidden_layers": 5}))[:2] == (5, 96)
    assert shape_of(BloomConfig(hidden_size=64, n_layer=2, n_head=4)).layers == 2
    assert shape_of(MptConfig(d_model=64, n_layers=3, n_heads=4))[:3] == (3, 64, 4)
    config = Qwen3Config(hidden_size=64, num_attention_heads=4, num_key_value_heads=2, head_dim=32)
    assert shape_of(config) == shape_of(config.to_dict())
    assert (shape_of(config).width, shape_of(config).key_heads) == (32, 2)


@pytest.mark.parametrize("damage", ["cut off", "noise", "empty", "a page of HTML"])
def test_damaged_weights_are_told_and_make_no_estimate(tiny_model: Path, tmp_path: Path, damage: str) -> None:
    shutil.copytree(tiny_model, tmp_path / "model")
    file = tmp_path / "model" / "model.safetensors"
    whole = file.read_bytes()
    noise = bytes(range(256)) * 64
    file.write_bytes({"cut off": whole[:-100], "noise": noise, "empty": b"", "a page of HTML": b"<html>" * 99}[damage])
    with pytest.raises(UserError, match=r"model\.safetensors"):
        weights_of(tmp_path / "model")
    assert reading_mb(tmp_path / "model", "float32", 0) == LEAST
