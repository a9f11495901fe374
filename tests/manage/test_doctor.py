"""`make doctor` looks at the machine with nothing but Python: what is on the PATH is there, what is not has its command."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def doctor(path: Path) -> subprocess.CompletedProcess[str]:
    """Run it on a Python without packages, with one folder on the PATH."""
    path.mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, "-S", "-E", "-m", "scripts.manage.doctor"],
        cwd=ROOT,
        env={"PATH": str(path), "HOME": str(path)},
        capture_output=True,
        text=True,
    )


def place(folder: Path, name: str, text: str) -> None:
    """Put a program on the PATH."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


def test_what_is_missing_has_its_command(tmp_path: Path) -> None:
    done = doctor(tmp_path / "bin")
    assert re.search(r"^code benchmarks +bwrap +no +apt-get install bubblewrap$", done.stdout, re.MULTILINE)
    assert re.search(r"^report +typst +no +make \.venv/installed$", done.stdout, re.MULTILINE)
    assert done.returncode == 1 and done.stderr.endswith("no experiment runs here without: make\n")


def test_what_is_there_is_seen(tmp_path: Path) -> None:
    place(tmp_path / "bin", "make", "echo GNU Make 9.1")
    place(tmp_path / "bin", "sbatch", "exit 1")  # Slurm's commands fail where no cluster answers
    place(tmp_path / "bin", "bwrap", "exit 1")
    done = doctor(tmp_path / "bin")
    assert re.search(r"^every experiment +make +yes +GNU Make 9.1$", done.stdout, re.MULTILINE)
    assert re.search(r"^Slurm +sbatch +yes +installed$", done.stdout, re.MULTILINE)
    assert re.search(r"^code benchmarks +bwrap +no +.*user namespaces$", done.stdout, re.MULTILINE)
    assert done.returncode == 0


def test_a_token_is_never_shown(tmp_path: Path) -> None:
    (tmp_path / "bin" / ".cache/huggingface").mkdir(parents=True)
    (tmp_path / "bin" / ".cache/huggingface/token").write_text("hf_secret")
    done = doctor(tmp_path / "bin")
    assert "HF_TOKEN" in done.stdout and "hf_secret" not in done.stdout + done.stderr
