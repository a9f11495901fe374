"""Which checkpoint a run resumes from: the newest that is whole and its own."""

import logging
import os
from pathlib import Path

import pytest

from scripts.common.cli import UserError
from scripts.train.checkpoints import alone, claim, is_whole, mark_whole, newest_whole, remove_broken

MINE = {"subset": "aa", "settings": {"epochs": 3.0, "learning_rate": 1e-5}, "seed": 1, "code": "11"}


def checkpoint(folder: Path, step: int, whole: bool = True) -> Path:
    made = folder / f"checkpoint-{step}"
    (made / "shards").mkdir(parents=True)
    (made / "model.safetensors").write_bytes(b"weights" * step)
    (made / "shards" / "optimizer.bin").write_bytes(b"moments")
    if whole:
        mark_whole(made)
    return made


def test_the_newest_whole_one_counts_by_its_step(tmp_path: Path) -> None:
    assert newest_whole(tmp_path) is None
    checkpoint(tmp_path, 900)
    newest = checkpoint(tmp_path, 1000)
    checkpoint(tmp_path, 1100, whole=False)
    assert newest_whole(tmp_path) == newest


@pytest.mark.parametrize("damage", ["cut", "gone", "list cut"])
def test_a_damaged_one_is_skipped_and_removed(tmp_path: Path, damage: str) -> None:
    older, newer = checkpoint(tmp_path, 10), checkpoint(tmp_path, 20)
    if damage == "cut":
        (newer / "model.safetensors").write_bytes(b"weig")
    elif damage == "gone":
        (newer / "shards" / "optimizer.bin").unlink()
    else:
        (newer / "files.json").write_text('{"model.saf')
    assert not is_whole(newer) and newest_whole(tmp_path) == older
    remove_broken(tmp_path)
    assert not newer.exists() and is_whole(older)


def flip(file: Path) -> None:
    """Flip one bit in the middle of a file."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


@pytest.mark.parametrize("file", ["model.safetensors", "shards/optimizer.bin"])
@pytest.mark.parametrize("garbage", [False, True])
def test_a_flipped_bit_or_garbage_of_equal_size_is_refused(
    tmp_path: Path, file: str, garbage: bool, caplog: pytest.LogCaptureFixture
) -> None:
    older, newer = checkpoint(tmp_path, 10), checkpoint(tmp_path, 20)
    place = newer / file
    if garbage:
        place.write_bytes(os.urandom(place.stat().st_size))
    else:
        flip(place)
    with caplog.at_level(logging.WARNING):
        remove_broken(tmp_path)
    assert newest_whole(tmp_path) == older and not newer.exists()
    assert f"{newer} is damaged ('{file}' is not as it was written" in caplog.messages[0]
    assert len(caplog.messages) == 1


@pytest.mark.parametrize("listed", ['{"model.safetensors": 140}', '["model.safetensors"]', '{"gone": [1, "aa"]}'])
def test_a_list_of_another_form_is_no_whole_checkpoint(tmp_path: Path, listed: str) -> None:
    older, newer = checkpoint(tmp_path, 10), checkpoint(tmp_path, 20)
    (newer / "files.json").write_text(listed)
    remove_broken(tmp_path)
    assert newest_whole(tmp_path) == older and not newer.exists()


def test_the_same_run_keeps_its_checkpoints(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    claim(folder, {**MINE, "band": (0.5, 0.9)})
    made = checkpoint(folder, 10)
    claim(folder, {**MINE, "band": (0.5, 0.9)})
    assert newest_whole(folder) == made


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"subset": "bb"}, "subset"),
        ({"settings": {"epochs": 3.0, "learning_rate": 2e-5}}, "settings.learning_rate"),
        ({"settings": {"epochs": 3.0, "learning_rate": 1e-5, "lora": {"rank": 4}}}, "settings.lora.rank"),
        ({"code": "22"}, "code"),
    ],
)
def test_another_runs_are_set_aside_and_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, changed: dict, named: str
) -> None:
    folder = tmp_path / "checkpoints"
    claim(folder, MINE)
    checkpoint(folder, 10)
    with caplog.at_level(logging.WARNING):
        claim(folder, {**MINE, **changed})
        claim(folder, MINE)
    assert newest_whole(folder) is None
    assert f"belong to another run (other: {named})" in caplog.messages[0]
    aside = tmp_path / "checkpoints-set-aside-1"
    assert str(aside) in caplog.messages[0] and newest_whole(aside) is not None
    assert (tmp_path / "checkpoints-set-aside-2").is_dir()


def test_two_attempts_never_write_side_by_side(tmp_path: Path) -> None:
    folder = tmp_path / "work" / "checkpoints"
    with (
        alone(folder),
        pytest.raises(UserError, match="another process still trains this run"),
        alone(folder, patience=0),
    ):
        pass
    with alone(folder):
        pass
