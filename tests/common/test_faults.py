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


def test_no_folder_for_temporary_files_is_one_sentence() -> None:
    """Of a program, and of Snakemake, which would end in a traceback before it reads anything of ours."""
    words = "no folder for temporary files can be written (TMPDIR, /tmp"
    for code in (
        "import tempfile; from scripts.common import cli; cli.run(tempfile.mkdtemp)",
        "from scripts.common.config.reading import stop_if_unreadable; stop_if_unreadable(['config.yaml'])",
    ):
        done = in_sandbox(command=f'TMPDIR=/nowhere {sys.executable} -c "{code}"; echo $?')
        ends_in_one_sentence(done, words)


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


def limited(limit: str, program: str) -> subprocess.CompletedProcess[str]:
    """Run a program of ours, made of one line, under a limit of the shell's."""
    code = f"from scripts.common import cli\nfrom scripts.common.atomic import replacing\ndef main():\n    {program}\n"
    command = ["bash", "-c", f'{limit}; "$0" -c "$1"', sys.executable, f"{code}\ncli.run(main)"]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


@pytest.mark.parametrize(
    ("limit", "program", "code", "words"),
    [
        ("ulimit -f 1", "with replacing('{0}/t') as t: t.write_bytes(b'x' * 9999)", 2,
         "error: '{0}/t' grows above the size that a file may have here (ulimit -f)"),
        ("ulimit -n 32", "l = [open('/dev/null') for _ in range(40)]", 2, "error: too many files are open at once"),
        ("true", "with replacing('{0}/' + 'x' * 300) as t: t.write_bytes(b'')", 2, "is longer than this file system takes"),
        ("ulimit -v 2000000", "bytes(10**11)", 75, "stopped: memory ran out: give the job more"),
    ],
)  # fmt: skip
def test_a_limit_of_the_machine_is_one_sentence(
    tmp_path: Path, limit: str, program: str, code: int, words: str
) -> None:
    done = limited(limit, program.format(tmp_path))
    assert (done.returncode, "Traceback" in done.stderr) == (code, False), done.stderr
    assert words.format(tmp_path) in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_has_enough_ends_the_program_in_silence() -> None:
    """`make status | head -1`; another pipe that breaks is a fault, and no end."""
    many = "import time; [(print('x' * 10**5, flush=True), time.sleep(0.01)) for _ in range(1000)]"
    code = f"from scripts.common import cli\ndef main():\n    {many}\ncli.run(main)"
    command = ["bash", "-c", '"$0" -c "$1" | head -c 1; echo " ${PIPESTATUS[0]}"', sys.executable, code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert (done.stdout, done.stderr) == ("x 141\n", "")
    other = limited("true", "import os; r, w = os.pipe(); os.close(r); os.write(w, b'x')")
    assert other.returncode == 1 and "BrokenPipeError" in other.stderr


def test_a_letter_that_the_terminal_lacks_ends_nothing() -> None:
    """An ASCII or Latin-1 locale, and a path that is no UTF-8."""
    done = limited("export PYTHONIOENCODING=ascii", "print('caf\\u00e9 \\u2026 \\udcff')")
    assert (done.returncode, done.stdout) == (0, "caf\\xe9 \\u2026 \\udcff\n"), done.stderr


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
