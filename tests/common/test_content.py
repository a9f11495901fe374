"""A hash is remembered as long as nothing is changed, and forgotten when anything is."""

import hashlib
import os
from pathlib import Path

import pytest

from scripts.common import content
from scripts.common.content import sha256_of


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that is large enough for its hash to be remembered."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(content, "SMALL", 4)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights").write_bytes(b"0123456789")
    return tmp_path / "model" / "weights"


def new_process() -> None:
    content._KNOWN.clear()


def test_a_file_is_read_once(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = sha256_of(large)
    assert first == hashlib.sha256(b"0123456789").hexdigest()
    new_process()
    monkeypatch.setattr(content, "_read", lambda path: pytest.fail("it was read again"))
    assert sha256_of(large) == first


@pytest.mark.parametrize("keep_time", [False, True])
def test_a_change_in_place_is_seen_also_with_the_old_time(large: Path, keep_time: bool) -> None:
    before = sha256_of(large), sha256_of(large.parent)
    stat = large.stat()
    large.write_bytes(b"9876543210")
    if keep_time:
        os.utime(large, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    new_process()
    after = sha256_of(large), sha256_of(large.parent)
    assert before[0] != after[0] and before[1] != after[1]


def test_a_moved_folder_is_the_same(large: Path) -> None:
    before = sha256_of(large.parent)
    large.parent.rename(large.parent.with_name("elsewhere"))
    assert sha256_of(large.parent.with_name("elsewhere")) == before


def test_names_and_places_inside_a_folder_count(large: Path) -> None:
    before = sha256_of(large.parent)
    large.rename(large.with_name("other"))
    assert sha256_of(large.parent) != before


def test_a_damaged_memory_is_no_hash(large: Path) -> None:
    first = sha256_of(large)
    for file in content.MEMORY.iterdir():
        file.write_text("{")
    new_process()
    assert sha256_of(large) == first


def test_a_folder_that_cannot_be_written_to_only_costs_time(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "MEMORY", Path("/proc/none"))
    assert sha256_of(large) == hashlib.sha256(b"0123456789").hexdigest()
