"""A copy of the project to run and to edit, and one finished run of experiments/micro.yaml that several tests look at."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.workflow.slurm_cluster import SlurmCluster, lacking

ROOT = Path(__file__).resolve().parents[2]
PARTS = ["Snakefile", "config.yaml", "rules", "scripts", "report", "envs", "profiles", "experiments"]


class Checkout:
    """A folder with the project's files, in which Snakemake runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment: dict[str, str] | None = None  # this process's own
        for part in PARTS:
            source = ROOT / part
            if source.is_dir():
                shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(source, folder / part)
        for environment in (".venv", ".venv-vllm"):
            if (ROOT / environment).exists():
                (folder / environment).symlink_to(ROOT / environment)

    def snakemake(self, *arguments: str, check: bool = True, timeout: int = 900) -> str:
        """Run Snakemake; return what it prints."""
        # A profile says itself where its jobs run and how many.
        where = [] if "--profile" in arguments else ["--cores", str(os.cpu_count())]
        return self.run("snakemake", *where, *arguments, check=check, timeout=timeout)

    def run(self, module: str, *arguments: str, check: bool = True, timeout: int = 900) -> str:
        """Run a Python program in the folder; return what it prints."""
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=self.folder,
            env=self.environment,
            text=True,
            timeout=timeout,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        if check and done.returncode:
            logs = [path.read_text(errors="replace")[-2000:] for path in self.folder.rglob("logs/**/*.log")]
            raise AssertionError(done.stdout[-4000:] + "\n".join(logs[-3:]))
        return done.stdout

    def start(self, module: str, *arguments: str) -> subprocess.Popen[str]:
        """Start a Python program in the folder, in a session of its own; what it prints is added to main.log."""
        with self.log.open("a") as output:
            return subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                cwd=self.folder,
                env=self.environment,
                text=True,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def log(self) -> Path:
        """What programs in the background print."""
        return self.folder / "main.log"

    def until(self, condition: Callable[[], object], what: str, seconds: float = 120) -> None:
        """Return when the condition holds. Fails after `seconds`, and when a Snakemake in the background has ended."""
        end = time.monotonic() + seconds
        while not condition():
            said = self.log.read_text()
            assert "Exiting because" not in said, f"no {what}: Snakemake has ended\n{said[-4000:]}"
            assert time.monotonic() < end, f"no {what} after {seconds:.0f} s\n{said[-4000:]}"
            time.sleep(0.1)

    def plan(self, *arguments: str) -> Counter[str]:
        """Return how many jobs of each rule a run would start."""
        text = self.snakemake("--dry-run", *arguments)
        if "Nothing to be done" in text:
            return Counter()
        table = re.search(r"^job\s+count\n[-\s]+\n(.*?)^total", text, flags=re.MULTILINE | re.DOTALL)
        assert table, text
        return Counter({line.split()[0]: int(line.split()[1]) for line in table.group(1).splitlines() if line.strip()})

    def experiment(self, stem: str, source: str = "micro", **changes: object) -> str:
        """Write experiments/{stem}.yaml: another one with keys (dots as __) changed. Return its path."""
        config = yaml.safe_load((self.folder / f"experiments/{source}.yaml").read_text(encoding="utf-8"))
        for path, value in changes.items():
            *keys, last = path.split("__")
            place = config
            for key in keys:
                place = place.setdefault(key, {})
            place[last] = value
        target = f"experiments/{stem}.yaml"
        (self.folder / target).write_text(yaml.safe_dump(config), encoding="utf-8")
        return target

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace text in a file; it must be there."""
        text = (self.folder / file).read_text(encoding="utf-8")
        assert old in text, f"{file} does not hold {old!r}"
        (self.folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A fresh copy of the project."""
    return Checkout(tmp_path)


# Python runs this at its start: it writes down every file that a program of ours opens to read.
WATCH = """
import os, sys

def watch(event, arguments):
    if event == "open" and isinstance(arguments[0], str) and not (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR):
        module = next((word for word in sys.orig_argv if word.startswith("scripts.")), None)
        if module and os.path.isfile(arguments[0]) and not arguments[0].startswith(("/proc", "/sys", "/usr", "/dev")):
            os.write(log, f"{module}\\t{os.path.abspath(arguments[0])}\\n".encode())

log = os.open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "opened.tsv"), os.O_APPEND | os.O_CREAT | os.O_WRONLY)
sys.addaudithook(watch)
"""


@pytest.fixture(scope="session")
def micro(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A copy of the project with experiments/micro.yaml run to the end, in a folder that no shell likes, and with
    opened.tsv of all files that its programs read. Tests that edit it put it back."""
    folder = tmp_path_factory.mktemp("micro") / "it's a ünï 文 dir"
    folder.mkdir()
    finished = Checkout(folder)
    (folder / "sitecustomize.py").write_text(WATCH, encoding="utf-8")
    finished.snakemake("--configfile", "experiments/micro.yaml")
    (folder / "sitecustomize.py").unlink()
    return finished


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmCluster]:
    """A Slurm on this machine; where it cannot be had, a sentence and exit code 1."""
    if sentence := lacking():
        pytest.exit(sentence, returncode=1)
    yield from running(SlurmCluster(tmp_path_factory.mktemp("slurm") / "cluster"))


def running(slurm: SlurmCluster) -> Iterator[SlurmCluster]:
    """Start a cluster, and end all of it."""
    try:
        slurm.start()
        yield slurm
    finally:
        slurm.stop()
        left = [(process.pid, process.info["cmdline"]) for process in slurm.processes()]
        for number, _ in left:
            os.kill(number, signal.SIGKILL)
    assert not left, "the cluster leaves no process behind"


@pytest.fixture
def on_slurm(checkout: Checkout, cluster: SlurmCluster) -> Checkout:
    """A fresh copy of the project whose commands reach the cluster."""
    checkout.environment = cluster.environment
    return checkout


def copy_results(source: Checkout, target: Checkout) -> None:
    """Copy all that comes before training, with Snakemake's records of it."""
    for part in ("results/micro/data", "results/micro/select", "results/micro/train/demo-base", ".snakemake/metadata"):
        shutil.copytree(source.folder / part, target.folder / part, symlinks=True)
    for record in (source.folder / "results/micro/train").glob("demo-base*.json"):
        shutil.copy2(record, target.folder / "results/micro/train")


@pytest.fixture
def ready_to_train(micro: Checkout, on_slurm: Checkout) -> Checkout:
    """A copy with all that comes before training, as the local run made it."""
    copy_results(micro, on_slurm)
    return on_slurm
