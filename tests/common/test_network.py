"""Weights that are not there are never drawn at random in silence; files that cannot make a model are told."""

import json
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from scripts.common.cli import UserError
from scripts.common.network import check_files, load_network


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    from tests.families import FAMILIES, build

    build(FAMILIES["Qwen2.5"], 64).save_pretrained(tmp_path)
    return tmp_path


def test_a_whole_checkpoint_loads_as_it_was_saved(folder: Path) -> None:
    saved = load_file(folder / "model.safetensors")
    loaded = load_network(folder).state_dict()
    assert saved.keys() == loaded.keys() and all(bool((saved[name] == loaded[name]).all()) for name in saved)
    check_files(folder, needed=True)


def test_names_of_another_wrapper_and_other_shapes_are_told(folder: Path) -> None:
    place = folder / "model.safetensors"
    weights = load_file(place)
    save_file({f"_orig_mod.{name}": weight for name, weight in weights.items()}, place, {"format": "pt"})
    with pytest.raises(UserError, match=rf"{len(weights)} are missing or of another shape.*would be random"):
        load_network(folder)
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, place, {"format": "pt"})
    with pytest.raises(UserError, match=r"1 are missing .* model.layers.1.mlp.up_proj.weight, and would be random"):
        load_network(folder)


def test_weights_that_are_there_twice_are_told(folder: Path) -> None:
    """transformers takes the whole file, vLLM the parts: a merge that was saved over another one."""
    whole = (folder / "model.safetensors").read_bytes()
    load_network(folder).save_pretrained(folder, max_shard_size="10KB")
    (folder / "model.safetensors").unlink()
    check_files(folder, needed=True)
    (folder / "model.safetensors").write_bytes(whole)
    with pytest.raises(UserError, match=r"holds weights twice, as model.safetensors and in the parts of"):
        check_files(folder, needed=True)


@pytest.mark.parametrize("tied", [True, False])
def test_a_head_of_its_own_is_said_to_be_one(
    folder: Path, tied: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Also where the configuration says that it is the embeddings: who believes it would answer otherwise."""
    place, weights, saved = (
        folder / "config.json",
        load_file(folder / "model.safetensors"),
        tmp_path_factory.mktemp("m"),
    )
    place.write_text(json.dumps(json.loads(place.read_text()) | {"tie_word_embeddings": True}))
    if tied:
        del weights["lm_head.weight"]
        save_file(weights, folder / "model.safetensors", {"format": "pt"})
    load_network(folder).save_pretrained(saved)
    assert json.loads((saved / "config.json").read_text())["tie_word_embeddings"] is tied
    after = load_file(saved / "model.safetensors")
    assert after.keys() == weights.keys() and all(bool((after[name] == weights[name]).all()) for name in after)


@pytest.mark.parametrize("method", ["gptq", "awq"])
def test_a_quantisation_whose_package_is_not_there_is_told(folder: Path, method: str) -> None:
    place = folder / "config.json"
    asked = {"quant_method": method, "bits": 4, "group_size": 128, "desc_act": False, "zero_point": True}
    place.write_text(json.dumps(json.loads(place.read_text()) | {"quantization_config": asked}))
    with pytest.raises(UserError, match=r"cannot be loaded as a causal language model: Loading an? (AWQ|GPTQ)"):
        load_network(folder)


def test_files_that_lack_are_told_before_anything_is_loaded(folder: Path) -> None:
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(UserError, match=r"lacks 1 files .* first model-00001-of-00002.safetensors: fetch it again"):
        check_files(folder, needed=True)
    (folder / "model.safetensors.index.json").unlink()
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    check_files(folder, needed=True)
    (folder / "pytorch_model.bin").unlink()
    check_files(folder, needed=False)
    with pytest.raises(UserError, match="holds no weights"):
        check_files(folder, needed=True)
    (folder / "adapter_config.json").write_text("{}")
    with pytest.raises(UserError, match=r"holds adapters \(PEFT\), no whole model: merge them"):
        check_files(folder, needed=False)
