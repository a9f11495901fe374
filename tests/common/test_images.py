"""The containers are made by the Makefile's own targets, from its locks: nothing in them can drift."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from scripts.common.layout import IN_IMAGE

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "containers/Dockerfile").read_text(encoding="utf-8")
APPTAINER = (ROOT / "containers/apptainer.def").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


@pytest.mark.parametrize("text", [DOCKERFILE, APPTAINER], ids=["docker", "apptainer"])
def test_only_the_makefile_installs(text: str) -> None:
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    assert not re.search(r"\b(pip3?|uv|conda) +install|\.txt\b", code)
    targets = set(re.findall(r"^([\w./-]+):", MAKEFILE, re.MULTILINE))
    made = set(re.findall(r"(?:^RUN |^ +)make (\S+) ", code, re.MULTILINE)) | set(
        re.findall(r"^ +make=(\S+)$", code, re.M)
    )
    assert made - {"{{"} and made - {"{{"} <= targets


def test_both_begin_alike_and_with_the_python_of_the_project() -> None:
    base = re.search(r"^ARG BASE=(\S+)$", DOCKERFILE, re.MULTILINE)[1]
    assert re.search(r"^From: (\S+)$", APPTAINER, re.MULTILINE)[1] == base
    version = re.search(r"python:(\d+\.\d+)\.\d+-", base)
    assert version, "an exact Python"
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["requires-python"]
    assert f">={version[1]}" in asked
    packages = [re.search(r"--no-install-recommends ([\w ]+?) &&", text)[1] for text in (DOCKERFILE, APPTAINER)]
    assert packages[0] == packages[1]


def test_it_is_an_ordinary_users_and_labelled() -> None:
    assert re.findall(r"^USER (\w+)$", DOCKERFILE, re.MULTILINE)[-1] == "user"
    stages = re.split(r"^FROM ", DOCKERFILE, flags=re.MULTILINE)[1:]
    assert [re.findall(r"^USER (\w+)$", stage, re.MULTILINE)[-1] for stage in stages] == ["user", "user"]
    for label in ("title", "licenses", "version", "revision"):
        assert f"org.opencontainers.image.{label}" in DOCKERFILE and f"org.opencontainers.image.{label}" in APPTAINER


def test_what_the_apptainer_image_holds_is_there_and_where_jobs_look_for_it() -> None:
    files = re.findall(r"^ +(\S+) (/opt/sft-report/\S+)$", APPTAINER, re.MULTILINE)
    assert files and all((ROOT / source).exists() for source, _ in files)
    assert f"cd {IN_IMAGE}\n" in APPTAINER


def test_no_secret_or_result_travels_into_an_image() -> None:
    left_out = set((ROOT / ".dockerignore").read_text(encoding="utf-8").split())
    assert {".git", ".venv", ".venv-vllm", "results", "work", "logs", "models"} <= left_out


def test_the_profile_is_that_of_slurm_in_an_image() -> None:
    slurm, image = (
        yaml.safe_load((ROOT / f"profiles/{name}/config.yaml").read_text(encoding="utf-8"))
        for name in ("slurm", "slurm-apptainer")
    )
    assert image == {**slurm, "software-deployment-method": "apptainer", "apptainer-args": "--nv"}


@pytest.mark.workflow
def test_every_job_is_planned_in_the_image(tmp_path: Path) -> None:
    """With a stand-in for apptainer that says its version: a dry run, its commands printed."""
    (tmp_path / "apptainer").write_text("#!/bin/sh\necho apptainer version 1.3.4\n")
    (tmp_path / "apptainer").chmod(0o755)
    (tmp_path / "image.sif").touch()
    command = [
        sys.executable,
        "-m",
        "snakemake",
        "--dry-run",
        "--cores",
        "1",
        "--software-deployment-method",
        "apptainer",
    ]
    command += [
        "--snakefile",
        str(ROOT / "Snakefile"),
        "--directory",
        str(tmp_path),
        "--configfile",
        str(ROOT / "experiments/micro.yaml"),
    ]
    environment = {
        **os.environ,
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "SFT_REPORT_IMAGE": str(tmp_path / "image.sif"),
    }
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "train_sft" in done.stdout + done.stderr
