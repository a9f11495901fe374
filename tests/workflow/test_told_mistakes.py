"""A user's mistake is tried once, a fault as often as asked, and the run's last lines say what failed."""

import pytest

from tests.workflow.conftest import Checkout

pytestmark = pytest.mark.workflow

GRAPH = """
configfile: "config.yaml"
include: "rules/common.smk"
rule all:
    input:
        expand("made/{job}.txt", job=["mistake", "fault", "late", "none"]),
rule one:
    output:
        "made/{job}.txt",
    log:
        "logs/{job}.log",
    shell:
        '"$PYTHON" fails.py {wildcards.job} {output} > {log} 2>&1'
"""
PROGRAM = """
import sys
from pathlib import Path

from scripts.common import cli

job, output = sys.argv[1:]
with open(f"tried-{job}", "a") as stream:
    stream.write("x")

def main():
    if job == "mistake":
        raise cli.UserError("row 3 has no answer: add one")
    if job == "fault" or (job == "late" and Path("tried-late").read_text() == "x"):
        raise RuntimeError("out of memory")
    Path(output).touch()

cli.run(main)
"""


def test_only_what_may_help_is_tried_again(checkout: Checkout) -> None:
    (checkout.folder / "failing.smk").write_text(GRAPH, encoding="utf-8")
    (checkout.folder / "fails.py").write_text(PROGRAM, encoding="utf-8")
    said = checkout.snakemake("--snakefile", "failing.smk", "--retries", "2", "--keep-going", check=False)
    tried = {path.name[6:]: len(path.read_text()) for path in checkout.folder.glob("tried-*")}
    assert tried == {"mistake": 1, "fault": 3, "late": 2, "none": 1}
    heading, *lines = said.rstrip().splitlines()[-3:]
    assert heading == "2 jobs failed:"
    assert sorted(lines) == [
        "  one (job=fault): RuntimeError: out of memory; log: logs/fault.log",
        "  one (job=mistake): row 3 has no answer: add one; log: logs/mistake.log",
    ]
