"""Run a program that a model wrote: inside bubblewrap, within limits.

The sandbox holds the system's programs and libraries and Python with its packages, all read-only, and a small /tmp that
is gone afterwards: no network, no project, no home, no environment variables, no other processes. Memory, processes,
time and output are bounded by resource limits, so no cgroup and no daemon is needed.
"""

import contextlib
import functools
import itertools
import json
import os
import signal
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from scripts.common.cli import UserError, log
from scripts.evaluate import guest, watching

SECONDS = 6
"""Processor time of one process of a test, lighteval's limit; all of them, asleep or at work, take twice that."""
CLOCK = 50
"""So many times longer a test may take on the clock, on a machine that has other things to do."""
MEMORY = 2 * 2**30
"""Bytes of address space of one process."""
PROCESSES = 8
"""Processes and threads of one test."""
OUTPUT = 32 * 2**20
"""Bytes of one file, standard output too."""
TEMPORARY = 64 * 2**20
"""Bytes in /tmp."""
UIDS = range(61184, 65520)
"""Who a program becomes where we are root, each another one (the range that systemd keeps for such users)."""

# Soft and hard. At the soft limit of time a program gets a signal that says why, at the hard one it is killed.
LIMITS = {
    "RLIMIT_AS": (MEMORY, MEMORY),
    "RLIMIT_CPU": (SECONDS, SECONDS + 1),
    "RLIMIT_NPROC": (PROCESSES, PROCESSES),
    "RLIMIT_FSIZE": (OUTPUT, OUTPUT),
    "RLIMIT_NOFILE": (64, 64),
    "RLIMIT_CORE": (0, 0),
}
INSTALL = (
    "Debian and Ubuntu: apt-get install bubblewrap, as root; in a container it needs user namespaces. Or set "
    "evaluation.allow_unsandboxed_code: true, and what the model writes can do whatever you can"
)

_count = itertools.count(os.getpid())


class Ended(NamedTuple):
    """How a program ended."""

    output: str | None
    """What it wrote to standard output, or None where it failed."""
    reason: str | None
    """Why it failed, or None."""


def _sandbox(job: Path) -> list[str]:
    """Return the command that runs guest.py on the file `job` in bubblewrap."""
    python, prefix = Path(sys.executable).resolve(), Path(sys.base_prefix).resolve()
    system = ["/usr", "/lib", "/lib64", "/bin", str(prefix)]
    # Without a user namespace, which is what an ordinary user needs, root can become somebody else inside.
    spaces = ["--unshare-all"] if os.getuid() else [f"--unshare-{name}" for name in ("ipc", "pid", "net", "uts")]
    return [
        *["bwrap", *spaces, "--die-with-parent", "--new-session", "--clearenv"],
        *itertools.chain.from_iterable(["--setenv", *item] for item in _environment("/packages", "/tmp").items()),
        # Said before they are needed, as bubblewrap lets nobody else through a folder that it makes on the way.
        *itertools.chain.from_iterable(["--dir", str(path)] for path in reversed(prefix.parents[:-1])),
        *itertools.chain.from_iterable(["--ro-bind-try", path, path] for path in system),
        *["--ro-bind", sysconfig.get_path("purelib"), "/packages"],
        *["--ro-bind", guest.__file__, "/guest.py", "--ro-bind", str(job), "/job.json"],
        *["--dev", "/dev", "--remount-ro", "/dev", "--perms", "1777", "--size", str(TEMPORARY), "--tmpfs", "/tmp"],
        *["--remount-ro", "/", "--chdir", "/tmp", str(python), "-B", "/guest.py", "/job.json"],
    ]


def _environment(packages: str, home: str) -> dict[str, str]:
    # One thread: OpenBLAS would take one per core, and stop at the limit of processes.
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": home,
        "PYTHONPATH": packages,
        "PYTHONHASHSEED": "0",
        "PYTHONIOENCODING": "utf-8",
        "OPENBLAS_NUM_THREADS": "1",
    }


def run(source: str, stdin: str, prelude: str = "", function: str | None = None, sandboxed: bool = True) -> Ended:
    """Run the Python program `source` on `stdin` and return how it ended.

    `function` is called with the JSON values in `stdin`, one a line, and its result is the output, as JSON. Not
    `sandboxed`, only the limits hold, and the one of processes not even that.
    """
    limits = dict(LIMITS)
    if not sandboxed:
        del limits["RLIMIT_NPROC"]  # it counts all processes of a user
    uid = UIDS[next(_count) % len(UIDS)] if sandboxed and os.getuid() == 0 else None
    job = {"source": source, "prelude": prelude, "function": function, "limits": limits, "uid": uid}
    with tempfile.TemporaryDirectory(prefix="program-") as folder:
        path = Path(folder, "job.json")
        path.write_text(json.dumps(job), encoding="utf-8")
        path.chmod(0o644)
        if sandboxed:
            return _ended(_sandbox(path), stdin, folder, None)
        command = [sys.executable, "-B", guest.__file__, str(path)]
        return _ended(command, stdin, folder, _environment(sysconfig.get_path("purelib"), folder))


def _ended(command: list[str], stdin: str, folder: str, environment: dict[str, str] | None) -> Ended:
    """Run `command`; files take its output, so that their size limit holds and no memory of ours is filled."""
    with (
        tempfile.TemporaryFile() as given,
        tempfile.TemporaryFile() as output,
        tempfile.TemporaryFile() as errors,
    ):
        given.write(stdin.encode())
        given.seek(0)
        streams: dict[str, Any] = {"stdin": given, "stdout": output, "stderr": errors}
        with subprocess.Popen(command, cwd=folder, env=environment, start_new_session=True, **streams) as process:
            try:
                code = watching.wait(process, 2 * SECONDS, CLOCK * SECONDS)
            except subprocess.TimeoutExpired:
                return Ended(None, f"took more than {2 * SECONDS} s, asleep or at work")
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)  # it, or what it left behind
        output.seek(0)
        if code == 0:
            return Ended(output.read(OUTPUT).decode(errors="replace"), None)
        errors.seek(max(0, errors.seek(0, os.SEEK_END) - 2000))
        said = errors.read().decode(errors="replace").strip().splitlines()
    if signal.SIGXCPU in (code - 128, -code):  # of a child of bubblewrap, of our own
        return Ended(None, f"took more than {SECONDS} s")
    return Ended(None, said[-1][:200] if said else f"ended with exit code {code}")


@functools.cache
def is_usable(without: bool) -> bool:
    """Return whether programs can be run in the sandbox.

    Raises UserError where they cannot, unless they may be run `without`.
    """
    try:
        ended = run("print(input())", "ready")
        if ended.output == "ready\n":
            return True
        problem = f"the sandbox (bubblewrap, at least 0.7) does not work here ({ended.reason})"
    except FileNotFoundError:
        problem = "there is no sandbox (bubblewrap) to run the programs that models write"
    if not without:
        raise UserError(f"{problem}: {INSTALL}")
    log.warning("%s; as the experiment allows it, they are run without one", problem)
    return False
