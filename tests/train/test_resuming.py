"""A run that was asked to stop and goes on ends with the weights of one that was not."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts.common.cli import TryAgain
from scripts.train import trainer
from tests import templates
from tests.families import FAMILIES, build
from tests.train.conftest import answers_of_all_lengths, assert_same_model, write_subset


@pytest.mark.parametrize(
    ("family", "more"),
    [
        ("Llama 3", {"packing": True, "effective_batch": 1, "per_device_batch": 1}),
        ("SmolLM2", {"lora": '{"rank": 4, "dropout": 0.1}'}),
        ("Mixtral", {}),  # its experts have other names in a file than in the network
        ("Mixtral", {"lora": '{"rank": 4}'}),
    ],
)
def test_a_run_that_goes_on_is_one_that_was_not_stopped(
    family: str,
    more: dict[str, Any],
    run_training: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    base = tmp_path / "base"
    own = templates.save_tokenizer(base, FAMILIES[family].template, FAMILIES[family].eos)
    build(FAMILIES[family], len(own)).save_pretrained(base)
    data = write_subset(tmp_path / "some.parquet", base, answers_of_all_lengths(8))
    given = {"epochs": 2, "learning_rate": 1e-2, "warmup": 0.3, "weight_decay": 0.1, **more}
    plain = run_training(data, base, "plain", **given)
    append = trainer.append_step

    def stopped(path: Path, entry: dict[str, Any]) -> None:
        append(path, entry)
        if entry["step"] == 1:  # it stops after the next one
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(trainer, "append_step", stopped)
    with pytest.raises(TryAgain, match="asked to stop at step 2"):
        run_training(data, base, "resumed", **given)
    monkeypatch.setattr(trainer, "append_step", append)
    assert_same_model(plain, run_training(data, base, "resumed", **given))
