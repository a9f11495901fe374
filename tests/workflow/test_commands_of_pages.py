"""The commands that README and the pages show, given as they stand there; `experiments/mine.yaml` is micro.

The quick ones on a finished micro; the page on LIMOPro from its first command to its last in the suite of minutes.
"""

import re
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from tests.page_commands import ROOT, Command, all_commands
from tests.workflow.conftest import Checkout

ELSEWHERE = {
    r"make (smollm2|report CONFIG=experiments/smollm2)": "tests/workflow/test_smollm2.py",
    r"make report( TORCH=cpu)?$": "make test-demo",
    r"make test": "is what runs this",
    r"--profile profiles/slurm |acereason": "make test-slurm, and tests/workflow/test_plan.py for the experiment",
    r"slurm-apptainer": "the GitHub workflow of containers",
    r"perf\.": "hours in all: docs/performance.md says when each was run last",
    r"audit_published|make entries": "tests/compare and tests/manage: they take a course's own files",
}
"""Commands that are run in another place, or by hand."""
MINUTES = "limopro.md"


def blocks() -> list[Command]:
    """Return the commands that stand in blocks of code, each once, and are run here within seconds."""
    whole = {command.text: command for command in all_commands() if command.in_block and command.page != MINUTES}
    return [command for command in whole.values() if not any(re.search(form, command.text) for form in ELSEWHERE)]


@pytest.fixture
def finished(micro: Checkout) -> Iterator[Checkout]:
    """The finished micro as a user has it: with the Makefile, an experiment of its own and a file of chains."""
    added = [micro.folder / name for name in ("Makefile", "experiments/mine.yaml", "chains.jsonl")]
    shutil.copy2(ROOT / "Makefile", added[0])
    shutil.copy2(micro.folder / "experiments/micro.yaml", added[1])
    shutil.copy2(ROOT / "experiments/smollm2/chains.jsonl", added[2])
    yield micro
    for file in added:
        file.unlink()


def give(checkout: Checkout, text: str, seconds: float) -> str:
    """Give a command to a shell, as it stands on the page; return what is printed."""
    done = subprocess.run(
        text.replace("MODEL=folder", "MODEL=results/micro/train/demo-base"),
        shell=True,
        executable="/bin/bash",
        cwd=checkout.folder,
        text=True,
        timeout=seconds,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


@pytest.mark.workflow
def test_commands_of_the_pages(finished: Checkout) -> None:
    given = {command.text: give(finished, command.text, 300) for command in blocks()}
    assert len(given) >= 14, list(given)
    assert "report.pdf" in given["make report CONFIG=experiments/mine.yaml"]
    assert "Nothing to be done" in given[".venv/bin/snakemake -n --configfile experiments/mine.yaml"]
    assert "40" in given["make inspect DATA=chains.jsonl"]
    assert all(text.strip() for text in given.values()), "each says something"


@pytest.mark.long
def test_the_page_on_limopro_from_its_first_command_to_its_last(checkout: Checkout) -> None:
    shutil.copytree(ROOT / "perf", checkout.folder / "perf")
    for command in all_commands():
        if command.in_block and command.page == MINUTES:
            give(checkout, command.text, 1200)
    assert (checkout.folder / "values.csv").is_file()
