"""Programs that models write: what they try against the machine, and that nothing comes of it."""

import contextlib
import os
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.common.cli import UserError
from scripts.evaluate import sandbox
from scripts.evaluate.sandbox import Ended, run

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One second for a program instead of six."""
    monkeypatch.setattr(sandbox, "SECONDS", 1)
    monkeypatch.setitem(sandbox.LIMITS, "RLIMIT_CPU", (1, 2))
    sandbox.is_usable.cache_clear()
    yield
    sandbox.is_usable.cache_clear()


@pytest.fixture
def bubblewrap() -> None:
    try:
        sandbox.is_usable(False)
    except UserError as error:
        pytest.skip(f"no sandbox here: {error}")


def guests() -> list[str]:
    """Return the processes of sandboxes that are there."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if b"/guest.py" in (process / "cmdline").read_bytes():
                found.append(process.name)
    return found


@pytest.mark.usefixtures("bubblewrap")
class TestContained:
    def test_a_program_reads_and_writes(self) -> None:
        assert run("print(int(input()) + int(input()))", "2\n3\n") == Ended("5\n", None)
        assert run("import sys; sys.stdout.buffer.write(sys.stdin.buffer.read()[::-1])", "abc").output == "cba"
        assert run("import numpy; print(numpy.ones(3).sum(), open(0).read())", "x").output == "3.0 x\n"

    @pytest.mark.parametrize("path", [ROOT / "README.md", Path(__file__), "/etc/passwd", "/proc/self/environ"])
    def test_no_file_of_the_machine_is_there(self, path: Path) -> None:
        assert "No such file" in (run(f"print(open({str(path)!r}).read())", "").reason or "")

    def test_no_secret_is_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HF_TOKEN", "secret")
        program = "import os\nprint(os.environ, os.listdir('/'), os.listdir(os.path.expanduser('~')))"
        said = run(program, "").output or ""
        assert "secret" not in said and "[]" in said
        assert not {"work", "home", "etc", "var", "mnt", "proc"} & set(said.split("'"))

    def test_no_other_process_is_there(self) -> None:
        program = f"import os\ntry: os.kill({os.getpid()}, 0)\nexcept ProcessLookupError: print(os.getpid() < 9)"
        assert run(program, "").output == "True\n"

    def test_no_network(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(0.1)
            program = f"import socket\nsocket.create_connection({server.getsockname()}, 1).send(b'out')"
            assert "Connection refused" in (run(program, "").reason or "")
            with pytest.raises(TimeoutError):
                server.accept()
        assert "Network is unreachable" in (
            run("import socket\nsocket.create_connection(('1.1.1.1', 53), 1)", "").reason or ""
        )

    def test_a_fork_bomb(self) -> None:
        program = (
            "import os, time\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        time.sleep(9)"
        )
        assert run(program, "") == Ended(None, "took more than 2 s, asleep or at work")
        deadline = time.monotonic() + 10
        while guests() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not guests()
        count = "import os, sys\nn = 1\ntry:\n    while n < 100:\n        if os.fork() == 0: import time; time.sleep(9)\n        n += 1\nexcept OSError:\n    print(n, flush=True); os._exit(0)"
        assert int(run(count, "").output or 99) <= sandbox.PROCESSES

    def test_ten_gigabytes(self) -> None:
        assert run("x = bytearray(10 * 2**30)\nprint(len(x))", "").reason == "MemoryError"

    def test_an_endless_loop(self) -> None:
        assert run("while True: pass", "").reason in ("took more than 1 s", "took more than 2 s, asleep or at work")

    @pytest.mark.parametrize("path", ["/usr/x", "/x", "/dev/x", "/dev/shm/x", "/packages/x", "/job.json", "/guest.py"])
    def test_nothing_is_written_outside(self, path: str) -> None:
        assert "Read-only file system" in (run(f"open({path!r}, 'w').write('x')", "").reason or "")

    def test_what_is_written_inside_is_gone_and_small(self) -> None:
        mark = f"/tmp/{time.time_ns()}"
        assert run(f"print(open({mark!r}, 'w').write('x'))", "").output == "1\n"
        assert not Path(mark).exists() and "No such file" in (run(f"open({mark!r})", "").reason or "")
        fill = "for i in range(999): open(f'/tmp/{i}', 'wb').write(bytes(10**6))"
        assert "No space left" in (run(fill, "").reason or "")

    @pytest.mark.parametrize("write", ["print('x' * 10**6)", "import os; os.write(1, bytes(10**6))"])
    def test_huge_output(self, write: str) -> None:
        assert "File too large" in (run(f"while True:\n    {write}", "").reason or "")

    def test_it_is_nobody_of_note(self) -> None:
        said = run("import os; print(os.getuid()); os.setuid(0)", "")
        assert said.output is None and "Operation not permitted" in (said.reason or "")


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without bubblewrap."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_without_a_sandbox_one_sentence(nowhere: Path) -> None:
    with pytest.raises(UserError, match=r"there is no sandbox \(bubblewrap\).*apt-get install bubblewrap.*allow_unsan"):
        sandbox.is_usable(False)


def test_a_sandbox_that_cannot_work_says_why(nowhere: Path) -> None:
    (nowhere / "bwrap").write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    (nowhere / "bwrap").chmod(0o755)
    with pytest.raises(UserError, match=r"does not work here \(bwrap: No permissions to create new namespace\)"):
        sandbox.is_usable(False)


def test_without_a_sandbox_if_the_experiment_says_so(nowhere: Path) -> None:
    """The limits hold even so; the environment is clean, what is left behind is ended."""
    assert sandbox.is_usable(True) is False
    assert run("print(input())", "x", sandboxed=False) == Ended("x\n", None)
    assert run("x = bytearray(10 * 2**30)", "", sandboxed=False).reason == "MemoryError"
    assert run("import time; time.sleep(9)", "", sandboxed=False) == Ended(
        None, "took more than 2 s, asleep or at work"
    )
    said = run("import os; print('HF_TOKEN' in os.environ, os.listdir('.'))", "", sandboxed=False)
    assert said.output == "False ['job.json']\n"


def test_the_command_shows_nothing_but_the_system_and_python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Also where bubblewrap cannot run."""
    for uid in (0, 1000):
        monkeypatch.setattr(os, "getuid", lambda uid=uid: uid)
        words = sandbox._sandbox(tmp_path / "job.json")
        assert {"--clearenv", "--die-with-parent", "--new-session"} < set(words)
        assert "--unshare-all" in words if uid else {"--unshare-net", "--unshare-pid"} < set(words)
        shown = {words[i + 1] for i, word in enumerate(words) if word.startswith("--ro-bind")}
        assert not any("bind" in word and not word.startswith("--ro-bind") for word in words)
        packages = {path for path in shown if path.endswith("site-packages")}
        base = str(Path(sys.base_prefix).resolve())
        assert shown - packages == {
            *("/usr", "/lib", "/lib64", "/bin", base),
            *(str(ROOT / "scripts/evaluate/guest.py"), str(tmp_path / "job.json")),
        }
