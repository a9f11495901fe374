"""train_sft in this process: what it writes, and what it says and leaves behind when it cannot go on."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from scripts.common.cli import UserError
from scripts.common.tables import read_table
from scripts.select.tables import SUBSET
from tests.train.conftest import Subset, answers_of_all_lengths, break_letter

Run = Callable[..., Path]


def nothing_is_written(folder: Path) -> bool:
    """Whether a failed run left neither outputs nor halves of them."""
    return not any(path.name != "work" for path in folder.glob("*")) and not list(folder.rglob(".incomplete*"))


def test_a_run_says_what_it_did(subset: Subset, run_training: Run, tiny_model: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    data = subset(answers_of_all_lengths(17))
    folder = run_training(data, packing=True, max_length=256, epochs=2, tensorboard=True)
    summary = json.loads((folder / "summary.json").read_text())
    tokens = sum(read_table(SUBSET, data)["tokens"].to_pylist())
    assert summary["tokens"] == summary["trained_tokens"] + summary["masked_tokens"] == tokens
    assert summary["truncated_tokens"] == 0 and summary["rows"] == 17 and summary["attempts"] == 1
    assert 0.5 < summary["packing_efficiency"] <= 1
    log = pd.read_csv(folder / "log.csv")
    assert list(log["step"]) == list(range(1, summary["steps"] + 1))
    assert log["epoch"].iloc[-1] == 2 and log["seconds"].is_monotonic_increasing
    assert log["loss"].iloc[-1] < log["loss"].iloc[0]
    assert list((folder / "work" / "tensorboard").glob("events.*")) and not (folder / "work" / "checkpoints").exists()
    network = AutoModelForCausalLM.from_pretrained(folder / "model")
    assert (
        network.config.use_cache and summary["parameters"] == network.num_parameters() - network.lm_head.weight.numel()
    )
    assert AutoTokenizer.from_pretrained(folder / "model").chat_template
    card = (folder / "model" / "README.md").read_text()
    header = yaml.safe_load(card.split("---\n")[1])
    assert header["library_name"] == "transformers" and f"| rows | {summary['rows']} |" in card
    assert "| `learning_rate` | `0.001` |" in card and "licence" in card
    assert str(tiny_model) not in card


def test_adapters_are_merged_into_an_ordinary_model(subset: Subset, run_training: Run, tiny_model: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    folder = run_training(subset(answers_of_all_lengths(8)), lora='{"rank": 4}', learning_rate=0.05)
    network, report = AutoModelForCausalLM.from_pretrained(folder / "model", output_loading_info=True)
    assert not any(report.values()), report
    base = dict(AutoModelForCausalLM.from_pretrained(tiny_model).named_parameters())
    for name, weight in network.named_parameters():
        change = weight.detach() - base[name].detach()
        if "_proj" in name and name.endswith("weight"):
            assert 0 < torch.linalg.matrix_rank(change, rtol=1e-4) <= 4, name
        else:
            assert change.abs().max() == 0, name
    summary = json.loads((folder / "summary.json").read_text())
    assert 0 < summary["trained_parameters"] < summary["parameters"] / 2


def test_the_configuration_says_the_number_format_of_the_weights(subset: Subset, run_training: Run) -> None:
    """Trained in float32: what loads a model as its configuration says would take twice the memory, vLLM float16."""
    import torch
    from safetensors.torch import load_file

    model = run_training(subset(answers_of_all_lengths(4)), dtype="bfloat16") / "model"
    assert {weight.dtype for weight in load_file(model / "model.safetensors").values()} == {torch.bfloat16}
    assert json.loads((model / "config.json").read_text())["dtype"] == "bfloat16"


def test_a_loss_that_is_no_number_stops_at_once(
    subset: Subset, run_training: Run, tiny_model: Path, tmp_path: Path
) -> None:
    """One word's embedding is broken: the step and the rows of the batch that holds it are named."""
    broken = break_letter(tiny_model, tmp_path / "broken", "z")
    data = subset([*["abc"] * 9, "fuzz", *["de"] * 6])
    with pytest.raises(UserError, match=r"the loss is nan at step \d, in the batch of the rows .*row9") as told:
        run_training(data, broken)
    assert len(str(told.value).split("rows ")[1].split(":")[0].split(", ")) == 2, "the batch's rows and no others"
    assert nothing_is_written(tmp_path / "run")


def full_disk(path: Any) -> None:
    """What torch does on a full disk (seen on a tmpfs of 3 MB): a file that is cut, and an error that does not say why."""
    Path(path).write_bytes(b"half")
    raise RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 626560 vs 626452")


def half_written(tensors: Any, path: Any, **keywords: Any) -> None:
    """What safetensors does on a full disk: a file that is cut, and an error of its own."""
    from safetensors import SafetensorError

    Path(path).write_bytes(b"half")
    raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")


def test_a_full_disk_is_said_and_the_next_attempt_goes_on(
    subset: Subset, run_training: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    """With dropout: the state of the random numbers comes back too."""
    data, settings = subset(answers_of_all_lengths(32)), {"save_steps": 3, "lora": '{"rank": 4, "dropout": 0.2}'}
    whole = run_training(data, name="whole", **settings)
    saves: list[Any] = []
    save = torch.save

    def second_fails(value: Any, path: Any, *rest: Any, **keywords: Any) -> None:
        saves.append(path)
        if "checkpoint-6" in str(path):
            full_disk(path)
        save(value, path, *rest, **keywords)

    with monkeypatch.context() as patched:
        patched.setattr(torch, "save", second_fails)
        with pytest.raises(UserError, match=r"the disk of .* is full: the checkpoint of step 6 could not be written"):
            run_training(data, **settings)
    folder = tmp_path / "run"
    assert nothing_is_written(folder) and saves
    assert [path.name for path in folder.glob("work/checkpoints/checkpoint-*")] == ["checkpoint-3"]
    run_training(data, **settings)
    first, second = (json.loads((run / "summary.json").read_text()) for run in (whole, folder))
    assert second["attempts"] == 2 and second["steps"] == first["steps"] == 8
    curves = [pd.read_csv(run / "log.csv")["loss"] for run in (whole, folder)]
    assert list(curves[0]) == pytest.approx(list(curves[1]), abs=1e-6)


def test_a_full_disk_at_the_end_leaves_no_half_a_model(
    subset: Subset, run_training: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import transformers

    class Broken:
        @staticmethod
        def save(self: Any, folder: Any, **keywords: Any) -> None:
            Path(folder).mkdir()
            half_written({}, Path(folder) / "model.safetensors")

    save = transformers.PreTrainedModel.save_pretrained

    def fails_at_the_end(self: Any, folder: Any, **keywords: Any) -> None:
        (Broken.save if ".incomplete" in str(folder) else save)(self, folder, **keywords)

    data = subset(answers_of_all_lengths(8))
    with monkeypatch.context() as patched:
        patched.setattr(transformers.PreTrainedModel, "save_pretrained", fails_at_the_end)
        with pytest.raises(UserError, match=r"is full: the model could not be written"):
            run_training(data)
    assert nothing_is_written(tmp_path / "run")
    folder = run_training(data)
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["steps"] == 2 and summary["attempts"] == 1, "no step was made again"


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"max_length": 2048}, "training.max_length 2048 is above the context of the model in .* 1024 tokens"),
        ({"effective_batch": 3}, "effective_batch 3 is not a multiple of per_device_batch 2"),
    ],
)
def test_what_cannot_be_is_told(
    subset: Subset, run_training: Run, tmp_path: Path, settings: dict, sentence: str
) -> None:
    with pytest.raises(UserError, match=sentence):
        run_training(subset(["abc"]), **settings)
    assert nothing_is_written(tmp_path / "run")


def test_adapters_of_sharded_weights_are_refused(
    subset: Subset, run_training: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(UserError, match="cannot be merged from sharded weights"):
        run_training(subset(["abc"]), lora='{"rank": 4}')


def test_checkpointing_follows_the_need(tiny_model: Path) -> None:
    """The estimate of activations is held against what a forward pass really keeps."""
    import torch
    from transformers import AutoModelForCausalLM

    from scripts.common.memory import activation_bytes
    from scripts.common.shape import shape_of
    from scripts.train.attention import SEGMENTS, register
    from scripts.train.hardware import needs_checkpointing

    register()
    network = AutoModelForCausalLM.from_pretrained(tiny_model, attn_implementation=SEGMENTS)
    ids = torch.randint(3, network.config.vocab_size, (1, 512))
    kept: dict[int, int] = {}
    weights = {weight.untyped_storage().data_ptr() for weight in network.parameters()}

    def keep(tensor: Any) -> Any:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        states = network.model(input_ids=ids, use_cache=False).last_hidden_state
    assert states.requires_grad
    measured, estimated = sum(kept.values()), activation_bytes(shape_of(network.config), 512, half_precision=False)
    assert 0.6 < estimated / measured < 1.6
    assert not needs_checkpointing(network.config, 0, 512, False)
    assert needs_checkpointing(network.config, 1e15, 512, False)
