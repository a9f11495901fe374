"""A disk that is full, a folder that is read-only or another's, a file system without locks: one sentence, nothing left."""

import errno
import fcntl
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from scripts.common import cli, disk, locks
from scripts.common.atomic import replacing
from scripts.common.cli import UserError

ROOT = Path(__file__).resolve().parents[2]
DEMO = [sys.executable, "-m", "scripts.data.make_demo_dataset", "--rows", "2000", "--seed", "1"]


def in_sandbox(*mounts: str, command: str) -> subprocess.CompletedProcess[str]:
    """Run a shell command in bubblewrap, this machine's files read-only, with further mounts."""
    sandbox = ["bwrap", "--ro-bind", "/", "/", "--dev", "/dev", *mounts, "--chdir", str(ROOT)]
    if shutil.which("bwrap") is None or subprocess.run([*sandbox, "true"], capture_output=True).returncode:
        pytest.skip("no bubblewrap here")
    return subprocess.run([*sandbox, "sh", "-c", command], capture_output=True, text=True)


def ends_in_one_sentence(done: subprocess.CompletedProcess[str], words: str) -> None:
    assert "Traceback" not in done.stderr
    assert [line for line in done.stderr.splitlines() if line.startswith("error: ") and words in line], done.stderr
    assert done.stdout.split() == ["2"], "its exit code, and nothing left in the folder"


def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    """On a real disk of 64 KiB."""
    there = str(tmp_path)
    done = in_sandbox(
        *("--size", "65536", "--tmpfs", there),
        command=f"{' '.join(DEMO)} --output {there}/raw.parquet; echo $?; ls -A {there}",
    )
    ends_in_one_sentence(done, f"the disk is full: '{there}/raw.parquet' could not be written")


def test_a_read_only_folder_is_one_sentence(tmp_path: Path) -> None:
    done = in_sandbox(command=f"{' '.join(DEMO)} --output {tmp_path}/raw.parquet; echo $?; ls -A {tmp_path}")
    ends_in_one_sentence(done, f"'{tmp_path}/raw.parquet' lies on a read-only file system")


def test_a_write_that_comes_short_says_where(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where there is no bubblewrap: /dev/full is full for whoever writes to it."""
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    (tmp_path / "table.csv").write_text("before")

    def main() -> None:
        with replacing(tmp_path / "table.csv") as temporary:
            temporary.symlink_to("/dev/full")
            temporary.write_text("after")

    with pytest.raises(SystemExit) as end:
        cli.run(main)
    assert end.value.code == 2
    assert f"error: the disk is full: '{tmp_path}/table.csv' could not be written" in capsys.readouterr().err
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("table.csv", "before")]


def test_a_fault_of_another_kind_keeps_its_traceback() -> None:
    def main() -> None:
        raise OSError(errno.EIO, "Input/output error", "x")

    with pytest.raises(OSError, match="Input/output error"):
        cli.run(main)
    assert disk.sentence(PermissionError(errno.EPERM, "of a process, not of a file")) is None


def test_a_lock_of_another_user_is_one_sentence() -> None:
    """As root, somebody else tries; else the lock is one that this user may not open."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        file = Path(folder) / "run.lock"
        file.touch()
        file.chmod(0o600 if os.geteuid() == 0 else 0)
        user = os.geteuid()
        try:
            if user == 0:
                os.seteuid(65534)
            with pytest.raises(UserError, match=rf"you may not open or write '{file}', which is another user's"):
                locks.lock(file, lambda: "held")
        finally:
            os.seteuid(user)


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_said(
    tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """And no lock that is a mere file is left, which would outlive a kill."""

    def flock(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched, caplog.at_level(logging.WARNING):
        patched.setattr(fcntl, "flock", flock)
        taken = locks.lock(tmp_path / "run.lock", lambda: "held")
    assert not taken.is_locked
    assert f"the file system of '{tmp_path}' has no locks" in caplog.messages[0] and len(caplog.messages) == 1
    again = locks.lock(tmp_path / "run.lock", lambda: "held")  # what was left there holds nobody up
    assert again.is_locked
    again.release()
